#!/usr/bin/env python3
"""Turns AFLW and Pointing'04 into one folder of head crops with angles."""

from headpose import commandline as cl
from headpose.cleaning_scripts import clean_all

CONFIDENCE = 0.65  # the published script's threshold for SSD512


def main() -> int:
    return clean_all(__doc__, "clean/aflw_pointing04", CONFIDENCE)


if __name__ == "__main__":
    cl.run(main)
