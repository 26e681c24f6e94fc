"""Drawn heads with labels, from which a network can learn in seconds."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd


def spot_heads(folder: Path, training: int, testing: int) -> Path:
    """Writes heads in which a bright spot's place in the box tells tilt and pan.

    Returns:
        Their table, with the parts `train` and `test`.
    """
    rng = np.random.default_rng(0)
    rows = []
    for i in range(training + testing):
        picture = np.full((80, 80, 3), 60, np.uint8)
        tilt, pan = rng.uniform(-40, 40, 2)
        spot = round(40 - pan / 2), round(40 - tilt / 2)
        cv2.circle(picture, spot, 7, (255, 255, 255), -1)
        cv2.imwrite(str(folder / f"{i}.png"), picture)
        rows.append((f"{i}.png", 8, 8, 72, 72, tilt, pan, "train" if i < training else "test"))
    names = ["file", "xmin", "ymin", "xmax", "ymax", "tilt", "pan", "part"]
    pd.DataFrame(rows, columns=names).to_csv(folder / "heads.csv", index=False)
    return folder / "heads.csv"
