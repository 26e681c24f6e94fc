"""Videos that demo_video.py is run on, and what it leaves."""

import csv
from pathlib import Path

import numpy as np


def walk(index: int) -> np.ndarray:
    """Two patches that walk toward each other and part again."""
    x, other = 20 + 4 * index, 250 - 3 * index
    return np.float32([(x, 30, x + 40, 75), (other, 100, other + 40, 150)])


def rows_of(path: Path) -> list[dict]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def no_leftovers(folder: Path) -> bool:
    return not [f for f in folder.iterdir() if f.name.startswith(".")]


def all_outputs(folder: Path) -> list:
    names = {"--output": "o.mp4", "--csv": "h.csv", "--stats": "s.json"}
    return [x for option, name in names.items() for x in (option, folder / name)]
