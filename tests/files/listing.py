"""What a folder holds."""

from pathlib import Path


def names_in(folder: Path) -> set[str]:
    return {f.name for f in folder.iterdir()}
