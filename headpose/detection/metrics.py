"""How well detectors find heads: average precision, recall, T-ratio and F-ratio."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from headpose.geometry import boxes as box
from headpose.models.specs import LONG_SIDE

# Classes of head size: sqrt of the box's area when the picture's long side is 512 px.
SIZE_CLASSES = {"8-16": (8, 16), "16-32": (16, 32), "32-64": (32, 64), "over 64": (64, np.inf)}
LOWEST_SCORE = 0.02  # of detections that count for average precision
ALL = (8, np.inf)
MATCH_IOU = 0.5  # from which a detection finds a head, as PASCAL VOC counts
INSIDE = 0.5  # share of a detection's area in a box to be ignored, from which it is, too


@dataclasses.dataclass(frozen=True)
class Judged:
    """Detections of a whole set, best score first, and how many heads there were.

    Attributes:
        scores: (D,).
        true: (D,), whether each detection is a head that no better one had found.
        heads: Number of heads that count.
        pictures: Number of pictures.
    """

    scores: np.ndarray
    true: np.ndarray
    heads: int
    pictures: int

    @property
    def recall(self) -> np.ndarray:
        return np.cumsum(self.true) / max(self.heads, 1)

    @property
    def precision(self) -> np.ndarray:
        return np.cumsum(self.true) / np.arange(1, len(self.true) + 1)

    @property
    def average_precision(self) -> float:
        """Mean precision at the recalls 0, .01 ... 1, precision made monotone, as COCO counts."""
        if not self.heads or not len(self.true):
            return 0.0
        envelope = np.maximum.accumulate(self.precision[::-1])[::-1]
        reached = np.searchsorted(self.recall, np.linspace(0, 1, 101), side="left")
        return float(np.append(envelope, 0.0)[reached].mean())

    def at(self, threshold: float) -> tuple[int, int]:
        """Returns how many heads are found and how many finds are false above a threshold."""
        above = self.scores > threshold
        return int(self.true[above].sum()), int((~self.true[above]).sum())

    def recall_at(self, false_per_picture: float) -> float:
        """Recall at the lowest threshold with at most so many false heads a picture."""
        allowed = np.cumsum(~self.true) <= false_per_picture * self.pictures
        return float(self.recall[allowed].max(initial=0))


def judge(
    found: Sequence[tuple[np.ndarray, np.ndarray]],
    truth: Sequence[np.ndarray],
    long_sides: Sequence[float],
    sizes: tuple[float, float] = ALL,
    ignored: Sequence[np.ndarray] | None = None,
) -> Judged:
    """Compares detections with labelled heads, for one class of head sizes.

    Each detection, best first, takes the free head that it overlaps most, from an IoU of
    `MATCH_IOU` on. As COCO does it, heads outside the class do not count, nor do detections
    that took one, nor detections that found nothing and are themselves outside the class.

    Args:
        found: Boxes and scores of each picture.
        truth: Labelled boxes of each picture.
        long_sides: Long side of each picture, in pixels.
        sizes: From and below which size a head counts, see `SIZE_CLASSES`.
        ignored: Boxes of each picture in which detections do not count that found no
            head, see `inside`.
    """
    scores, true, heads = [], [], 0
    ignored = [np.zeros((0, 4))] * len(truth) if ignored is None else ignored
    for (boxes, values), labelled, side, left_out in zip(
        found, truth, long_sides, ignored, strict=True
    ):
        counts = _in_class(labelled, side, sizes)
        heads += int(counts.sum())
        overlap = box.iou(boxes, labelled)
        free = np.ones(len(labelled), bool)
        own_size = _in_class(boxes, side, sizes) & ~inside(boxes, left_out)
        for i in np.argsort(-values, kind="stable"):
            # Heads of the class go first, as in COCO.
            options = np.where(free & (overlap[i] >= MATCH_IOU), overlap[i] + counts, 0)
            taken = int(options.argmax()) if len(options) and options.max() > 0 else None
            if taken is not None:
                free[taken] = False
            if counts[taken] if taken is not None else own_size[i]:
                scores.append(values[i])
                true.append(taken is not None)
    order = np.argsort(-np.array(scores), kind="stable")
    return Judged(
        np.array(scores, np.float32)[order], np.array(true, bool)[order], heads, len(truth)
    )


def judge_by_size(
    found: Sequence[tuple[np.ndarray, np.ndarray]],
    truth: Sequence[np.ndarray],
    long_sides: Sequence[float],
    ignored: Sequence[np.ndarray] | None = None,
) -> dict[str, Judged]:
    """Judges all heads from 8 px, as `all`, and each of `SIZE_CLASSES`; see `judge`."""
    return {
        name: judge(found, truth, long_sides, sizes, ignored=ignored)
        for name, sizes in {"all": ALL, **SIZE_CLASSES}.items()
    }


def _in_class(boxes: np.ndarray, long_side: float, sizes: tuple[float, float]) -> np.ndarray:
    size = np.sqrt(box.area(boxes)) * LONG_SIDE / long_side
    return (size >= sizes[0]) & (size < sizes[1])


def inside(boxes: np.ndarray, others) -> np.ndarray:
    """Tells which boxes (N, 4) have `INSIDE` of their area or more in one of others (M, 4)."""
    if not len(others) or not len(boxes):
        return np.zeros(len(boxes), bool)
    shared = box.intersection(boxes, others).max(axis=1)
    return shared >= INSIDE * np.maximum(box.area(boxes), 1e-6)


def ratios(
    found: Sequence[tuple[np.ndarray, np.ndarray]],
    truth: Sequence[np.ndarray],
    confidence: float,
    ignored: Sequence[np.ndarray] | None = None,
) -> tuple[float, float]:
    """Returns T-ratio and F-ratio at a threshold, as the published system defines them.

    T-ratio: matched detections / labelled heads. F-ratio: detections without a match /
    all detections. Pairs are one to one. Unmatched detections in `ignored` do not count.
    """
    matched = detected = labelled = 0
    ignored = [np.zeros((0, 4))] * len(truth) if ignored is None else ignored
    for (boxes, scores), heads, left_out in zip(found, truth, ignored, strict=True):
        boxes = boxes[scores > confidence]
        rows = box.match(boxes, heads, MATCH_IOU)[0]
        counts = ~inside(boxes, left_out)
        counts[rows] = True
        matched += len(rows)
        detected += int(counts.sum())
        labelled += len(heads)
    return matched / max(labelled, 1), (detected - matched) / max(detected, 1)
