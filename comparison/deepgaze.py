#!/usr/bin/env python3
"""Turns deepgaze's checkpoints into one Keras file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from headpose.cli.common import run
from headpose.cli.convert_deepgaze import main

if __name__ == "__main__":
    run(main)
