#!/usr/bin/env python3
"""Turns AFLW and Pointing'04 into one set of head crops; see `headpose clean-all`."""

from headpose.cli.main import run_script

if __name__ == "__main__":
    run_script("clean-all")
