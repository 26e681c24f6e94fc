"""Turns AFLW into head crops with angles."""

from headpose.cli.clean_datasets import clean_aflw

CONFIDENCE = 0.75  # the published script's threshold for SSD512


def main() -> int:
    return clean_aflw(__doc__, "clean/aflw", CONFIDENCE)
