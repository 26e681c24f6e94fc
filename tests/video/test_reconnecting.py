"""A stream over the network that drops, refuses, and comes back."""

import http.server
import itertools
import threading

import numpy as np
import pytest
from videos import card, evenly, make_video, number_of

from headpose.video import live
from headpose.video.frames import Reading
from headpose.video.opening import open_source

FRAMES = 8


@pytest.fixture
def stream(tmp_path):
    """Serves a stream of eight cards: well at the first and third request, then no more."""
    content = make_video(tmp_path / "cards.ts", evenly(FRAMES, 10), card).read_bytes()

    class Answer(http.server.BaseHTTPRequestHandler):
        asked = itertools.count(1)
        served = 0

        def do_GET(self):
            if next(Answer.asked) not in (1, 3):
                self.send_error(503)
                return
            Answer.served += 1
            self.send_response(200)  # without a length, as live streams are
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://user:secret@127.0.0.1:{server.server_port}/cards.ts", Answer
        server.shutdown()


def numbers_of(frames: list) -> list[int]:
    return [number_of(frame.picture) for frame in frames]


def test_numbers_and_times_go_on_over_the_gap(stream, monkeypatch, caplog):
    monkeypatch.setattr(live, "FIRST_WAIT", 0.01)
    address, answer = stream
    with open_source(address, Reading(reconnect=600.0)) as source:
        assert source.live
        frames = list(itertools.islice(source, FRAMES + 4))
    assert answer.served == 2
    assert [frame.index for frame in frames] == list(range(FRAMES + 4))
    # A decoder may keep the last cards for itself where the connection breaks.
    gap = numbers_of(frames).index(0, 1)
    assert FRAMES - 2 <= gap <= FRAMES
    assert numbers_of(frames) == [*range(gap), *range(FRAMES + 4 - gap)]
    times = np.array([frame.time for frame in frames])
    assert times[0] == 0
    assert (np.diff(times) >= 0).all()
    assert "trying again" in caplog.text
    assert "secret" not in caplog.text


def test_without_being_asked_to_it_ends_with_the_stream(stream):
    address, answer = stream
    with open_source(address) as source:
        frames = list(source)
    assert answer.served == 1
    assert len(frames) >= FRAMES - 2
    assert numbers_of(frames) == list(range(len(frames)))
