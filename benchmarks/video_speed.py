#!/usr/bin/env python3
"""Times videos from file to file: frames a second with heads found, measured and drawn.

`demo_video.py`'s way, at several `--detect-every`, stands beside a loop as simple as it
gets: a frame at a time through OpenCV, the detector's and for each head the estimator's
Keras `predict`, draw, write. Both have the same models in the same process, and take turns;
`--backend` is for the first.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


from headpose.cli import common as cl
from headpose.cli.markdown import markdown_table
from headpose.cli.pipeline_options import add_backend_option, backend_from, model_for
from headpose.errors import HeadposeError
from headpose.files import write_json
from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR
from headpose.video.annotating import annotate_video


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("clips", nargs="+", type=Path, help="videos, such as one with one head and one with many")
    add("--detector", help="if not given, the one that ships")
    add("--estimator", help="if not given, the one that ships")
    add("--detect-every", type=cl.at_least(1), nargs="+", default=[1, 3, 5], metavar="N")
    add("--repeats", type=cl.at_least(1), default=5, help="timed runs of each way")
    add("--frames", type=cl.at_least(2), default=10**6, help="at most so many of a clip")
    add("--json", type=Path, metavar="FILE", help="also write all times here")
    add_backend_option(parser)
    cl.add_device_options(parser)
    return parser


def simple_loop(pipeline, clip: Path, target: Path, most: int) -> tuple[int, int]:
    """Does one thing after the other; returns the numbers of frames and heads."""
    import cv2
    import numpy as np

    from headpose.geometry.crops import head_crops
    from headpose.images.drawing import draw_heads
    from headpose.pipeline import Head
    from headpose.video.pipeline import video_confidence

    detector, estimator = pipeline.detector, pipeline.estimator
    capture, writer, frames, found = cv2.VideoCapture(str(clip)), None, 0, 0
    while frames < most:
        there, picture = capture.read()
        if not there:
            break
        scaled, factors = detector.prepare(picture)
        outputs = detector.model.predict(scaled[None], verbose=0)
        boxes, scores = detector.select(
            outputs[0][0], outputs[1][0], factors, video_confidence(pipeline), detector.suppression
        )
        heads = []
        for box, score in zip(boxes, scores, strict=True):
            crop = head_crops(picture, [box], **estimator.crop_options).astype(np.float32)
            crop = crop if crop.ndim == 4 else crop[..., None]
            tilt, pan = map(float, estimator.model.predict(crop, verbose=0)[0, :2])
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


def measure(pipeline, plain, clip: Path, arguments: argparse.Namespace) -> dict:
    """Returns frames a second of each way in each run, the first run of each left out."""
    ways = {
        f"every {n}": lambda target, n=n: annotate_video(
            pipeline, str(clip), target, arguments.frames, n
        )
        for n in arguments.detect_every
    }
    ways["simple"] = lambda target: simple_loop(plain, clip, target, arguments.frames)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    counts = {}
    with tempfile.TemporaryDirectory() as folder:
        for run in cl.progress(range(arguments.repeats + 1), "rounds"):
            for name, way in ways.items():
                started = time.perf_counter()
                frames, heads = way(Path(folder, "out.mp4"))
                seconds = time.perf_counter() - started
                if not frames:
                    raise HeadposeError(f"{clip}: no frames")
                counts[name] = {"frames": frames, "heads a frame": heads / frames}
                if run:  # the first compiles
                    rates[name].append(frames / seconds)
    return {name: counts[name] | {"frames a second": rates[name]} for name in ways}


def table(results: dict[str, dict]) -> str:
    """Returns the medians as Markdown."""
    names = list(next(iter(results.values())))
    head = ["clip", "frames", "heads a frame", *names, f"{names[0]} : simple"]
    rows = []
    for clip, ways in results.items():
        medians = {name: statistics.median(way["frames a second"]) for name, way in ways.items()}
        simple = ways["simple"]
        cells = [clip, str(simple["frames"]), f"{simple['heads a frame']:.1f}"]
        cells += [f"{medians[name]:.1f}" for name in names]
        cells.append(f"{medians[names[0]] / medians['simple']:.1f}")
        rows.append(cells)
    return markdown_table(head, rows)


def main() -> None:
    arguments = options().parse_args()
    for clip in arguments.clips:
        if not clip.is_file():
            raise HeadposeError(f"{clip}: no such file")
    from headpose.detection.head_detector import HeadDetector
    from headpose.models.keras_setup import set_up
    from headpose.pipeline import load_pipeline

    used = arguments.detector or DEFAULT_DETECTOR, arguments.estimator or DEFAULT_ESTIMATOR
    backend = backend_from(arguments)
    pipeline = load_pipeline(*(model_for(name, backend) for name in used), backend=backend)
    set_up(arguments.device, arguments.precision)
    plain = load_pipeline(*used, backend="keras")
    if not isinstance(plain.detector, HeadDetector):
        raise HeadposeError(f"{arguments.detector}: the simple loop needs a .keras detector")
    results = {clip.stem: measure(pipeline, plain, clip, arguments) for clip in arguments.clips}
    print(f"frames a second, medians of {arguments.repeats} runs")
    print(table(results))
    if arguments.json:
        write_json(arguments.json, results)


if __name__ == "__main__":
    cl.run(main)
