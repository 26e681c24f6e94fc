#!/usr/bin/env python3
"""Turns AFLW into head crops with angles; see `headpose clean-aflw`."""

from headpose.cli.clean_aflw import main
from headpose.cli.common import run

if __name__ == "__main__":
    run(main)
