#!/usr/bin/env python3
"""Turns AFLW into head crops with angles; see `headpose clean-aflw`."""

from headpose.cli.main import run_script

if __name__ == "__main__":
    run_script("clean-aflw")
