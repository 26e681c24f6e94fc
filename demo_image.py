#!/usr/bin/env python3
"""Finds heads in photos and says where each one is turned; see `headpose image`."""

from headpose.cli.main import run_script

if __name__ == "__main__":
    run_script("image")
