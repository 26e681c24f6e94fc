"""Turns AFLW into head crops with angles."""

from headpose.cli.clean_datasets import clean_aflw


def main() -> int:
    return clean_aflw(__doc__, "clean/aflw")
