"""How a head looks: the colours of its hair, its face and the clothes below, as a vector."""

import cv2
import numpy as np
from numpy.typing import ArrayLike

from headpose.geometry.boxes import clip

# Parts of a head, in units of its box from the left top: xmin, ymin, xmax, ymax.
HAIR, FACE, CLOTHES = (0.1, 0.0, 0.9, 0.4), (0.2, 0.4, 0.8, 0.95), (-0.4, 1.0, 1.4, 1.8)
PARTS = (HAIR, FACE, CLOTHES)
BINS = (8, 4, 4)  # of hue, saturation and brightness
RANGES = [0, 180, 0, 256, 0, 256]  # of OpenCV's HSV
SIZE = len(PARTS) * BINS[0] * BINS[1] * BINS[2]
SMALLEST = 24  # pixels of a head's height below which its colours tell little
INSIDE, CLOTHES_INSIDE = 0.95, 0.05  # shares of a head and of its clothes that must be seen
SAMPLES = 48  # rows and columns of a part that are counted at most, evenly spread


def appearance(picture: np.ndarray, box: ArrayLike) -> np.ndarray | None:
    """Returns what tells heads of different people apart, more or less.

    For each part the square root of its histogram of colours, so that the product of two
    vectors is the mean of their Bhattacharyya coefficients: 1 for equal colours.

    Args:
        picture: uint8 (H, W, 3), BGR.
        box: Of the head: xmin, ymin, xmax, ymax, pixels.

    Returns:
        float32 (SIZE,) of length 1; None where the head is small, or cut by the border.
    """
    x0, y0, x1, y1 = np.asarray(box, np.float64)
    if y1 - y0 < SMALLEST or x1 <= x0:
        return None
    corner, scale = np.array([x0, y0, x0, y0]), np.array([x1 - x0, y1 - y0] * 2)
    wholly, clothes = (_seen(picture, corner + scale * p) for p in ((0, 0, 1, 1), CLOTHES))
    if wholly < INSIDE or clothes < CLOTHES_INSIDE:
        return None
    parts = [_colours(_cut(picture, corner + scale * part)) for part in PARTS]
    return np.concatenate(parts) / np.float32(np.sqrt(len(PARTS)))


def _seen(picture: np.ndarray, box: np.ndarray) -> float:
    """Returns which share of a box lies in the picture."""
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = clip([box], width, height)[0]
    whole = (box[2] - box[0]) * (box[3] - box[1])
    return float(max(0.0, x1 - x0) * max(0.0, y1 - y0) / whole)


def _cut(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Cuts a box (4,) out of a picture, at least a pixel, and thins out what is large."""
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = np.rint(clip([box], width, height)[0]).astype(int)
    x0, y0 = min(x0, width - 1), min(y0, height - 1)
    part = picture[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    rows, columns = (-(-side // SAMPLES) for side in part.shape[:2])
    return np.ascontiguousarray(part[::rows, ::columns])


def _colours(part: np.ndarray) -> np.ndarray:
    """Returns the square root of a histogram of colours, of length 1."""
    hsv = cv2.cvtColor(part, cv2.COLOR_BGR2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, BINS, RANGES).ravel()
    return np.sqrt(counts / counts.sum())
