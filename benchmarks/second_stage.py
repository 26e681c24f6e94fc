#!/usr/bin/env python3
"""Tells what the detector's second stage costs: milliseconds a picture, with it and without.

Beside them the fast detector. All take turns on the same pictures.
"""

import statistics
import time
from pathlib import Path

from measuring import cell, cl, each_so_many_th, in_turns, median, told_choice

from headpose.cli.markdown import markdown_table
from headpose.detection.loading import load_detector
from headpose.errors import HeadposeError
from headpose.images.listing import find_inputs
from headpose.images.pictures import SUFFIXES, read_image
from headpose.models.shipped import DETECTORS, FAST, OURS, SINGLE_STAGE

ROW = ("detector", "pictures", "heads a picture", "ms a picture", "times as long")


def main() -> None:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("pictures", nargs="+", help="pictures, folders or patterns; each is a row of its own")
    add(
        "--count",
        type=cl.at_least(1),
        default=60,
        help="pictures of each, each so many-th from the first on",
    )
    add("--repeats", type=cl.at_least(1), default=7, help="rounds, of which the median counts")
    arguments = parser.parse_args()
    detectors = {name: load_detector(DETECTORS[name]) for name in (SINGLE_STAGE, FAST, OURS)}
    rows = []
    for source in arguments.pictures:
        listed = find_inputs([source], SUFFIXES)
        files = listed.files
        for problem in listed.problems:
            cl.warn(problem)
        if not files:
            raise HeadposeError(f"{source}: no pictures there; name a folder of them")
        chosen = each_so_many_th(len(files), arguments.count)
        print(f"{source}: {told_choice(chosen, len(files), 'pictures')}")
        pictures = [read_image(files[number]) for number in chosen]
        found = [len(boxes) for boxes, _ in detectors[OURS].detect(pictures)]
        ways = {name: _timed(detector, pictures) for name, detector in detectors.items()}
        taken = {k: median(v) for k, v in in_turns(ways, arguments.repeats, "round", 1).items()}
        for name, seconds in taken.items():
            each = None if seconds is None else seconds / len(pictures)
            times = None if seconds is None else seconds / (taken[SINGLE_STAGE] or seconds)
            label = f"{name}, {Path(source).name}"
            heads = cell(statistics.mean(found), ".1f")
            rows.append(
                [label, str(len(pictures)), heads, cell(each, ".1f", 1000), cell(times, ".2f")]
            )
    print()
    print(markdown_table(ROW, rows))


def _timed(detector, pictures):
    def run() -> float:
        started = time.perf_counter()
        for picture in pictures:
            detector.detect([picture])
        return time.perf_counter() - started

    return run


if __name__ == "__main__":
    cl.run(main)
