"""Which stage of a video worked when (benchmarks/video_trace.py)."""

import json

import cv2
import pytest
import video_trace
from videos import evenly, make_video

from headpose.detection.head_detector import HeadDetector
from headpose.parallel.background import Prefetcher

FRAMES = 6


@pytest.fixture
def clip(tmp_path, portrait):
    picture = cv2.resize(cv2.imread(str(portrait)), (128, 150))
    return make_video(tmp_path / "clip.mp4", evenly(FRAMES), lambda _: picture)


def test_each_frame_passes_each_stage_once_and_in_order(run_script, clip, tmp_path):
    before = HeadDetector.detect, Prefetcher._wait_while
    trace, picture = tmp_path / "t.json", tmp_path / "t.png"
    done = run_script("benchmarks/video_trace.py", clip, "--trace", trace, "--picture", picture)
    assert done.status == 0, done.err
    assert (HeadDetector.detect, Prefetcher._wait_while) == before  # all is put back
    events = json.loads(trace.read_text())["traceEvents"]
    threads = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
    spans = [e for e in events if e["ph"] == "X"]
    ends: dict[int, list[float]] = {frame: [] for frame in range(FRAMES)}
    for stage, thread in (
        ("read", "reader"),
        ("detect", "main"),
        ("track", "main"),
        ("estimate", "main"),
        ("draw", "writer"),
        ("write", "writer"),
    ):
        own = [e for e in spans if e["name"] == stage]
        assert {threads[e["tid"]] for e in own} == {thread}
        frames = [
            frame
            for e in own
            for frame in range(e["args"]["first frame"], e["args"]["last frame"] + 1)
        ]
        assert frames == list(range(FRAMES))
        for e in own:
            for frame in range(e["args"]["first frame"], e["args"]["last frame"] + 1):
                ends[frame].append(e["ts"] + e["dur"])
    assert all(times == sorted(times) for times in ends.values())
    assert f"{FRAMES} frames, {FRAMES} heads" in done.out
    assert "all wait for: " in done.out
    assert cv2.imread(str(picture)) is not None


def test_shares_are_those_of_the_whole_time():
    spans = [
        video_trace.Span("read", "reader", 0.0, 1.0, 0, 0),
        video_trace.Span("waits for main", "reader", 1.0, 10.0, 0, 0),
        video_trace.Span("detect", "main", 1.0, 6.0, 0, 0),
        video_trace.Span("estimate", "main", 6.0, 9.0, 0, 0),
        video_trace.Span("waits for main", "writer", 0.0, 9.0, 0, 0),
        video_trace.Span("write", "writer", 9.0, 10.0, 0, 0),
    ]
    assert video_trace.summary(video_trace.shares(spans)).splitlines() == [
        "reader: works 10% of the time; waits for main 90%, read 10%",
        "main: works 80% of the time; detect 50%, estimate 30%",
        "writer: works 10% of the time; waits for main 90%, write 10%",
        "all wait for: main, most of all for detect",
    ]


def test_what_began_before_the_first_frame_was_measured_is_left_out():
    early = [video_trace.Span(stage, "main", i, i + 1, 0, 0) for i, stage in enumerate("ab")]
    first = video_trace.Span("estimate", "main", 2, 3, 0, 0)
    later = [
        video_trace.Span("detect", "main", 3, 4, 1, 4),
        video_trace.Span("estimate", "main", 4, 5, 1, 4),
    ]
    assert video_trace.without_first([*early, first, *later]) == later
