"""How well detectors find heads: average precision, recall, T-ratio and F-ratio."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from headpose.geometry import boxes as box

SIZE_CLASSES = {"8-16": (8, 16), "16-32": (16, 32), "32-64": (32, 64), "over 64": (64, np.inf)}
LONG_SIDE = 512
LOWEST_SCORE = 0.02  # of detections that count for average precision
ALL = (8, np.inf)


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
        """Area under the precision-recall curve, precision made monotone (VOC 2010)."""
        if not self.heads or not len(self.true):
            return 0.0
        envelope = np.maximum.accumulate(self.precision[::-1])[::-1]
        return float(np.sum(np.diff(self.recall, prepend=0) * envelope))

    def recall_at(self, false_per_picture: float) -> float:
        """Recall at the lowest threshold with at most so many false heads a picture."""
        allowed = np.cumsum(~self.true) <= false_per_picture * self.pictures
        return float(self.recall[allowed].max(initial=0))


def judge(
    found: Sequence[tuple[np.ndarray, np.ndarray]],
    truth: Sequence[np.ndarray],
    long_sides: Sequence[float],
    sizes: tuple[float, float] = ALL,
    minimum_iou: float = 0.5,
) -> Judged:
    """Compares detections with labelled heads, for one class of head sizes.

    Each detection, best first, takes the free head that it overlaps most. As COCO does
    it, heads outside the class do not count, nor do detections that took one, nor
    detections that found nothing and are themselves outside the class.

    Args:
        found: Boxes and scores of each picture.
        truth: Labelled boxes of each picture.
        long_sides: Long side of each picture, in pixels.
        sizes: From and below which size a head counts, see `SIZE_CLASSES`.
        minimum_iou: From which a detection finds a head.
    """
    scores, true, heads = [], [], 0
    for (boxes, values), labelled, side in zip(found, truth, long_sides, strict=True):
        counts = _in_class(labelled, side, sizes)
        heads += int(counts.sum())
        overlap = box.iou(boxes, labelled)
        free = np.ones(len(labelled), bool)
        own_size = _in_class(boxes, side, sizes)
        for i in np.argsort(-values, kind="stable"):
            # Heads of the class go first, as in COCO.
            options = np.where(free & (overlap[i] >= minimum_iou), overlap[i] + counts, 0)
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
) -> dict[str, Judged]:
    """Judges all heads from 8 px, as `all`, and each of `SIZE_CLASSES`; see `judge`."""
    return {
        name: judge(found, truth, long_sides, sizes)
        for name, sizes in {"all": ALL, **SIZE_CLASSES}.items()
    }


def _in_class(boxes: np.ndarray, long_side: float, sizes: tuple[float, float]) -> np.ndarray:
    size = np.sqrt(box.area(boxes)) * LONG_SIDE / long_side
    return (size >= sizes[0]) & (size < sizes[1])


def ratios(
    found: Sequence[tuple[np.ndarray, np.ndarray]],
    truth: Sequence[np.ndarray],
    confidence: float,
    minimum_iou: float = 0.5,
) -> tuple[float, float]:
    """Returns T-ratio and F-ratio at a threshold, as the published system defines them.

    T-ratio: matched detections / labelled heads. F-ratio: detections without a match /
    all detections. Pairs are one to one.
    """
    matched = detected = labelled = 0
    for (boxes, scores), heads in zip(found, truth, strict=True):
        boxes = boxes[scores > confidence]
        matched += len(box.match(boxes, heads, minimum_iou)[0])
        detected += len(boxes)
        labelled += len(heads)
    return matched / max(labelled, 1), (detected - matched) / max(detected, 1)
