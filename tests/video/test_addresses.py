"""Streams: what is shown of their addresses, and what happens when they drop."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from headpose.errors import HeadposeError
from headpose.video import live
from headpose.video.addresses import is_secret, text_without_secrets, without_secrets
from headpose.video.file import open_container
from headpose.video.frames import Reading


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://user:secret@10.0.0.1:554/x", "rtsp://user:***@10.0.0.1:554/x"),
        ("rtsp://user@host/x", "rtsp://user@host/x"),
        ("http://h/x?user=me&password=secret&n=1", "http://h/x?user=me&password=***&n=1"),
        ("http://h/x?access_token=secret", "http://h/x?access_token=***"),
        ("http://h/x?a=1?token=secret", "http://h/x?a=1?token=***"),
        ("http://h/x?user=a&pwd=ab?secret&n=1", "http://h/x?user=a&pwd=***&n=1"),
        ("https://u:TOP::secret@h/b.jpg", "https://u:***@h/b.jpg"),
        ("rtsp://a:se@cret@h/x", "rtsp://a:***@h/x"),
        ("rtsp://a:secret@[::1/x", "rtsp://[::1/x"),
        ("http://h/x?author=a&keyword=b&design=c", "http://h/x?author=a&keyword=b&design=c"),
        ("http://h/x?q=1#access_token=secret&n=1", "http://h/x?q=1#access_token=***&n=1"),
        ("http://[::1/x?token=secret&n=1", "http://[::1/x?token=***&n=1"),
        ("http://[::1]:80/x?token=secret", "http://[::1]:80/x?token=***"),
        ("simplecache::http://me:secret@h/x?sig=secret", "simplecache::http://me:***@h/x?sig=***"),
        ("zip://a.jpg::https://me:secret@h/p.zip?v=1", "zip://a.jpg::https://me:***@h/p.zip?v=1"),
        (
            "http://h/x?of=http://me:secret@i/y?key=secret",
            "http://h/x?of=http://me:***@i/y?key=***",
        ),
        (
            "http://h/x?of=http%3A%2F%2Fi%2F%3Fsig%3Dsecret",
            "http://h/x?of=http%3A%2F%2Fi%2F%3Fsig%3D***",
        ),
        ("http://h/x?of=http%3A%2F%2Fi%2F%3Fn%3d1", "http://h/x?of=http%3A%2F%2Fi%2F%3Fn%3d1"),
        ("zip://a.jpg::/me@home/p.zip", "zip://a.jpg::/me@home/p.zip"),
        ("photo:secret@home.mp4", "photo:secret@home.mp4"),
        ("clip.mp4", "clip.mp4"),
    ],
)
def test_secrets_of_an_address_are_not_shown(address, shown):
    assert without_secrets(address) == shown


SECRET = (
    "token key api_key apikey access_token accessToken accesstoken sig signature password "
    "user[pass] auth oauth_token X-Amz-Signature X-Amz-Credential X-Amz-Security-Token pwd2 PWD "
    "X-Goog-Signature X-Goog-Credential X%2DAmz%2DSignature AWSAccessKeyId APIKey "
    "subscription-key client_secret authbasic sessionkey streamkey authkey appkey loginpass "
    "userpwd authcode passwordhash sign tokens"
)
SHOWN = (
    "keyword author design passenger keyframe key_frame significant assign "
    "authority X-Amz-Date X-Goog-Expires GoogleAccessId file id user"
)


def test_parameters_are_secret_by_whole_words_of_their_names():
    assert [name for name in SECRET.split() if not is_secret(name)] == []
    assert [name for name in SHOWN.split() if is_secret(name)] == []


def test_addresses_in_what_others_say_are_shown_without_secrets():
    told = "503, message='Busy', url='http://me:secret@h/a.png?token=secret&n=1' (try later)"
    shown = "503, message='Busy', url='http://me:***@h/a.png?token=***&n=1' (try later)"
    assert text_without_secrets(told) == shown


def test_a_camera_that_does_not_answer_is_told_without_its_password():
    with pytest.raises(HeadposeError) as error:
        open_container("rtsp://user:secret@127.0.0.1:9/x")
    assert "secret" not in str(error.value)
    assert "user:***@127.0.0.1:9" in str(error.value)
    assert "cut short" not in str(error.value)


class Dropping(live._Live):
    """Gives two pictures at a time and fails to open again so many times."""

    def __init__(self, reading, refusals=0):
        super().__init__("a stream", Fraction(25), reading)
        self.opened, self.refusals = 1, refusals

    def _open(self):
        if self.refusals:
            self.refusals -= 1
            raise HeadposeError("a stream: connection refused")
        self.opened += 1

    def _close(self):
        pass

    def _pictures(self):
        for i in range(2):
            yield (np.full((4, 4, 3), 10 * self.opened + i, np.uint8),)
        self.problems.append("a stream: broke off")


@pytest.fixture
def clock(monkeypatch):
    """A clock that waiting moves on."""
    now = [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(live.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


def test_a_stream_that_drops_ends_where_nobody_wants_it_back():
    stream = Dropping(Reading())
    assert [frame.index for frame in stream] == [0, 1]
    assert stream.problems == ["a stream: broke off"]


def test_a_stream_is_opened_again_and_numbers_and_times_go_on(clock):
    stream = Dropping(Reading(reconnect=60.0), refusals=2)
    frames = list(itertools.islice(stream, 6))
    assert [frame.index for frame in frames] == list(range(6))
    assert [int(frame.picture[0, 0, 0]) for frame in frames] == [10, 11, 20, 21, 30, 31]
    # It waits 1 s, then 2 and 4 as nothing answers; after the next drop 1 s again.
    assert [frame.time for frame in frames] == [0, 0, 7, 7, 8, 8]
    assert stream.problems == []


def test_a_stream_that_stays_away_is_given_up(clock):
    stream = Dropping(Reading(reconnect=10.0), refusals=99)
    assert len(list(stream)) == 2
    (problem,) = stream.problems
    assert "connection refused; gave up after 10 s" in problem
