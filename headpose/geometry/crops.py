"""From a box in a picture to the square crop that an estimator sees.

This is the only place that cuts crops: cleaning, training, comparison and inference
share it, because angles change by many degrees when the crop does.
"""

import cv2
import numpy as np
from numpy.typing import ArrayLike

from headpose.geometry.boxes import as_boxes

SIDES = ("short", "long")  # of a box
OLD_SIDES = {"small": "short", "large": "long"}  # as earlier versions wrote them
INTERPOLATIONS = {
    "auto": None,
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}


def side_name(side: str) -> str:
    """Returns one of `SIDES`, also of its name in earlier versions.

    Raises:
        ValueError: If there is no such side.
    """
    side = OLD_SIDES.get(side, side)
    if side not in SIDES:
        raise ValueError(f"side must be one of {', '.join(SIDES)}, not {side!r}")
    return side


def side_lengths(boxes: np.ndarray, side: str) -> np.ndarray:
    """Returns the lengths (N,) of the short or the long sides of boxes (N, 4)."""
    extent = boxes[:, 2:] - boxes[:, :2]
    return extent.min(axis=1) if side_name(side) == "short" else extent.max(axis=1)


def squares(
    boxes: ArrayLike,
    side: str = "short",
    margin: float = 1.0,
    picture_size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Turns boxes into whole-pixel squares about their centres.

    Args:
        boxes: (N, 4).
        side: `short`: the shorter side of the box, as the published estimator was
            trained on; `long`: the longer one.
        margin: The side is multiplied by this.
        picture_size: (width, height). If given, a square that passes a border is
            shifted inside, and one that is larger than the picture is centred on it.

    Returns:
        int64 (N, 4), sides at least 1 pixel.

    Raises:
        ValueError: If `side` or `margin` is out of range, or a box is not finite.
    """
    boxes = as_boxes(boxes).astype(np.float64)
    if not margin > 0:
        raise ValueError(f"margin must be positive, not {margin}")
    if not np.isfinite(boxes).all():
        raise ValueError("a box has a coordinate that is not finite")
    length = np.maximum(np.rint(side_lengths(boxes, side) * margin), 1)[:, None]
    start = np.rint((boxes[:, :2] + boxes[:, 2:]) / 2 - length / 2)
    if picture_size is not None:
        room = np.asarray(picture_size, np.float64) - length
        start = np.where(room < 0, np.rint(room / 2), np.clip(start, 0, np.maximum(room, 0)))
    return np.concatenate([start, start + length], axis=1).astype(np.int64)


def cut(picture: np.ndarray, square: ArrayLike) -> np.ndarray:
    """Cuts one whole-pixel rectangle; what lies outside repeats the picture's edge.

    Args:
        picture: (H, W) or (H, W, C).
        square: xmin, ymin, xmax, ymax, whole pixels, of any position.

    Returns:
        A view of the picture where the rectangle is inside it, else a new array.
    """
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = (int(v) for v in np.asarray(square))
    if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
        return picture[y0:y1, x0:x1]
    columns = np.clip(np.arange(x0, x1), 0, width - 1)
    rows = np.clip(np.arange(y0, y1), 0, height - 1)
    return picture[rows[:, None], columns[None, :]]


def resize(picture: np.ndarray, size: tuple[int, int], interpolation: str = "auto") -> np.ndarray:
    """Resizes to `size` (width, height); `auto` averages when shrinking, else linear."""
    if (picture.shape[1], picture.shape[0]) == tuple(size):
        return picture
    flag = INTERPOLATIONS[interpolation]
    if flag is None:
        shrinking = size[0] < picture.shape[1] and size[1] < picture.shape[0]
        flag = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(picture), size, interpolation=flag)


def head_crops(
    picture: np.ndarray,
    boxes: ArrayLike,
    size: int = 64,
    side: str = "short",
    margin: float = 1.0,
    grey: bool = True,
    interpolation: str = "auto",
) -> np.ndarray:
    """Cuts the square of each head and scales it to `size` pixels.

    Args:
        picture: uint8 (H, W, 3), BGR, or grey (H, W).
        boxes: (N, 4) head boxes in pixels of the picture; N may be 0.
        size: Side of the crops, pixels.
        side, margin: See `squares`; the squares are shifted inside the picture.
        grey: Whether to turn to grey (ITU-R BT.601 weights, as OpenCV does).
        interpolation: A key of `INTERPOLATIONS`.

    Returns:
        uint8 (N, size, size), or (N, size, size, 3) when not grey.
    """
    height, width = picture.shape[:2]
    grey = grey or picture.ndim == 2
    crops = np.empty((len(as_boxes(boxes)), size, size) + (() if grey else (3,)), np.uint8)
    for crop, square in zip(crops, squares(boxes, side, margin, (width, height)), strict=True):
        part = cut(picture, square)
        if grey and part.ndim == 3:
            part = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_BGR2GRAY)
        crop[...] = resize(part, (size, size), interpolation)
    return crops
