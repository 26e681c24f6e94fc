#!/usr/bin/env python3
"""Turns Pointing'04 into head crops with angles; see `headpose clean-pointing04`."""

from headpose.cli.clean_pointing04 import main
from headpose.cli.common import run

if __name__ == "__main__":
    run(main)
