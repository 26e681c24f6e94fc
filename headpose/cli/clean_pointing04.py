"""Turns Pointing'04 (the Head Pose Image Database) into head crops with angles."""

from headpose.cli.clean_datasets import clean_pointing04


def main() -> int:
    return clean_pointing04(__doc__, "clean/pointing04")
