"""Box arithmetic: arrays in, arrays out.

Boxes are float arrays of shape (N, 4): xmin, ymin, xmax, ymax in pixels. A box's
width is xmax - xmin, with no pixel added.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike

COLUMNS = ("xmin", "ymin", "xmax", "ymax")  # of tables with boxes
# Sides of a picture that a head in it may have: in close-ups a little of it lies outside.
TOO_LARGE = 2.0


def as_boxes(boxes: ArrayLike) -> np.ndarray:
    """Returns boxes as float32 (N, 4); an empty list becomes (0, 4).

    Raises:
        ValueError: If the values cannot be read as rows of four.
    """
    array = np.asarray(boxes, dtype=np.float32)
    if array.size == 0:
        return np.zeros((0, 4), np.float32)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes must have shape (N, 4), not {array.shape}")
    return array


def area(boxes: ArrayLike) -> np.ndarray:
    """Returns the areas (N,) in square pixels; a box turned inside out has none."""
    boxes = as_boxes(boxes)
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)


def centres(boxes: ArrayLike) -> np.ndarray:
    """Returns the centres (N, 2), x then y, in pixels."""
    boxes = as_boxes(boxes)
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def intersection(first: ArrayLike, second: ArrayLike) -> np.ndarray:
    """Returns the area that each pair shares, (N, M), in square pixels."""
    first, second = as_boxes(first), as_boxes(second)
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    return np.prod(np.maximum(high - low, 0), axis=2)


def can_show(boxes: ArrayLike, width: int, height: int) -> np.ndarray:
    """Tells which boxes (N, 4) can be of something in a picture of that size, in pixels.

    Others share nothing with it, or are more than `TOO_LARGE` times as large as its longer side.
    """
    boxes = as_boxes(boxes)
    extent = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0.0)
    shared = intersection(boxes, [[0, 0, width, height]])[:, 0] > 0
    return shared & (extent <= TOO_LARGE * max(width, height))


def iou(first: ArrayLike, second: ArrayLike) -> np.ndarray:
    """Returns the intersection over union of each pair, (N, M), in 0..1.

    The union of two boxes without area is empty; their overlap counts as 0.
    """
    shared = intersection(first, second)
    union = area(first)[:, None] + area(second)[None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def assign(score: np.ndarray, minimum: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs rows with columns, each at most once, so that the sum of scores is largest.

    Args:
        score: (N, M), larger is better, not negative.
        minimum: Pairs below this score, and pairs of score 0, are never made.

    Returns:
        Row and column indices of the pairs, two arrays of equal length, rows ascending.
    """
    allowed = (score >= minimum) & (score > 0)
    # Half a second to import, which finding heads in a photo has no need of.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(np.where(allowed, score, 0), maximize=True)
    kept = allowed[rows, columns]
    return rows[kept], columns[kept]


def match(
    first: ArrayLike, second: ArrayLike, minimum_iou: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs boxes one to one by the largest total IoU; see `assign`."""
    return assign(iou(first, second), minimum_iou)


def clip(boxes: ArrayLike, width: float, height: float) -> np.ndarray:
    """Returns the boxes cut to a picture of `width` x `height` pixels."""
    return np.clip(as_boxes(boxes), 0, np.array([width, height] * 2, np.float32))


def nms(
    boxes: ArrayLike,
    scores: ArrayLike,
    iou_threshold: float = 0.45,
    containment: float | None = None,
) -> np.ndarray:
    """Greedy non-maximum suppression (OpenCV's), perhaps of boxes inside others as well.

    A box is dropped if its IoU with a kept box of higher score is above
    `iou_threshold`; a pair at exactly the threshold both stay. Of equal scores the
    earlier row goes first.

    Args:
        boxes: (N, 4).
        scores: (N,); boxes that do not score above 0 are dropped.
        iou_threshold: In 0..1.
        containment: A box is also dropped if it shares more than this part of its own
            area, or of the other's, with a kept box of higher score; None asks for no
            such thing.

    Returns:
        Indices of the kept boxes, best score first.
    """
    boxes = as_boxes(boxes)
    scores = np.asarray(scores, np.float32).reshape(-1)
    if not len(boxes):
        return np.zeros(0, np.intp)
    sized = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    # OpenCV's own hints leave arrays out, which it takes.
    found: Any = cv2.dnn.NMSBoxes(sized, scores, 0.0, iou_threshold)  # type: ignore[arg-type]
    kept = np.asarray(found, np.intp).reshape(-1)
    if containment is not None and len(kept) > 1:
        kept = kept[_outside_others(boxes[kept], containment)]
    return kept


def _outside_others(boxes: np.ndarray, containment: float) -> np.ndarray:
    """Tells which boxes (N, 4), best first, are no part of a better one, nor it of them."""
    areas = area(boxes)
    smaller = np.maximum(np.minimum(areas[:, None], areas[None]), 1e-6)
    shares = intersection(boxes, boxes) / smaller
    kept = np.ones(len(boxes), bool)
    for i in range(1, len(boxes)):
        kept[i] = not (shares[i, :i][kept[:i]] > containment).any()
    return kept
