#!/usr/bin/env python3
"""Turns Pointing'04 into head crops with angles; see `headpose clean-pointing04`."""

from headpose.cli.main import run_script

if __name__ == "__main__":
    run_script("clean-pointing04")
