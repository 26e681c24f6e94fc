"""The size of pictures as tables of labels tell it, in columns `width` and `height`.

Where a picture has another one, its boxes are those of another version of it: they would be
heads in wrong places.
"""

import numpy as np
import pandas as pd

from headpose.geometry.boxes import COLUMNS
from headpose.reporting import USED

SIZE = ("width", "height")
OTHER_SIZE = "picture of another size than the table says"  # kind of a problem
NOT_FOUND = f"not found by the detector, {USED}"
ROUNDING = 1.0  # pixels


def told_sizes(table: pd.DataFrame) -> np.ndarray:
    """Returns width and height (N, 2) that a table tells, NaN where it does not.

    They say nothing of the picture where they are the box's own width and height, or those of
    something in which the box is not.

    Args:
        table: Texts or numbers, with the corners of boxes.
    """
    if not set(SIZE) <= set(table.columns):
        return np.full((len(table), 2), np.nan)
    known = (
        table[[*SIZE, *COLUMNS]].apply(pd.to_numeric, errors="coerce").to_numpy(float, copy=True)
    )
    sizes, boxes = known[:, :2], known[:, 2:]
    own = np.abs(boxes[:, 2:] - boxes[:, :2] - sizes).max(axis=1, initial=0) <= ROUNDING
    inside = ((boxes[:, :2] < sizes) & (boxes[:, 2:] <= sizes + ROUNDING)).all(axis=1)
    sizes[own | ~inside] = np.nan
    return sizes


def known_size(width: float, height: float) -> tuple[float, float]:
    """Returns a width and height, NaN where they are those of no picture, as 0 is."""
    return (width, height) if width > 0 and height > 0 else (np.nan, np.nan)


def of_other_size(sizes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Tells which of the sizes (N, 2) are those of another picture (N,)."""
    off = np.abs(sizes - [width, height])
    return (off > ROUNDING).any(axis=1)  # NaN is not
