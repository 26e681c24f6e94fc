#!/usr/bin/env python3
"""Times what it is worth that threads of ONNX Runtime wait for work within a call.

Each way runs in processes of its own, all in turns: threads that sleep at once, that wait so
many microseconds (20 is what headpose has), and that wait as ONNX Runtime has them by
itself, also between calls. A second table has another program keep one core busy.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from annotated_video import annotate_video
from measuring import cell, cl, in_turns, median

from headpose.cli.markdown import markdown_table
from headpose.detection.head_detector import HeadDetector
from headpose.errors import HeadposeError
from headpose.images.pictures import read_image, sample_portrait
from headpose.models import sessions
from headpose.models.shipped import MODELS
from headpose.pipeline import HeadPosePipeline
from headpose.pose.estimator import PoseEstimator

WAYS: dict[str, dict[str, str]] = {
    "asleep": {"intra_op.allow_spinning": "0"},
    **{
        f"{wait} µs": {"force_spinning_stop": "1", "intra_op.spin_duration_us": str(wait)}
        for wait in (10, sessions.SPIN, 100)
    },
    "ONNX Runtime's": {},
}
FIGURES = {
    "detection": "detection, ms",
    "head": "head, ms",
    "both": "both, ms",
    "many": "32 heads, ms",
}
VIDEO = {"video": "video, frames/s"}
SIZE = (512, 384)  # of the picture
MANY = 32
BUSY = "while True: pass"


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("--detector", type=Path, default=MODELS / "head-detector-int8.onnx", help="an .onnx file")
    add("--estimator", type=Path, default=MODELS / "pose-estimator-int8.onnx", help="the same")
    add("--photo", type=Path, help="default: a portrait that matplotlib ships")
    add("--clip", type=Path, help="a video, whose heads are drawn, too")
    add("--calls", type=cl.at_least(1), default=100, help="of each kind in a process")
    add("--rounds", type=cl.at_least(1), default=5, help="processes of each way")
    add("--one", choices=list(WAYS), help=argparse.SUPPRESS)
    return parser


def milliseconds(call, count: int) -> float:
    """Returns the median of so many calls."""
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


def measured(arguments: argparse.Namespace, way: str) -> dict[str, float]:
    """Measures one way in this process."""
    sessions._waiting = lambda version: WAYS[way]
    detector = HeadDetector.load(arguments.detector)
    estimator = PoseEstimator.load(arguments.estimator)
    picture = cv2.resize(read_image(arguments.photo or sample_portrait()), SIZE)
    shape = (1, estimator.size, estimator.size) + (() if estimator.grey else (3,))
    crops = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    many = np.repeat(crops, MANY, axis=0)

    def both():
        detector.detect([picture])
        estimator.estimate_all(crops)

    calls = {
        "detection": lambda: detector.detect([picture]),
        "head": lambda: estimator.estimate_all(crops),
        "both": both,
        "many": lambda: estimator.estimate_all(many),
    }
    milliseconds(both, 50)  # sizes that come up often get sessions of their own
    result = {name: milliseconds(call, arguments.calls) for name, call in calls.items()}
    if arguments.clip:
        pipeline = HeadPosePipeline(detector, estimator)
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            frames, _ = annotate_video(pipeline, str(arguments.clip), Path(folder, "v.mp4"), 10**6)
            result["video"] = frames / (time.perf_counter() - started)
    return result


def in_own_process(way: str) -> dict[str, float]:
    """Has a fresh process measure a way with the options of this one.

    Raises:
        HeadposeError: If it fails.
    """
    done = subprocess.run(
        [sys.executable, __file__, *sys.argv[1:], "--one", way],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise HeadposeError(done.stderr.strip().splitlines()[-1] if done.stderr else "it failed")
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """Has another program take a core."""
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def show(what: str, rounds: int, columns: dict[str, str]) -> None:
    """Measures all ways in turns and prints a table."""
    ways = {way: lambda way=way: in_own_process(way) for way in WAYS}
    found = in_turns(ways, rounds, "rounds")
    rows = [
        [way, *(cell(median([each[name] for each in given]), ".2f") for name in columns)]
        for way, given in found.items()
    ]
    print(f"{what}:\n\n{markdown_table(['threads wait', *columns.values()], rows)}\n", flush=True)


def main() -> None:
    arguments = options().parse_args()
    if arguments.one:
        print(json.dumps(measured(arguments, arguments.one)))
        return
    columns = FIGURES | (VIDEO if arguments.clip else {})
    show("nothing else runs", arguments.rounds, columns)
    with busy_core():
        show("another program has a core", arguments.rounds, columns)


if __name__ == "__main__":
    cl.run(main)
