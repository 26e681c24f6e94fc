#!/usr/bin/env python3
"""Turns AFLW and Pointing'04 into one folder of head crops with angles, as for deepgaze.

Faces are found by OpenCV's cascades with deepgaze's settings, and their boxes are cropped
as they are, in colour. All options are those of the clean_all.py beside this folder; only
their defaults differ.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from headpose.cli import common as cl
from headpose.cli.clean_datasets import clean_all
from headpose.cli.cleaning import DEEPGAZE_DEFAULTS


def main() -> int:
    return clean_all(__doc__, "clean/deepgaze/aflw_pointing04", **DEEPGAZE_DEFAULTS)


if __name__ == "__main__":
    cl.run(main)
