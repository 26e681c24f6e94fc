#!/usr/bin/env python3
"""Turns AFLW into head crops with angles."""

from pathlib import Path

from headpose import commandline as cl
from headpose.cleaning_command import add_options, run_cleaning

CONFIDENCE = 0.75  # the published script's threshold for SSD512


def main() -> int:
    parser = cl.parser(__doc__)
    parser.add_argument(
        "data",
        type=Path,
        help="AFLW's folder, or its dataset_landmarks_and_pose_withfaceids.mat or aflw.sqlite",
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        help="folder that the labels' picture names are relative to; if not given, found near them",
    )
    add_options(parser, "clean/aflw", CONFIDENCE)
    arguments = parser.parse_args()
    from headpose.aflw import read_aflw

    return run_cleaning(
        parser,
        arguments,
        CONFIDENCE,
        [arguments.data],
        [lambda: read_aflw(arguments.data, arguments.pictures)],
    )


if __name__ == "__main__":
    cl.run(main)
