#!/usr/bin/env python3
"""Converts the published SSD512 head detector; see `headpose convert`."""

from headpose.cli.main import run_script

if __name__ == "__main__":
    run_script("convert")
