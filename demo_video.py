#!/usr/bin/env python3
"""Follows heads through a video; see `headpose video`."""

from headpose.cli.common import run
from headpose.cli.video import main

if __name__ == "__main__":
    run(main)
