"""demo_video.py where something goes wrong or ends early."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from demo_videos import all_outputs, no_leftovers, rows_of, walk
from videos import evenly, frames_of, make_video, patches

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{text}"], "not a video"),
        (["{clip}", "--output", "{folder}/a.xyz"], "cannot write this kind of video"),
        (["{clip}", "--output", "{folder}/a.mp4", "--codec", "h999"], "no video encoder h999"),
        (["{clip}", "--output", "{folder}/a.webm", "--codec", "mpeg4"], "cannot hold mpeg4"),
        (["{clip}", "--output", "{text}/a.mp4"], "cannot write"),
        (["{clip}", "--csv", "{folder}"], "it is a folder"),
        (["{clip}", "--output", "{clip}"], "is an input and would be lost"),
        (["{clip}", "--csv", "{folder}/a.csv", "--start", "99"], "no frames"),
        (["{clip}", "--csv", "{folder}/a.csv", "--detector", "none.keras"], "no such model file"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(run_script, clip, tmp_path, arguments, told):
    text = tmp_path / "text.mp4"
    text.write_text("I am no video")
    before = clip.read_bytes()
    given = [a.format(text=text, clip=clip, folder=tmp_path) for a in arguments]
    if "99" in given:  # the only one that gets as far as the networks
        given += ["--detector", "viola-jones"]
    done = run_script("demo_video.py", *given)
    assert done.status == 1
    assert told in done.err
    assert len(done.err.splitlines()) == 1
    assert clip.read_bytes() == before
    assert {f.name for f in tmp_path.iterdir()} == {"clip.mp4", "text.mp4"}


def test_of_a_truncated_video_what_can_be_read_is_done(demo, tmp_path, noise_picture):
    def draw(i):
        return np.maximum(patches(walk(i % 20)), noise_picture(320, 180, i) // 8)

    clip = make_video(tmp_path / "clip.mp4", evenly(60), draw, front=True)
    content = clip.read_bytes()
    clip.write_bytes(content[: len(content) // 2])
    done = demo(clip, "--output", tmp_path / "o.mp4", "--stats", tmp_path / "s.json")
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert "cut short" in line or "broke off" in line
    report = json.loads((tmp_path / "s.json").read_text())
    assert 15 < report["frames"] < 45
    assert len(frames_of(tmp_path / "o.mp4")) == report["frames"]
    assert len(report["problems"]) == 1


def test_a_full_disk_is_told_and_nothing_half_is_kept(demo, clip, tmp_path, monkeypatch):
    (tmp_path / "o.mp4").write_bytes(b"from before")
    calls = []

    def full(self, picture, moment, duration):
        calls.append(moment)
        if len(calls) == 8:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("headpose.video.writer.VideoWriter.write", full)
    done = demo(clip, "--output", tmp_path / "o.mp4", "--csv", tmp_path / "h.csv")
    assert done.status == 1
    assert "o.mp4 exists; add --overwrite" in done.err
    given = ("--output", tmp_path / "o.mp4", "--csv", tmp_path / "h.csv", "--overwrite")
    done = demo(clip, *given)
    assert done.status == 1
    assert "no space left on device" in done.err.splitlines()[-1]
    assert (tmp_path / "o.mp4").read_bytes() == b"from before"
    # Rows of the table are kept, under a name that says so.
    assert {f.name for f in tmp_path.iterdir()} == {"clip.mp4", "o.mp4", "h.unfinished.csv"}


def test_an_interrupted_run_keeps_what_is_done(demo, detector, clip, tmp_path, monkeypatch):
    detect = detector.detect

    def interrupted(*arguments):
        if len(detector.calls) == 3:
            raise KeyboardInterrupt
        return detect(*arguments)

    monkeypatch.setattr(detector, "detect", interrupted)
    done = demo(clip, *all_outputs(tmp_path))
    assert done.status == 130
    assert "interrupted after 9 frames" in done.err
    assert len(frames_of(tmp_path / "o.mp4")) == 9
    rows = rows_of(tmp_path / "h.csv")
    assert [int(r["frame"]) for r in rows] == [i for i in range(9) for _ in range(2)]
    assert (tmp_path / "h.csv").read_text().endswith("\n")
    assert json.loads((tmp_path / "s.json").read_text())["interrupted"] is True


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as on Unix")
def test_control_c_ends_well(tmp_path, portrait, tiny_estimator):
    """A real signal in a process of its own, once the first rows are there."""
    picture = cv2.resize(cv2.imread(str(portrait)), (128, 150))
    clip = make_video(tmp_path / "clip.mp4", evenly(900, 100), lambda _: picture, "mpeg4")
    command = [
        *("demo_video.py", clip, "--output", tmp_path / "o.mp4", "--csv", tmp_path / "h.csv"),
        *("--detector", "viola-jones", "--detector-size", 128),
        *("--estimator", tiny_estimator, "--device", "cpu"),
    ]
    # A process started from the background of a shell would not hear the signal.
    start = (
        "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        f"sys.argv = {[str(c) for c in command]!r};"
        f"runpy.run_path({str(ROOT / 'demo_video.py')!r}, run_name='__main__')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start], stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if any(f.stat().st_size > 1000 for f in tmp_path.glob("h.unfinished.csv")):
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 130, told
    assert "interrupted after" in told
    frames, rows = frames_of(tmp_path / "o.mp4"), rows_of(tmp_path / "h.csv")
    assert 1 < len(frames) < 900
    assert None not in rows[-1].values()
    assert int(rows[-1]["frame"]) < len(frames)
    assert no_leftovers(tmp_path)


def test_a_video_that_fails_stands_in_the_statistics(demo, clip, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(clip.read_bytes()[:100])
    done = demo(clip, tmp_path / "bad.mp4", "--stats", tmp_path / "s.json")
    assert done.status == 1
    good, bad = json.loads((tmp_path / "s.json").read_text())["sources"]
    assert (good["problems"], bad["frames"]) == ([], 0)
    assert bad["source"].endswith("bad.mp4")
    assert len(bad["problems"]) == 1
