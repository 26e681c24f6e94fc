#!/usr/bin/env python3
"""Trains a pose estimator; see `headpose train`."""

from headpose.cli.common import run
from headpose.cli.train import main

if __name__ == "__main__":
    run(main)
