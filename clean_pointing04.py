#!/usr/bin/env python3
"""Turns Pointing'04 (the Head Pose Image Database) into head crops with angles."""

from pathlib import Path

from headpose import commandline as cl
from headpose.cleaning_command import add_options, run_cleaning

CONFIDENCE = 0.75  # the published script's threshold for SSD512


def main() -> int:
    parser = cl.parser(__doc__)
    parser.add_argument("data", type=Path, help="folder that holds Person01 to Person15")
    add_options(parser, "clean/pointing04", CONFIDENCE)
    arguments = parser.parse_args()
    from headpose.pointing04 import read_pointing04

    return run_cleaning(
        parser,
        arguments,
        CONFIDENCE,
        [arguments.data],
        [lambda: read_pointing04(arguments.data)],
    )


if __name__ == "__main__":
    cl.run(main)
