#!/usr/bin/env python3
"""Matches the crops of two clean folders, so that both hold the same heads."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from headpose.cli.common import run
from headpose.cli.match_datasets import main

if __name__ == "__main__":
    run(main)
