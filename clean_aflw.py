#!/usr/bin/env python3
"""Turns AFLW into head crops with angles."""

from headpose import commandline as cl
from headpose.cleaning_scripts import clean_aflw

CONFIDENCE = 0.75  # the published script's threshold for SSD512


def main() -> int:
    return clean_aflw(__doc__, "clean/aflw", CONFIDENCE)


if __name__ == "__main__":
    cl.run(main)
