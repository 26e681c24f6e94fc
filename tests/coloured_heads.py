"""Heads drawn so that the mean of each channel over the right crop tells an angle exactly.

Networks are drawn so that they read it: whatever is asked or read in a wrong way shows in
the error.
"""

import cv2
import numpy as np
import pandas as pd
from onnx_files import write_linear

HEADS, WIDTH, HEIGHT = 40, 160, 120
BOX = (60.0, 40.0, 90.0, 80.0)  # 30 x 40: FSA-Net's crop is 48 x 48 about its middle
CROP = (51, 36, 99, 84)
SCALE = 50  # degrees at the ends of a channel's range


def angle(level: np.ndarray) -> np.ndarray:
    return SCALE * (level - 127.5) / 128


def draw(folder, levels, square=CROP) -> list[str]:
    """Writes pictures whose colour in the square tells the angles, on another colour."""
    folder.mkdir(parents=True)
    others = np.random.default_rng(1).integers(0, 256, (HEADS, 3))
    names = []
    for i, (level, other) in enumerate(zip(levels, others, strict=True)):
        picture = np.full((HEIGHT, WIDTH, 3), other, np.uint8)
        picture[square[1] : square[3], square[0] : square[2]] = level
        names.append(f"image{i:05d}.png")
        assert cv2.imwrite(str(folder / names[-1]), picture)
    return names


def write_table(folder, levels, truth, square=CROP):
    names = draw(folder / "images", levels, square)
    rows = [[n, *BOX, *np.round(t, 4)] for n, t in zip(names, truth, strict=True)]
    columns = ["file", "xmin", "ymin", "xmax", "ymax", "tilt", "pan", "roll"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "labels.csv", index=False)
    return folder / "labels.csv"


def write_fsa(path, matrix=None):
    """A network in FSA-Net's form: yaw, pitch, roll from the means of B, G, R."""
    return write_linear(path, [SCALE * np.eye(3) if matrix is None else matrix], [np.zeros(3)])
