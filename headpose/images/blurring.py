"""Hiding heads: what is in their boxes is made unrecognizable."""

from collections.abc import Iterable

import cv2
import numpy as np

MARGIN = 0.15  # of the box's size, on each side: ears and hair tell who it is, too
CELLS = 6  # squares across a head: faces of fewer than about 12 pixels are not recognized


def blur_heads(
    picture: np.ndarray, boxes: Iterable[tuple[float, float, float, float]]
) -> np.ndarray:
    """Returns a copy of a picture in which heads are coarse mosaics, smoothed.

    The mosaic comes first: what a mean of many pixels has lost cannot be computed back,
    as a blur alone can to some degree.

    Args:
        picture: uint8 (H, W, 3).
        boxes: xmin, ymin, xmax, ymax of each head, pixels.
    """
    result = picture.copy()
    height, width = picture.shape[:2]
    for x0, y0, x1, y1 in boxes:
        wide, high = MARGIN * (x1 - x0), MARGIN * (y1 - y0)
        left, right = max(0, int(x0 - wide)), min(width, int(np.ceil(x1 + wide)))
        top, bottom = max(0, int(y0 - high)), min(height, int(np.ceil(y1 + high)))
        part = result[top:bottom, left:right]
        if not part.size:
            continue
        size = part.shape[1], part.shape[0]
        cell = max(size) / CELLS
        coarse = cv2.resize(
            part,
            (max(1, round(size[0] / cell)), max(1, round(size[1] / cell))),
            interpolation=cv2.INTER_AREA,
        )
        result[top:bottom, left:right] = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
    return result
