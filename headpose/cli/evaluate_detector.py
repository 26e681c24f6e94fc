"""Measures head detectors on pictures with head boxes, side by side.

Average precision at IoU 0.5, overall and by the size of heads (square root of the box's
area when the picture's long side is 512 px), recall at one false head a picture, the
published T-ratio (matched detections / heads) and F-ratio (unmatched / all detections) at
each detector's default threshold, and milliseconds a picture.
"""

import argparse
import json
import time
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.markdown import markdown_table
from headpose.cli.pipeline_options import add_backend_option, backend_from, model_for
from headpose.detection.loading import DETECTOR_HELP
from headpose.errors import HeadposeError
from headpose.files import atomic_write
from headpose.reporting import report


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("detectors", nargs="+", help=f"{DETECTOR_HELP}; NAME@SIZE sets the long side")
    add("--data", required=True, help="CSV of boxes or folder of VOC XML; #PART takes a part")
    add("--limit", type=cl.at_least(1), help="measure on so many pictures only")
    add("--confidence", type=cl.in_range(0, 1), help="for T- and F-ratio (default: detector's)")
    add("--backgrounds", help="boxed pictures: count false heads away from the boxes")
    add("--backgrounds-checked-by", metavar="DETECTOR", help="leaves out parts where it finds some")
    add("--empty", nargs="+", help="pictures, folders, patterns without heads: count false ones")
    add("--textures", type=cl.at_least(0), default=0, help="count false heads on drawn textures")
    add("--json", type=Path, help="also write all figures here")
    add("--plot", type=Path, help="also draw precision over recall here")
    add("--strict", action="store_true", help="stop at the first fault in the data")
    add_backend_option(parser)
    cl.add_device_options(parser)
    return parser


def file_and_size(name: str) -> tuple[str, int | None]:
    """Takes a name such as models/head-detector.keras@768 apart."""
    path, _, size = name.rpartition("@") if "@" in name else (name, "", "")
    if size and not size.isdigit():
        raise HeadposeError(f"{name}: the size after @ must be a whole number of pixels")
    return path, int(size) if size else None


def false_heads(detectors: dict, pictures, confidence: float | None) -> tuple[int, dict[str, int]]:
    """Returns how many pictures there were and how many false heads each detector saw."""
    counts = dict.fromkeys(detectors, 0)
    total = 0
    for picture in pictures:
        total += 1
        for name, detector in detectors.items():
            counts[name] += len(detector.detect([picture], confidence)[0][0])
    return total, counts


def markdown(rows: list[dict]) -> str:
    """Lays rows out as a Markdown table."""
    cells = [[f"{v:.3f}" if isinstance(v, float) else str(v) for v in r.values()] for r in rows]
    return markdown_table(list(rows[0]), cells)


def main() -> None:
    arguments = options().parse_args()
    from headpose.datasets.detection_annotations import read_boxed_pictures

    pictures, problems = read_boxed_pictures(arguments.data)
    report(arguments.data, problems, arguments.strict)
    pictures = pictures[: arguments.limit]
    background = None
    if arguments.backgrounds:
        background, problems = read_boxed_pictures(arguments.backgrounds)
        report(arguments.backgrounds, problems, arguments.strict)

    import numpy as np

    from headpose.datasets import negatives as bg
    from headpose.detection import metrics
    from headpose.detection.loading import load_detector
    from headpose.images.pictures import find_pictures, read_image
    from headpose.parallel.prefetch import ahead

    files = {name: file_and_size(name) for name in arguments.detectors}
    checker = arguments.backgrounds_checked_by
    if checker:
        files[checker] = file_and_size(checker)
    backend = backend_from(arguments)
    loaded = {
        name: load_detector(model_for(path, backend), size, backend)
        for name, (path, size) in files.items()
    }
    detectors = {name: loaded[name] for name in arguments.detectors}
    found: dict[str, list] = {name: [] for name in detectors}
    seconds: dict[str, list] = {name: [] for name in detectors}
    sides = []
    decoded = ahead(lambda item: read_image(item.path), pictures)
    for picture in cl.progress(decoded, "pictures", len(pictures)):
        sides.append(max(picture.shape[:2]))
        for name, detector in detectors.items():
            started = time.perf_counter()
            found[name] += detector.detect([picture], metrics.LOWEST_SCORE)
            seconds[name].append(time.perf_counter() - started)
    truth = [item.boxes for item in pictures]

    rows, curves = [], {}
    for name, detector in detectors.items():
        threshold = detector.confidence if arguments.confidence is None else arguments.confidence
        by_size = metrics.judge_by_size(found[name], truth, sides)
        judged = curves[name] = by_size["all"]
        row = {"detector": name}
        for label, part in by_size.items():
            row[label if part is judged else f"{label} px"] = part.average_precision
        row["recall at 1 false"] = judged.recall_at(1.0)
        row["T-ratio"], row["F-ratio"] = metrics.ratios(found[name], truth, threshold)
        row["threshold"] = f"{threshold:g}"
        row["ms"] = f"{1000 * np.median(seconds[name]):.0f}"
        rows.append(row)
    print(f"{arguments.data}: {len(pictures)} pictures, {curves[name].heads} heads from 8 px\n")
    print(markdown(rows))

    silent = []
    if background is not None:
        parts = bg.backgrounds(background, loaded[checker] if checker else None)
        silent.append((f"parts of {arguments.backgrounds} away from heads", parts))
    if arguments.empty:
        files, missing = find_pictures(arguments.empty)
        if missing:
            raise HeadposeError(missing[0])
        silent.append(("pictures without heads", (read_image(f) for f in files)))
    if arguments.textures:
        silent.append(("drawn textures", bg.drawn(arguments.textures)))
    false = {}
    for what, shown in silent:
        total, counts = false_heads(detectors, shown, arguments.confidence)
        false[what] = {"pictures": total, **counts}
        print(f"\nFalse heads on {total} {what}:")
        print("\n".join(f"- {name}: {count}" for name, count in counts.items()))
    if arguments.json:
        with atomic_write(arguments.json) as temporary:
            temporary.write_text(json.dumps({"detectors": rows, "false heads": false}, indent=2))
    if arguments.plot:
        from headpose.images.figures import plot_curves

        lines = {name: (judged.recall, judged.precision) for name, judged in curves.items()}
        plot_curves(lines, arguments.plot, "recall", "precision")
