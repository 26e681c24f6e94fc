"""Turns AFLW and Pointing'04 into one folder of head crops with angles."""

from headpose.cli.clean_datasets import clean_all


def main() -> int:
    return clean_all(__doc__, "clean/aflw_pointing04")
