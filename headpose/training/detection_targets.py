"""What each prior of a detector is to answer for a crop: a head's box, nothing, or anything."""

from collections.abc import Sequence

import numpy as np

from headpose.detection.ssd import AnchorLevel
from headpose.geometry import boxes as box

POSITIVE_IOU, NEGATIVE_IOU, BEST_PRIOR_IOU = 0.45, 0.35, 0.2


def assign_targets(
    heads: np.ndarray,
    ignored: np.ndarray,
    levels: Sequence[AnchorLevel],
    height: int,
    width: int,
) -> np.ndarray:
    """Matches priors with heads.

    A prior is positive for the head it overlaps most if that IoU is at least 0.45; the
    best prior of each head is positive from 0.2 on. Between 0.35 and 0.45, and where a
    prior overlaps an ignored box, nothing is learned; ignored boxes count as at least as
    large as the smallest prior, which they could not overlap enough otherwise.

    The IoU of a grid of equal priors separates into x and y, so the whole matrix of
    priors against heads is never built from corners.

    Args:
        heads: (H, 4) xmin, ymin, xmax, ymax in pixels of the crop.
        ignored: (I, 4), boxes in which nothing is learned, the same way.
        levels: Of the detector, with strides and shapes of priors in pixels.
        height, width: Of the crop, pixels.

    Returns:
        float32 (N, 5): matched corners and 1, 0 or -1, in the order of `ssd.priors`.
    """
    count = len(heads)
    smallest = min((shape for level in levels for shape in level.shapes), key=np.prod)
    every = np.concatenate([heads, _grown(ignored, smallest)]).astype(np.float32)
    areas = box.area(every)
    overlaps: list[np.ndarray] = []
    owners: list[np.ndarray] = []
    offset = 0
    best = np.zeros((count, 3))  # IoU, shape's number, prior's number
    for level in levels:
        rows, columns = -(-height // level.stride), -(-width // level.stride)
        each = len(level.shapes)
        level_overlap = np.zeros((rows, columns, each), np.float32)
        level_owner = np.full((rows, columns, each), -1, np.int32)
        for k, (w, h) in enumerate(level.shapes):
            # Boxes of very different area cannot reach an IoU that counts.
            limit = np.minimum(areas, w * h) / np.maximum(np.maximum(areas, w * h), 1e-6)
            near = np.flatnonzero(limit >= BEST_PRIOR_IOU)
            if not len(near):
                continue
            x = _shared(columns, level.stride, w, every[near, 0], every[near, 2])
            y = _shared(rows, level.stride, h, every[near, 1], every[near, 3])
            shared = y[:, None, :] * x[None, :, :]
            values = shared / (w * h + areas[near] - shared)
            winner = values.argmax(axis=2)
            level_overlap[..., k] = np.take_along_axis(values, winner[..., None], 2)[..., 0]
            level_owner[..., k] = near[winner]
            flat = values.reshape(-1, len(near))
            top = flat.argmax(axis=0)
            for j, head in enumerate(near):
                if head < count and flat[top[j], j] > best[head, 0]:
                    best[head] = flat[top[j], j], k, offset + top[j] * each + k
        overlaps.append(level_overlap.reshape(-1))
        owners.append(level_owner.reshape(-1))
        offset += rows * columns * each
    overlap, owner = np.concatenate(overlaps), np.concatenate(owners)
    label = np.where(overlap >= POSITIVE_IOU, 1.0, np.where(overlap >= NEGATIVE_IOU, -1.0, 0.0))
    label[(owner >= count) & (overlap >= NEGATIVE_IOU)] = -1
    for head in np.flatnonzero(best[:, 0] >= BEST_PRIOR_IOU):
        prior = int(best[head, 2])
        label[prior], owner[prior] = 1, head
    targets = np.zeros((len(label), 5), np.float32)
    positive = label > 0
    if count:
        targets[positive, :4] = every[owner[positive]]
    targets[:, 4] = label
    return targets


def _grown(boxes: np.ndarray, least: tuple[float, float]) -> np.ndarray:
    """Grows boxes (N, 4) about their centres to at least a width and a height."""
    centres = box.centres(boxes)
    half = np.maximum(boxes[:, 2:] - boxes[:, :2], least) / 2
    return np.concatenate([centres - half, centres + half], axis=1)


def _shared(
    cells: int, stride: int, extent: float, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Returns the length that each cell's prior shares with each box, (cells, M)."""
    middle = (np.arange(cells, dtype=np.float32)[:, None] + 0.5) * stride
    shared = np.minimum(middle + extent / 2, high) - np.maximum(middle - extent / 2, low)
    return np.maximum(shared, 0)
