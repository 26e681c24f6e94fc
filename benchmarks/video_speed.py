#!/usr/bin/env python3
"""Times videos from file to file: frames a second with heads found, measured and drawn.

`demo_video.py`'s way, at several `--detect-every`, stands beside a loop as simple as it
gets: a frame at a time through OpenCV, the detector's and for each head the estimator's
Keras `predict`, draw, write. Both have the same models in the same process, and take turns;
`--backend` is for the first.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
from annotated_video import annotate_video
from measuring import cell, cl, in_turns, median

from headpose.cli.markdown import markdown_table
from headpose.cli.pipeline_options import add_backend_option, backend_from, model_for
from headpose.errors import HeadposeError
from headpose.files import check_outputs, write_json
from headpose.geometry.crops import head_crops
from headpose.images.drawing import draw_heads
from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR
from headpose.pipeline import Head, HeadPosePipeline, load_pipeline
from headpose.video.pipeline import video_confidence


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("clips", nargs="+", type=Path, help="videos, such as one with one head and one with many")
    add("--detector", default=DEFAULT_DETECTOR, help="a .keras file")
    add("--estimator", default=DEFAULT_ESTIMATOR, help="a .keras file")
    add("--detect-every", type=cl.at_least(1), nargs="+", default=[1, 3, 5], metavar="N")
    add("--repeats", type=cl.at_least(1), default=5, help="timed runs of each way")
    add("--frames", type=cl.at_least(2), default=10**6, help="at most so many of a clip")
    add("--json", type=Path, metavar="FILE", help="also write all times here")
    cl.add_overwrite_option(parser)
    add_backend_option(parser)
    cl.add_device_options(parser)
    return parser


def simple_loop(pipeline, clip: Path, target: Path, max_frames: int) -> tuple[int, int]:
    """Does one thing after the other; returns the numbers of frames and heads."""
    detector, estimator = pipeline.detector, pipeline.estimator
    threshold = video_confidence(pipeline)
    capture, writer, frames, found = cv2.VideoCapture(str(clip)), None, 0, 0
    while frames < max_frames:
        there, picture = capture.read()
        if not there:
            break
        heads = []
        for box, score in zip(*detector.detect([picture], threshold)[0], strict=True):
            crop = head_crops(picture, [box], **estimator.crop_options)
            tilt, pan = map(float, estimator.estimate(crop)[0])
            heads.append(Head(tuple(map(float, box)), float(score), tilt, pan))
        if writer is None:
            rate, size = capture.get(cv2.CAP_PROP_FPS), picture.shape[1::-1]
            code = cv2.VideoWriter.fourcc(*"mp4v")
            writer = cv2.VideoWriter(str(target), code, rate, size)
        writer.write(draw_heads(picture, heads))
        frames, found = frames + 1, found + len(heads)
    capture.release()
    if writer is not None:
        writer.release()
    return frames, found


def rates(ways: dict[str, Callable], clip: Path, arguments: argparse.Namespace) -> dict:
    """Returns frames a second of each way in each run, and what it saw.

    Raises:
        HeadposeError: If the clip has no frames, or a way fails.
    """

    def timed(way: Callable) -> tuple[float, int, int]:
        started = time.perf_counter()
        frames, heads = way(clip, Path(folder, "out.mp4"), arguments.frames)
        return frames / (time.perf_counter() - started), frames, heads

    with tempfile.TemporaryDirectory() as folder:
        bound = {name: lambda way=way: timed(way) for name, way in ways.items()}
        runs = in_turns(bound, arguments.repeats, "rounds", warm_up=1)  # the first compiles
    if runs.keys() != ways.keys() or not all(taken[-1][1] for taken in runs.values()):
        raise HeadposeError(f"{clip}: no frames in it, or the warning above says what failed")
    return {
        name: {
            "frames": taken[-1][1],
            "heads a frame": taken[-1][2] / taken[-1][1],
            "frames a second": [rate for rate, _, _ in taken],
        }
        for name, taken in runs.items()
    }


def table(results: dict[str, dict]) -> str:
    """Returns the medians as Markdown."""
    rows = []
    for clip, ways in results.items():
        medians = {name: median(way["frames a second"]) for name, way in ways.items()}
        first, simple = next(iter(medians)), ways["simple"]
        cells = [clip, str(simple["frames"]), cell(simple["heads a frame"], ".1f")]
        cells += [cell(value, ".1f") for value in medians.values()]
        rows.append([*cells, cell(medians[first] / medians["simple"], ".1f")])
    return markdown_table(["clip", "frames", "heads a frame", *medians, f"{first} : simple"], rows)


def main() -> None:
    arguments = options().parse_args()
    for clip in arguments.clips:
        if not clip.is_file():
            raise HeadposeError(f"{clip}: no such file")
    used = arguments.detector, arguments.estimator
    outputs, inputs = [arguments.json], [*arguments.clips, *used]
    check_outputs(outputs, inputs, arguments.overwrite, texts=outputs)
    from variants import predicting

    from headpose.detection.head_detector import HeadDetector
    from headpose.models.keras_setup import set_up
    from headpose.pose.estimator import PoseEstimator

    backend = backend_from(arguments)
    pipeline = load_pipeline(*(model_for(name, backend) for name in used), backend=backend)
    set_up(arguments.device, arguments.precision)
    detector, estimator = map(predicting, used)
    plain = HeadPosePipeline(HeadDetector(detector), PoseEstimator(estimator))
    ways = {
        f"every {n}": lambda clip, target, most, n=n: annotate_video(
            pipeline, str(clip), target, most, n
        )
        for n in arguments.detect_every
    }
    ways["simple"] = lambda clip, target, most: simple_loop(plain, clip, target, most)
    # By their names alone where these tell them apart.
    alike = len({clip.stem for clip in arguments.clips}) < len(arguments.clips)
    results = {
        str(clip) if alike else clip.stem: rates(ways, clip, arguments) for clip in arguments.clips
    }
    print(f"frames a second, medians of {arguments.repeats} runs")
    print(table(results))
    if arguments.json:
        write_json(arguments.json, results, arguments.overwrite)


if __name__ == "__main__":
    cl.run(main)
