"""Where heads are in space, and what they point at: from boxes, angles and a field of view.

A camera is a pinhole whose horizontal field of view is known. Coordinates are those of the
whole project, with the camera at the origin: x to the picture's right, y up, z toward the
viewer, in metres, so that what is seen has a negative z.

Angles of a head are relative to the ray that leads to it, as a crop shows it: azimuth and
elevation 0 is a head that looks into the camera wherever in the picture it is.
"""

import numpy as np
from numpy.typing import ArrayLike

from headpose.geometry.boxes import as_boxes

# Metres, of what a box of a whole head shows: adults measure some 22 to 23 cm from chin to
# crown in surveys such as ANSUR (US Army), and hair adds one or two.
HEAD_HEIGHT = 0.24
# Standard deviations by which a distance is taken to be off, as shares of it: for adults'
# heads that differ, and for a box that is too high or too low. Assumed, not measured.
SIZE_DEVIATION, BOX_DEVIATION = 0.06, 0.08
DISTANCE_DEVIATION = float(np.hypot(SIZE_DEVIATION, BOX_DEVIATION))
# Heads' boxes are so many times as wide as high: the priors of the detectors that ship.
WIDTH_OF_HEIGHT = 0.9 / 1.1
# Where the border of the picture cuts a head, its width tells its height: in the labels of
# SCUT-HEAD, of work sites and of rendered heads the logarithm of width by height has a standard
# deviation of 0.16 to 0.18, so that the height is off by as large a share more.
SHAPE_DEVIATION = 0.17
CUT_DEVIATION = float(np.hypot(DISTANCE_DEVIATION, SHAPE_DEVIATION))
# A box is taken to be cut by the border within so much of it: pixels, and shares of its side,
# because the boxes of cut heads do not all reach the border (3 % less were seen).
BORDER_PIXELS, BORDER_SHARE = 1.0, 0.05


def focal_length(fov: float, width: float) -> float:
    """Returns a camera's focal length in pixels.

    Args:
        fov: Horizontal field of view, degrees.
        width: Of the picture, pixels.
    """
    return width / 2 / float(np.tan(np.radians(fov) / 2))


def positions(
    boxes: ArrayLike, size: tuple[float, float], fov: float, head_height: float = HEAD_HEIGHT
) -> np.ndarray:
    """Returns where heads are, (N, 3) in metres; off by about `DISTANCE_DEVIATION`.

    A sphere looks about as high as its diameter, times the focal length, by the distance
    along the camera's axis; heads at the border of wide pictures look a little larger.

    Args:
        boxes: (N, 4) of whole heads, pixels.
        size: Width and height of the picture, pixels.
        fov: Horizontal field of view, degrees.
        head_height: Metres; of children from 0.19 on.
    """
    boxes = as_boxes(boxes).astype(np.float64)
    focal = focal_length(fov, size[0])
    depth = focal * head_height / np.maximum(boxes[:, 3] - boxes[:, 1], 1e-9)
    across = (boxes[:, 0] + boxes[:, 2]) / 2 - size[0] / 2
    down = (boxes[:, 1] + boxes[:, 3]) / 2 - size[1] / 2
    return np.stack([across * depth / focal, -down * depth / focal, -depth], axis=1)


def whole_heads(boxes: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the boxes that heads would have if the picture's border cut none, and how sure.

    A head that the upper or lower border cuts is as high as its width says, if that is more
    than what is seen of it, and reaches as far beyond that border; one that the border on the
    left or right cuts is as wide as its height says. Where both are cut nothing tells its size.

    Args:
        boxes: (N, 4), pixels.
        size: Width and height of each picture (N, 2), pixels.

    Returns:
        Boxes (N, 4), NaN where nobody knows, and the standard deviations (N,) of the distances
        that follow from them, as shares of these.
    """
    whole = boxes.astype(np.float64)
    low, high = whole[:, :2], whole[:, 2:]
    sides = high - low
    # Both (N, 2): whether the border cuts the sides across and the sides down.
    near = np.maximum(BORDER_PIXELS, BORDER_SHARE * sides)
    at_start, at_end = low <= near, high >= size - near
    is_cut = at_start | at_end
    implied = sides[:, ::-1] * [WIDTH_OF_HEIGHT, 1 / WIDTH_OF_HEIGHT]
    more = np.where(is_cut, np.maximum(implied - sides, 0), 0)
    share = np.where(at_start & at_end, 0.5, at_start)  # of what goes beyond the start
    whole[:, :2] -= more * share
    whole[:, 2:] += more * (1 - share)
    whole[is_cut.all(axis=1)] = np.nan
    return whole, np.where(is_cut[:, 1], CUT_DEVIATION, DISTANCE_DEVIATION)


def from_rays(directions: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Returns directions in the camera's coordinates of those that are seen along a ray.

    Each is turned by the smallest rotation that brings the camera's axis to the ray
    (Rodrigues' formula).

    Args:
        directions: Unit vectors (N, 3), relative to the ray.
        places: Where the heads are, (N, 3), any unit.
    """
    rays = -places / np.linalg.norm(places, axis=1, keepdims=True)
    axis = np.array([0.0, 0.0, 1.0])
    cross = np.cross(np.broadcast_to(axis, rays.shape), rays)
    cosine = rays[:, 2:3]
    along = (cross * directions).sum(axis=1, keepdims=True)
    # (1 - cos) / sin^2 is 1 / (1 + cos); a ray from behind the camera does not exist.
    return cosine * directions + np.cross(cross, directions) + cross * along / (1 + cosine)
