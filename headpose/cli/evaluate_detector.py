"""Measures head detectors on pictures with head boxes, side by side.

For each set of pictures: average precision at IoU 0.5 as COCO counts it, overall and by
the size of heads (square root of the box's area when the picture's long side is 512 px)
from 8 px on, recall at one false head a picture, the published T-ratio (matched detections /
heads) and F-ratio (unmatched / all detections) and false finds a picture at each detector's
default threshold, the best F1 over all thresholds and where it is, and milliseconds a picture.
For sets without heads the false finds alone; where rows tell view and headgear, recall by it.
"""

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.detector_pictures import (
    WORST_COUNT,
    WorstSheets,
    empty_pictures,
    report_false_heads,
)
from headpose.cli.detector_tables import markdown, print_tags
from headpose.cli.left_out import LeftOut
from headpose.cli.pipeline_options import (
    add_backend_option,
    backend_from,
    check_models,
    model_for,
)
from headpose.cli.surroundings import outlive_reader
from headpose.detection.loading import DETECTOR_HELP, LARGEST_SIZE, SMALLEST_SIZE
from headpose.detection.tiles import SMALLEST_TILE, TiledDetector
from headpose.errors import HeadposeError
from headpose.files import check_outputs, write_json
from headpose.models.shipped import DETECTORS, named_model

MAX_DIGITS = 6  # of a side in pixels; larger ones need more memory than there is


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add(
        "detectors",
        nargs="+",
        help=f"ours, {DETECTOR_HELP}; NAME@SIZE sets the long side, NAME+SIDE searches in tiles; "
        "a file that exists under the whole name is taken for that",
    )
    add(
        "--data",
        nargs="+",
        required=True,
        help="CSV, COCO JSON or odgt of boxes, folders of VOC XML or YOLO text; #PART of it",
    )
    add("--limit", type=cl.at_least(1), help="measure on the first so many pictures of each")
    add("--confidence", type=cl.in_range(0, 1), help="threshold (default: each detector's)")
    add("--grey", action="store_true", help="also count finds that are lost without colour")
    add("--turned", action="store_true", help="also count finds that are lost by a quarter turn")
    add(
        "--shifted",
        action="store_true",
        help="also count finds that are lost by a shift of 3 pixels, which changes nothing that "
        "matters: what is lost so is lost by chance, near the threshold",
    )
    add("--worst", type=cl.path, metavar="PICTURE", help="draw the worst pictures here")
    add(
        "--worst-count",
        type=cl.at_least(1),
        help=f"how many of each set and detector (default: {WORST_COUNT})",
    )
    add("--backgrounds", help="boxed pictures: count false heads away from the boxes")
    add("--backgrounds-checked-by", metavar="DETECTOR", help="leaves out parts where it finds some")
    add(
        "--empty",
        nargs="+",
        help="pictures without heads, folders of them (with all below), patterns: count false ones",
    )
    add("--textures", type=cl.at_least(0), default=0, help="count false heads on drawn textures")
    add("--json", type=cl.path, help="also write all figures here")
    add("--plot", type=cl.path, help="also draw precision over recall here")
    cl.add_overwrite_option(parser)
    add("--strict", action="store_true", help="stop at the first fault in the data")
    add_backend_option(parser)
    cl.add_device_options(parser)
    return parser


def taken_apart(name: str) -> tuple[str, int | None, int | None]:
    """Returns the file, the long side and the side of tiles in a name such as ours@768+256.

    A file or folder that exists as it stands may contain @ and +.

    Raises:
        HeadposeError: If a side is no whole number, too small or too large.
    """
    rest, tiles = _without_number(name, "+", SMALLEST_TILE)
    path, size = _without_number(rest, "@", SMALLEST_SIZE)
    return named_model(path, DETECTORS), size, tiles


def _without_number(name: str, mark: str, smallest: int) -> tuple[str, int | None]:
    """Takes the pixels after a mark off the end of a name that is no file's."""
    plain, _, number = name.rpartition(mark)
    # What follows a + in any other way is of the name: a+b.onnx.
    if not plain or (mark == "+" and not number.isdecimal()) or os.path.exists(name):  # noqa: PTH110
        return name, None
    if not (number.isdecimal() and len(number) <= MAX_DIGITS) or not (
        smallest <= int(number) <= LARGEST_SIZE
    ):
        limits = f"{smallest} to {LARGEST_SIZE}"
        raise HeadposeError(
            f"{name}: what follows {mark} must be a whole number of pixels, {limits}"
        )
    return plain, int(number)


def search(detectors: dict, pictures: list) -> dict:
    """Has each detector search each picture of a set."""
    from headpose.images.pictures import read_image
    from headpose.parallel.prefetch import ahead
    from headpose.training.detection_evaluation import Finds

    finds = {name: Finds(pictures) for name in detectors}
    decoded = ahead(lambda item: read_image(item.path), pictures)
    for picture in cl.progress(decoded, "pictures", len(pictures)):
        for name, detector in detectors.items():
            finds[name].add(detector, picture)
    return finds


def losses(arguments, detector, pictures: list) -> dict[str, float]:
    """Returns which share of a detector's finds is lost in changed pictures."""
    from headpose.images.pictures import read_image
    from headpose.training import detection_evaluation as evaluation

    shares = {}
    changes = {
        "lost in grey": (arguments.grey, evaluation.without_colour, None),
        "lost by a turn": (arguments.turned, evaluation.quarter_turn, evaluation.turned_back),
        "lost by a shift": (arguments.shifted, evaluation.shifted, evaluation.shifted_back),
    }
    for name, (wanted, change, back) in changes.items():
        if wanted:
            shown = (read_image(item.path) for item in pictures)
            missing, total = evaluation.lost(detector, shown, change, arguments.confidence, back)
            shares[name] = missing / max(total, 1)
    return shares


def report_set(
    arguments, name: str, pictures: list, detectors: dict, sheets: WorstSheets | None
) -> tuple[dict, dict]:
    """Measures detectors on one set and prints their tables.

    Returns:
        All figures, and each detector's precision over recall.
    """
    import numpy as np

    from headpose.training import detection_evaluation as evaluation

    finds = search(detectors, pictures)
    heads = sum(len(item.boxes) for item in pictures)
    small = 0  # heads
    rows, tags, curves = [], {}, {}
    for label, detector in detectors.items():
        found = finds[label]
        threshold = detector.confidence if arguments.confidence is None else arguments.confidence
        row = {"detector": label}
        if heads:
            row |= evaluation.figures(found, threshold)
            judged = found.judged()["all"]
            curves[label] = judged.recall, judged.precision
            small = heads - judged.heads
        else:
            false = [int(wrong.sum()) for _, wrong in found.matches(threshold)]
            row |= {
                "false": sum(false),
                "false a picture": float(np.mean(false)),
                "pictures with any": sum(count > 0 for count in false),
            }
        row |= losses(arguments, detector, pictures)
        row["threshold"], row["ms"] = threshold, float(1000 * np.median(found.seconds))
        rows.append(row)
        tags[label] = evaluation.recall_by_tag(found, threshold)
        if sheets is not None:
            sheets.draw(f"{name} {label}", found, threshold)
    counted = sum(map(len, (item.ignored for item in pictures)))
    told = f"{heads} heads" + (f", {counted} ignored boxes" if counted else "")
    if small:
        told += f" ({small} under 8 px, which only the ratios and false heads count)"
    print(f"\n{name}: {len(pictures)} pictures, {told}\n")
    print(
        markdown([r | {"threshold": f"{r['threshold']:g}", "ms": f"{r['ms']:.0f}"} for r in rows])
    )
    print_tags(tags)
    about = {
        "pictures": len(pictures),
        "heads": heads,
        "under 8 px": small,
        "detectors": rows,
        "recall by tag": tags,
    }
    return about, curves


def parsed() -> argparse.Namespace:
    """Reads the options; stops where one is given that has nothing to do."""
    parser = options()
    arguments = parser.parse_args()
    from headpose.detection.metrics import LOWEST_SCORE

    if arguments.confidence is not None and arguments.confidence < LOWEST_SCORE:
        parser.error(
            f"--confidence is from {LOWEST_SCORE}, the score from which finds are measured"
        )
    if arguments.backgrounds_checked_by and not arguments.backgrounds:
        parser.error("--backgrounds-checked-by is about --backgrounds; add it")
    if arguments.worst_count and not arguments.worst:
        parser.error("--worst-count is about --worst; add it")
    return arguments


def check_files(arguments: argparse.Namespace, models: Sequence[str]) -> list[Path | None]:
    """Refuses, before any work, what cannot be written or would be lost; returns the outputs."""
    from headpose.datasets.measured_sources import each_once
    from headpose.images.figures import check_figures
    from headpose.images.pictures import check_picture_format

    sources = each_once(arguments.data)
    if arguments.backgrounds:
        sources += each_once([arguments.backgrounds])
    inputs = [*(source.path for source in sources), *(arguments.empty or ()), *models]
    outputs = [arguments.json, arguments.plot, arguments.worst]
    check_outputs(outputs, inputs, arguments.overwrite, texts=[arguments.json])
    outlive_reader(*outputs)
    check_figures(arguments.plot)
    if arguments.worst:
        check_picture_format(arguments.worst)
    return outputs


def load(named: dict[str, tuple], arguments: argparse.Namespace) -> dict:
    """Loads detectors by their names, see `taken_apart`."""
    from headpose.detection.loading import load_detector

    backend = backend_from(arguments)
    loaded: dict = {}
    for name, (path, size, side) in named.items():
        detector = load_detector(model_for(path, backend), size, backend)
        loaded[name] = detector if side is None else TiledDetector(detector, side)
    return loaded


def main() -> int:
    arguments = parsed()
    checker = arguments.backgrounds_checked_by
    names = [*arguments.detectors, *([checker] if checker else [])]
    named = {name: taken_apart(name) for name in names}
    models = [path for path, _, _ in named.values()]
    check_models(*models)
    outputs = check_files(arguments, models)
    from headpose.datasets import negatives as bg
    from headpose.datasets.detection_annotations import read_detection_annotations
    from headpose.images.pictures import read_image

    left_out = LeftOut()

    def read(name: str, limit: int | None = None) -> list:
        pictures, problems = read_detection_annotations(name, limit)
        left_out.report(name, problems, arguments.strict)
        return pictures

    sets = {name: read(name, arguments.limit) for name in arguments.data}
    background = read(arguments.backgrounds) if arguments.backgrounds else []
    empty = empty_pictures(arguments.empty or (), left_out, arguments.strict)
    shown = [picture.path for some in (*sets.values(), background) for picture in some]
    check_outputs(outputs, [*shown, *empty], arguments.overwrite)
    count = arguments.worst_count or WORST_COUNT
    sheets = WorstSheets(arguments.worst, count, arguments.overwrite) if arguments.worst else None

    loaded = load(named, arguments)
    detectors = {name: loaded[name] for name in arguments.detectors}
    about: dict = {}
    lines: dict = {}
    for name, pictures in sets.items():
        about[name], curves = report_set(arguments, name, pictures, detectors, sheets)
        lines |= {f"{name} {d}" if len(sets) > 1 else d: curve for d, curve in curves.items()}
    silent: list[tuple[str, Iterable]] = []
    if background:
        parts = bg.backgrounds(background, loaded[checker] if checker else None)
        silent.append((f"parts of {arguments.backgrounds} away from heads", parts))
    if empty:
        silent.append(("pictures without heads", (read_image(f) for f in empty)))
    if arguments.textures:
        silent.append(("drawn textures", bg.drawn(arguments.textures)))
    false = report_false_heads(silent, detectors, arguments.confidence)
    if arguments.json:
        summary = {"left out": left_out.counts, "data": about, "false heads": false}
        write_json(arguments.json, summary, arguments.overwrite)
    if arguments.plot and not lines:
        cl.warn(f"no set shows heads, so there is no curve: {arguments.plot} is not written")
    elif arguments.plot:
        from headpose.images.figures import plot_curves

        plot_curves(lines, arguments.plot, "recall", "precision", arguments.overwrite)
    return left_out.status
