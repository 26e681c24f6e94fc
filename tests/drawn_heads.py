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


def disc_pictures(folder: Path, count: int, heads: int, empty_every: int = 0) -> Path:
    """Writes pictures of noise with dark discs for heads, and a table of their boxes.

    Args:
        folder: Gets `boxes.csv` and 0.png ...
        count: Of pictures.
        heads: In each.
        empty_every: One picture in so many, the first among them, shows none; 0: all show some.
    """
    rng = np.random.default_rng(0)
    rows = ["file,xmin,ymin,xmax,ymax"]
    for i in range(count):
        picture = rng.integers(150, 256, (128, 128, 3), dtype=np.uint8)
        empty = bool(empty_every) and i % empty_every == 0
        for _ in range(heads):
            x, y = map(int, rng.integers(25, 100, 2))
            if not empty:
                cv2.ellipse(picture, (x, y), (16, 20), 0, 0, 360, (20, 20, 20), -1)
                rows.append(f"{i}.png,{x - 16},{y - 20},{x + 16},{y + 20}")
        if empty:
            rows.append(f"{i}.png,,,,")
        cv2.imwrite(str(folder / f"{i}.png"), picture)
    (folder / "boxes.csv").write_text("\n".join(rows) + "\n")
    return folder / "boxes.csv"
