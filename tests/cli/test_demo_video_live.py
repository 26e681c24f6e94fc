"""demo_video.py on cameras, and in windows."""

import json
import subprocess
import sys
import time
from types import SimpleNamespace

import cv2
import pytest
from demo_videos import all_outputs, rows_of, walk
from videos import frames_of, patches


class Camera:
    """A camera with two patches that gives 30 frames, or more than anyone takes."""

    frames = 30

    def __init__(self, number):
        self.taken, self.there = 0, number == 2

    def isOpened(self):
        return self.there

    def get(self, _):
        return 20.0

    def read(self):
        time.sleep(0.002)
        self.taken += 1
        return self.taken <= self.frames, patches(walk(self.taken % 20))

    def release(self):
        pass


def test_of_a_camera_the_newest_frames_count(demo, detector, tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    detect = detector.detect

    def slow(*arguments):
        time.sleep(0.02)
        return detect(*arguments)

    monkeypatch.setattr(detector, "detect", slow)
    done = demo("2", *all_outputs(tmp_path))
    assert done.status == 1
    assert "camera 2: gives no more pictures" in done.err
    report = json.loads((tmp_path / "s.json").read_text())
    assert report["frames dropped"] > 0
    assert report["frames"] + report["frames dropped"] == 30
    assert {count for count, _ in detector.calls} == {1}
    indices = sorted({int(r["frame"]) for r in rows_of(tmp_path / "h.csv")})
    assert indices[-1] == 29
    times = [t for t, _ in frames_of(tmp_path / "o.mp4")]
    assert times == sorted(times)
    assert len(times) == report["frames"]


def test_a_camera_can_be_stopped_after_a_time(demo, tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    monkeypatch.setattr(Camera, "frames", 10**9)
    done = demo("2", "--csv", tmp_path / "h.csv", "--end", 0.3)
    assert done.status == 0, done.err
    assert max(float(r["time"]) for r in rows_of(tmp_path / "h.csv")) < 0.3


@pytest.mark.parametrize("options", [["--start", "1"], ["--every", "2"]])
def test_a_camera_has_no_parts(demo, monkeypatch, options):
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    done = demo("2", "--csv", "-", *options)
    assert done.status == 1
    assert "--start and --every are for files" in done.err


@pytest.mark.parametrize("how", ["key", "closed"])
def test_a_window_shows_frames_until_somebody_ends_it(demo, clip, tmp_path, monkeypatch, how):
    shown = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=0))
    monkeypatch.setattr(cv2, "imshow", lambda _, picture: shown.append(picture))
    last = lambda: len(shown) >= 3  # noqa: E731
    monkeypatch.setattr(cv2, "waitKey", lambda _: ord("q") if how == "key" and last() else -1)
    visible = lambda *_: 0.0 if how == "closed" and last() else 1.0  # noqa: E731
    monkeypatch.setattr(cv2, "getWindowProperty", visible)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    done = demo(clip, "--show", "--output", tmp_path / "o.mp4")
    assert done.status == 0, done.err
    assert len(shown) == 3
    assert 3 <= len(frames_of(tmp_path / "o.mp4")) < 20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays are told apart on Linux")
@pytest.mark.parametrize("display", [None, ":97"])
def test_show_without_a_display_is_told(run_script, clip, monkeypatch, display):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if display:
        monkeypatch.setenv("DISPLAY", display)
    done = run_script("demo_video.py", clip, "--show")
    assert done.status == 1
    assert "--show" in done.err
    assert len(done.err.splitlines()) == 1
