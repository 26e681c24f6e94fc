"""Cameras and streams: frames at the time they come."""

import functools
import http.server
import socket
import threading
from fractions import Fraction

import cv2
import pytest
from video_reading import read
from videos import SIZE, card, evenly, make_video, number_of

from headpose.errors import HeadposeError
from headpose.video.opening import open_source


class FakeCamera:
    """A camera that gives numbered cards, then nothing."""

    def __init__(self, number):
        self.left = iter(range(5))
        self.there = number == 3

    def isOpened(self):
        return self.there

    def get(self, _):
        return 0.0

    def read(self):
        index = next(self.left, None)
        return (False, None) if index is None else (True, card(index))

    def release(self):
        self.there = False


def test_a_camera_gives_frames_at_the_time_they_come(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", FakeCamera)
    frames, source = read("3")
    assert source.live
    assert [number_of(f.picture) for f in frames] == list(range(5))
    times = [f.time for f in frames]
    assert times[0] == 0
    assert times == sorted(times)
    assert source.problems == ["camera 3: gives no more pictures"]


def test_a_camera_that_is_not_there_is_told(run_fresh):
    done = run_fresh("demo_video.py", "97", "--csv", "-")
    assert done.status == 1
    assert done.err.splitlines() == [
        "demo_video.py: error: no camera 97; name another number, or a file"
    ]


def test_a_number_that_no_int_holds_is_no_camera():
    with pytest.raises(HeadposeError, match="no camera 99999999999; name another number"):
        open_source("99999999999")


@pytest.mark.parametrize(
    ("address", "told"),
    [("http://127.0.0.1:9/a.mp4", "refused"), ("nowhere://a", "kind of address")],
)
def test_an_address_without_a_stream_is_told(address, told):
    with pytest.raises(HeadposeError, match=told):
        open_source(address)


def test_a_stream_is_read_as_it_comes(tmp_path):
    """A server sends a transport stream, which does not say how long it is."""
    content = make_video(tmp_path / "a.ts", evenly(30)).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection = server.accept()[0]
            with connection:
                connection.sendall(content)

        thread = threading.Thread(target=serve)
        thread.start()
        frames, source = read(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert source.live
    assert [number_of(f.picture) for f in frames] == list(range(30))


@pytest.fixture
def endless(tmp_path):
    """A WebM as browsers record it: nothing in it says how long it is."""
    import av

    with av.open(str(tmp_path / "a.webm"), "w", container_options={"live": "1"}) as container:
        stream = container.add_stream("libvpx", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for i in range(40):
            frame = av.VideoFrame.from_ndarray(card(i), format="bgr24")
            frame.pts, frame.time_base = 40 * i, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with av.open(str(tmp_path / "a.webm")) as container:
        assert container.duration is None
    return tmp_path / "a.webm"


def test_a_file_without_a_duration_is_a_file_by_address_too(endless):
    """No frame of it is passed over because another is newer."""
    handler = functools.partial(QuietHandler, directory=str(endless.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name in (endless.as_uri(), f"http://127.0.0.1:{server.server_port}/a.webm"):
            frames, source = read(name)
            assert not source.live
            assert [f.index for f in frames] == list(range(40))
            assert [f.time for f in frames] == pytest.approx([0.04 * i for i in range(40)])
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *given):
        pass
