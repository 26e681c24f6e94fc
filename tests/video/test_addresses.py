"""Streams: what is shown of their addresses, and what happens when they drop."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from headpose.errors import HeadposeError
from headpose.video import live
from headpose.video.addresses import without_secrets
from headpose.video.file import open_container
from headpose.video.frames import Reading


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://user:secret@10.0.0.1:554/x", "rtsp://user:***@10.0.0.1:554/x"),
        ("rtsp://user@host/x", "rtsp://user@host/x"),
        ("http://h/x?user=me&password=secret&n=1", "http://h/x?user=me&password=***&n=1"),
        ("http://h/x?access_token=secret", "http://h/x?access_token=***"),
        ("rtsp://a:se@cret@h/x", "rtsp://a:***@h/x"),
        ("rtsp://a:secret@[::1/x", "rtsp://[::1/x"),
        ("photo:secret@home.mp4", "photo:secret@home.mp4"),
        ("clip.mp4", "clip.mp4"),
    ],
)
def test_secrets_of_an_address_are_not_shown(address, shown):
    assert without_secrets(address) == shown


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
