#!/usr/bin/env python3
"""Trains a pose estimator; see `headpose train`."""

from headpose.cli.main import run_script

if __name__ == "__main__":
    run_script("train")
