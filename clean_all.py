#!/usr/bin/env python3
"""Turns AFLW and Pointing'04 into one set of head crops; see `headpose clean-all`."""

from headpose.cli.clean_all import main
from headpose.cli.common import run

if __name__ == "__main__":
    run(main)
