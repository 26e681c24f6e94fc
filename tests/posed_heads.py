"""Heads whose angles are known: a table of some, and one that shows where its nose points."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from headpose.datasets.head_sets import HeadSet


def write_heads(folder: Path, noise_picture) -> Path:
    """Four heads in two pictures; one has no angles, one no area, one a missing picture."""
    for i in range(2):
        cv2.imwrite(str(folder / f"{i}.png"), noise_picture(300, 200, i))
    rows = [
        ("0.png", 100, 60, 180, 160, 5, 10, 3, 0),
        ("0.png", 200, 60, 260, 140, -5, -40, 2, 6),
        ("1.png", 20, 20, 90, 90, 1, 2, None, 0),
        ("1.png", 20, 20, 90, 90, None, None, None, 0),
        ("1.png", 30, 30, 30, 90, 1, 2, 3, 0),
        ("2.png", 20, 20, 90, 90, 1, 2, 3, 0),
    ]
    names = ["file", "xmin", "ymin", "xmax", "ymax", "tilt", "pan", "roll", "disagreement"]
    frame = pd.DataFrame(rows, columns=names)
    frame["part"] = ["train", "test", "train", "train", "train", "train"]
    frame.to_csv(folder / "heads.csv", index=False)
    return folder / "heads.csv"


def arrow_heads() -> HeadSet:
    """A dark patch with a white dot right of the middle and a grey one above it."""
    patch = np.zeros((112, 112), np.uint8)
    cv2.circle(patch, (56 + 16, 56), 4, 255, -1)
    cv2.circle(patch, (56, 56 - 16), 6, 120, -1)
    angles = np.float32([(0, -30, 0)])  # the nose points to the right
    return HeadSet(
        patch[None], patch[None], np.array([64.0]), angles, np.ones(1), np.zeros(1, bool)
    )
