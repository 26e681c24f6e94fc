"""Carrying boxes to the next frame by sight, without detecting: optical flow.

After Kalal, Mikolajczyk, Matas, "Forward-Backward Error: Automatic Detection of Tracking
Failures", ICPR 2010: points on a grid in the box are followed by pyramidal Lucas-Kanade
(OpenCV's), those that do not come back to where they started are dropped, and the box
takes the median of the other points' shifts and of the changes of their distances.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike

from headpose.geometry.boxes import area, as_boxes, clip

LONG_SIDE = 640  # pixels; larger pictures are scaled down to it
GRID = 6  # points along a side of the box
MIDDLE = 0.7  # of the box that the grid covers: its corners show the background
RETURNED = 1.0  # pixels from the start at which a point counts as come back
MIN_POINTS = 9  # of GRID * GRID; with fewer a box cannot be trusted
MIN_INSIDE = 0.4  # share of the box inside the picture
MAX_GROWTH = 1.2  # in one frame; more is a mistake
DARK, BRIGHT = 10, 245  # mean grey levels of a box beyond which it shows nothing: a fade's end
CHANGED = 10  # grey levels, in the mean, between a box and the same place of the next frame from
# which it shows something else, as after a cut; chosen by hand, as is the next
CUT = 25  # the same of whole pictures
LUCAS_KANADE = {
    "winSize": (15, 15),
    "maxLevel": 3,
    "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03),
}


class BoxFlow:
    """Moves boxes along with what they show, from one frame to the next."""

    def __init__(self):
        self._before: np.ndarray | None = None
        self._grey: np.ndarray | None = None

    def move(
        self, picture: np.ndarray, boxes: ArrayLike
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Finds boxes of the last frame again.

        Args:
            picture: The new frame, uint8 (H, W, 3), BGR, as large as the last one.
            boxes: (N, 4) in the last frame.

        Returns:
            The boxes in the new frame (N, 4), which of them can be trusted (N,), and which of
            the others show something else now (N,).
        """
        before, boxes = self._grey, as_boxes(boxes)
        self._before = before
        height, width = picture.shape[:2]
        scale = min(1.0, LONG_SIDE / max(width, height))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        self._grey = cv2.resize(
            cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA
        )
        if before is None or not len(boxes):
            return boxes, np.zeros(len(boxes), bool), np.zeros(len(boxes), bool)
        points = _grids(boxes * np.float32(scale))
        there, back = _followed(before, self._grey, points)
        moved, trusted = np.empty_like(boxes), np.zeros(len(boxes), bool)
        for i, box in enumerate(boxes):
            kept = np.linalg.norm(back[i] - points[i], axis=1) < RETURNED
            moved[i], trusted[i] = box, kept.sum() >= MIN_POINTS
            if trusted[i]:
                moved[i] = _moved(box, points[i][kept] / scale, there[i][kept] / scale)
        trusted &= inside(moved, width, height)
        return moved, trusted, ~trusted & _changed(before, self._grey, boxes * np.float32(scale))

    def is_cut(self) -> bool:
        """Tells whether the picture that was given last shows another scene than the one before."""
        if self._before is None or self._grey is None:
            return False
        return float(cv2.absdiff(self._before, self._grey).mean()) > CUT


def inside(boxes: ArrayLike, width: int, height: int) -> np.ndarray:
    """Tells which boxes (N,) show enough of what they hold in a picture."""
    return area(clip(boxes, width, height)) >= MIN_INSIDE * area(boxes)


def _grids(boxes: np.ndarray) -> np.ndarray:
    """Returns the points (N, GRID * GRID, 2) that stand for each box."""
    steps = (np.arange(GRID) / (GRID - 1) - 0.5) * MIDDLE + 0.5
    x, y = (axis.ravel() for axis in np.meshgrid(steps, steps))
    shares = np.stack([x, y], axis=1)
    corners, extents = boxes[:, None, :2], boxes[:, None, 2:] - boxes[:, None, :2]
    return (corners + shares * extents).astype(np.float32)


def _followed(
    before: np.ndarray, now: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Follows points (N, P, 2) to the new frame and back; returns both, NaN where lost."""
    flat = points.reshape(-1, 1, 2)
    # OpenCV's own hints leave out that the result's place may be None.
    follow: Any = cv2.calcOpticalFlowPyrLK
    there, found, _ = follow(before, now, flat, None, **LUCAS_KANADE)
    back, returned, _ = follow(now, before, there, None, **LUCAS_KANADE)
    back[(found & returned).ravel() == 0] = np.nan
    return there.reshape(points.shape), back.reshape(points.shape)


def _changed(before: np.ndarray, now: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Tells which boxes (N, 4) of a grey picture show something else in the next one."""
    height, width = now.shape
    result = np.zeros(len(boxes), bool)
    for i, (x0, y0, x1, y1) in enumerate(clip(boxes, width, height).astype(int)):
        place = np.s_[y0 : y1 + 1, x0 : x1 + 1]
        if now[place].size:
            shows_something = DARK <= now[place].mean() <= BRIGHT
            step = cv2.absdiff(before[place], now[place]).mean()
            result[i] = step > CHANGED or not shows_something
    return result


def _moved(box: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Returns the box after the points that stand for it went from start to end (P, 2)."""
    shift = np.median(end - start, axis=0)
    one, other = np.triu_indices(len(start), 1)
    distance = np.linalg.norm(start[one] - start[other], axis=1)
    growth = np.median(np.linalg.norm(end[one] - end[other], axis=1) / distance)
    growth = np.clip(growth, 1 / MAX_GROWTH, MAX_GROWTH)
    centre, half = (box[:2] + box[2:]) / 2 + shift, (box[2:] - box[:2]) / 2 * growth
    return np.concatenate([centre - half, centre + half])
