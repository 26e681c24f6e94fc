#!/usr/bin/env python3
"""Finds heads in photos and says where each one is turned; see `headpose image`."""

from headpose.cli.common import run
from headpose.cli.image import main

if __name__ == "__main__":
    run(main)
