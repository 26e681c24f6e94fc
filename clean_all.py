#!/usr/bin/env python3
"""Turns AFLW and Pointing'04 into one folder of head crops with angles."""

from pathlib import Path

from headpose import commandline as cl
from headpose.cleaning_command import add_options, run_cleaning

CONFIDENCE = 0.65  # the published script's threshold for SSD512


def main() -> int:
    parser = cl.parser(__doc__)
    parser.add_argument(
        "aflw",
        type=Path,
        help="AFLW's folder, or its dataset_landmarks_and_pose_withfaceids.mat or aflw.sqlite",
    )
    parser.add_argument("pointing04", type=Path, help="folder that holds Person01 to Person15")
    parser.add_argument(
        "--pictures",
        type=Path,
        help="folder of AFLW's picture names; if not given, found near the labels",
    )
    add_options(parser, "clean/aflw_pointing04", CONFIDENCE)
    arguments = parser.parse_args()
    from headpose.aflw import read_aflw
    from headpose.pointing04 import read_pointing04

    return run_cleaning(
        parser,
        arguments,
        CONFIDENCE,
        [arguments.aflw, arguments.pointing04],
        [
            lambda: read_aflw(arguments.aflw, arguments.pictures),
            lambda: read_pointing04(arguments.pointing04),
        ],
    )


if __name__ == "__main__":
    cl.run(main)
