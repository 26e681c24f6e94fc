"""Pictures without heads, on which every find is false."""

from collections.abc import Iterator, Sequence

import numpy as np

from headpose.datasets.detection_annotations import DetectionAnnotation
from headpose.geometry import boxes as box
from headpose.images import textures
from headpose.images.picture_cache import PictureCache

MIN_SIDE = 96  # pixels; smaller parts show too little to be mistaken for something
CLEARANCE = 0.35  # of the box's longer side, kept free around every head
BELIEVED = 0.3  # score above which another detector's find is taken for somebody


def without_heads(picture: np.ndarray, heads: np.ndarray) -> np.ndarray | None:
    """Returns the largest part of a picture beside, above or below all of its heads.

    Args:
        picture: uint8 (H, W, 3).
        heads: (N, 4), at least one.

    Returns:
        A view of the picture, or None if no part is 96 pixels wide and high.
    """
    height, width = picture.shape[:2]
    free = CLEARANCE * (heads[:, 2:] - heads[:, :2]).max()
    x0, y0 = np.floor(heads[:, :2].min(axis=0) - free).astype(int)
    x1, y1 = np.ceil(heads[:, 2:].max(axis=0) + free).astype(int)
    parts = [(0, 0, x0, height), (x1, 0, width, height), (0, 0, width, y0), (0, y1, width, height)]
    parts = [p for p in parts if min(p[2] - p[0], p[3] - p[1]) >= MIN_SIDE]
    if not parts:
        return None
    left, top, right, bottom = max(parts, key=lambda p: (p[2] - p[0]) * (p[3] - p[1]))
    return picture[top:bottom, left:right]


def backgrounds(pictures: Sequence[DetectionAnnotation], other=None) -> Iterator[np.ndarray]:
    """Yields the parts of pictures away from their heads, and from what is to be ignored.

    That is the whole of a picture without either.

    Args:
        pictures: Labelled pictures.
        other: A detector that is asked whether a part shows somebody the labels leave
            out; such parts are passed over. None passes over none.
    """
    cache = PictureCache(0)
    for item in pictures:
        picture, known = cache.read(item.path), np.concatenate([item.boxes, item.ignored])
        part = without_heads(picture, box.as_boxes(known)) if len(known) else picture
        if part is None:
            continue
        if other is None or not len(other.detect([part], BELIEVED)[0][0]):
            yield part


def drawn(count: int, size: int = 512, seed: int = 12345) -> Iterator[np.ndarray]:
    """Draws textures; the seed is none that training draws from."""
    for i in range(count):
        yield textures.draw(np.random.default_rng((seed, i)), size)
