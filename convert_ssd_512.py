#!/usr/bin/env python3
"""Converts the published SSD512 head detector; see `headpose convert`."""

from headpose.cli.common import run
from headpose.cli.convert import main

if __name__ == "__main__":
    run(main)
