#!/usr/bin/env python3
"""Compares estimators on the same labelled heads; see `headpose compare`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from headpose.cli.common import run
from headpose.cli.compare import main

if __name__ == "__main__":
    run(main)
