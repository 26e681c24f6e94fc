"""Very large pictures: searched in overlapping tiles, and as a whole for large heads."""

from collections.abc import Iterator, Sequence

import numpy as np

from headpose.geometry.boxes import as_boxes, nms

TILE = 1024  # pixels; at a detector's 512 heads from 16 px are found well
SMALLEST_TILE = 128  # pixels
OVERLAP = 0.25  # of a tile's side; heads up to that size are whole in one tile at least
BORDER = 3.0  # pixels; what ends so near to a tile's inner border may be cut by it
# Of a picture's long side: so large a head is found in the picture as a whole, and what a tile
# alone takes for one is none.
LARGE = 1 / 8
MERGE_IOU, MERGE_CONTAINMENT = 0.45, 0.75  # of finds of two tiles that are one head


class TiledDetector:
    """Searches large pictures in tiles with another detector.

    Pictures whose long side is at most a quarter above a tile's are searched as they are.

    Args:
        detector: Anything with `detect` and `confidence`.
        side: Of a tile, pixels of the picture.

    Attributes:
        confidence: The detector's default threshold.
        fixed_size: The detector's, see `HeadDetector`.
    """

    def __init__(self, detector, side: int = TILE):
        self.detector = detector
        self.side = side
        self.confidence = detector.confidence
        self.fixed_size = getattr(detector, "fixed_size", None)

    def detect(
        self, pictures: Sequence[np.ndarray], confidence: float | None = None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Finds the heads in each picture, see `HeadDetector.detect`."""
        small = [max(p.shape[:2]) <= (1 + OVERLAP) * self.side for p in pictures]
        plain = iter(
            self.detector.detect(
                [p for p, is_small in zip(pictures, small, strict=True) if is_small], confidence
            )
        )
        return [
            next(plain) if is_small else self._detect_tiled(picture, confidence)
            for picture, is_small in zip(pictures, small, strict=True)
        ]

    def _detect_tiled(
        self, picture: np.ndarray, confidence: float | None
    ) -> tuple[np.ndarray, np.ndarray]:
        height, width = picture.shape[:2]
        boxes, scores = self.detector.detect([picture], confidence)[0]
        parts, sure = [as_boxes(boxes)], [scores]
        for x0, y0, x1, y1 in tiles(width, height, self.side):
            part = np.ascontiguousarray(picture[y0:y1, x0:x1])
            boxes, scores = self.detector.detect([part], confidence)[0]
            boxes = as_boxes(boxes) + np.array([x0, y0, x0, y0], np.float32)
            # The picture's own borders cut nothing that another tile would have whole.
            inner = np.array([x0 > 0, y0 > 0, x1 < width, y1 < height])
            distance = np.abs(boxes - [x0, y0, x1, y1])
            beyond = (boxes - [x0, y0, x1, y1]) * [1, 1, -1, -1] < 0
            whole = ~(inner & ((distance < BORDER) | beyond)).any(axis=1)
            sides = boxes[:, 2:] - boxes[:, :2]
            whole &= sides.max(axis=1, initial=0) <= LARGE * max(width, height)
            parts.append(boxes[whole])
            sure.append(scores[whole])
        boxes, scores = np.concatenate(parts), np.concatenate(sure)
        kept = nms(boxes, scores, MERGE_IOU, containment=MERGE_CONTAINMENT)
        return boxes[kept], scores[kept]


def tiles(width: int, height: int, side: int) -> Iterator[tuple[int, int, int, int]]:
    """Yields tiles xmin, ymin, xmax, ymax of equal size that cover a picture and overlap."""
    for y0, y1 in _cuts(height, side):
        for x0, x1 in _cuts(width, side):
            yield x0, y0, x1, y1


def _cuts(length: int, side: int) -> list[tuple[int, int]]:
    """Covers a length with as few pieces of a side as overlap by a quarter of it."""
    if length <= side:
        return [(0, length)]
    count = 1 + int(np.ceil((length - side) / (side * (1 - OVERLAP))))
    starts = np.rint(np.linspace(0, length - side, count)).astype(int)
    return [(int(start), int(start) + side) for start in starts]
