#!/usr/bin/env python3
"""Follows heads through a video; see `headpose video`."""

from headpose.cli.main import run_script

if __name__ == "__main__":
    run_script("video")
