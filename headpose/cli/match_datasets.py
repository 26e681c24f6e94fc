"""Writes the subset of one clean data set whose heads stand in another.

So that two estimators, each with crops of its own detector, can be compared on the same
heads. Rows and parts follow REFERENCE, crops are those of SECOND.
"""

import argparse

from headpose.cli import common as cl
from headpose.cli.surroundings import outlive_reader
from headpose.datasets.matching import SAME_HEAD_IOU
from headpose.files import real_path


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("reference", type=cl.path, help="a clean folder")
    add("second", type=cl.path, help="a clean folder made from the same data set")
    add("destination", type=cl.path, help="the clean folder to write")
    add("--overwrite", action="store_true", help="replace results in DESTINATION")
    add(
        "--by-angles",
        action="store_true",
        help="match heads of equal tilt and pan, as the published comparison did, instead of "
        "by picture, box and labels",
    )
    add(
        "--iou",
        type=cl.in_range(0.01, 1),
        help="overlap (intersection over union) from which two head boxes are one head's "
        f"(default: {SAME_HEAD_IOU})",
    )
    return parser


def main() -> None:
    parser = options()
    arguments = parser.parse_args()
    from headpose.datasets.clean_folder import CleanFolder
    from headpose.datasets.matching import (
        match_by_angles,
        match_by_box,
        read_clean_table,
        write_matched,
    )

    if arguments.by_angles and arguments.iou is not None:
        parser.error("--iou is of boxes, which --by-angles does not look at; leave out one of them")
    destination = CleanFolder(arguments.destination)
    inputs = {real_path(arguments.reference), real_path(arguments.second)}
    if real_path(arguments.destination) in inputs:
        parser.error(f"{arguments.destination} is one of the data sets; choose another folder")
    if destination.has_results() and not arguments.overwrite:
        parser.error(f"{arguments.destination} has results; use --overwrite or another folder")
    outlive_reader(arguments.destination)
    reference = read_clean_table(arguments.reference)
    second = read_clean_table(arguments.second)
    if arguments.by_angles:
        matches = match_by_angles(reference, second)
    else:
        matches = match_by_box(reference, second, arguments.iou or SAME_HEAD_IOU)
    for name, number in matches.counts.items():
        print(f"{name}: {number}")
    rows = write_matched(reference, second, matches, destination, arguments.overwrite)
    shown = ", ".join(f"{number} {part}" for part, number in rows.items())
    print(f"rows (parts of {arguments.reference}): {shown}")
    print(f"clean folder: {arguments.destination}")
