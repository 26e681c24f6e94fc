"""What a detector finds in labelled pictures, and the figures that follow from it."""

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np

from headpose.datasets.detection_annotations import DetectionAnnotation
from headpose.detection import metrics
from headpose.detection.calibration import best_threshold
from headpose.geometry import boxes as box

FIND_IOU = 0.5  # from which a find is a labelled head's


@dataclasses.dataclass
class Finds:
    """What one detector found in a set of pictures.

    Attributes:
        pictures: The labelled pictures.
        found: Of each picture, boxes (N, 4) and scores (N,), from a score of 0.02.
        sides: Long side of each picture, pixels.
        seconds: Each picture took.
    """

    pictures: Sequence[DetectionAnnotation]
    found: list[tuple[np.ndarray, np.ndarray]] = dataclasses.field(default_factory=list)
    sides: list[int] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)

    def add(self, detector, picture: np.ndarray) -> None:
        """Searches the next picture."""
        started = time.perf_counter()
        self.found += detector.detect([picture], metrics.LOWEST_SCORE)
        self.seconds.append(time.perf_counter() - started)
        self.sides.append(max(picture.shape[:2]))

    @property
    def truth(self) -> list[np.ndarray]:
        return [item.boxes for item in self.pictures]

    @property
    def ignored(self) -> list[np.ndarray]:
        return [item.ignored for item in self.pictures]

    def judged(self) -> dict[str, metrics.Judged]:
        """Judges the finds by size, see `detection.metrics.judge_by_size`."""
        return metrics.judge_by_size(self.found, self.truth, self.sides, self.ignored)

    def above(self, threshold: float) -> list[np.ndarray]:
        """Returns each picture's boxes that score above a threshold."""
        return [boxes[scores > threshold] for boxes, scores in self.found]

    def matches(self, threshold: float) -> list[tuple[np.ndarray, np.ndarray]]:
        """Tells for each picture which heads are found (N,) and which finds are false (M,)."""
        result = []
        for boxes, item in zip(self.above(threshold), self.pictures, strict=True):
            rows, columns = box.match(boxes, item.boxes, FIND_IOU)
            found = np.zeros(len(item.boxes), bool)
            found[columns] = True
            false = ~metrics.inside(boxes, item.ignored)
            false[rows] = False
            result.append((found, false))
        return result


def figures(finds: Finds, threshold: float) -> dict[str, float]:
    """Returns a row of a table about a set that has heads."""
    row: dict[str, float] = {}
    by_size = finds.judged()
    for label, part in by_size.items():
        name = label if label == "all" else f"{label} px"
        row[name] = part.average_precision if part.heads else float("nan")
    judged = by_size["all"]
    row["recall at 1 false"] = judged.recall_at(1.0)
    row["T-ratio"], row["F-ratio"] = metrics.ratios(
        finds.found, finds.truth, threshold, ignored=finds.ignored
    )
    row["false a picture"] = false_a_picture(finds, threshold)
    at, row["best F1"] = best_threshold([judged])
    row["at"] = at
    return row


def false_a_picture(finds: Finds, threshold: float) -> float:
    """Returns how many finds above a threshold are false, of any size, a picture."""
    return float(np.mean([false.sum() for _, false in finds.matches(threshold)]))


def recall_by_tag(finds: Finds, threshold: float) -> dict[str, dict[str, tuple[int, int]]]:
    """Returns for each kind and value of tag how many heads are found, of how many."""
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    for (found, _), item in zip(finds.matches(threshold), finds.pictures, strict=True):
        for kind, values in item.tags.items():
            for value, is_found in zip(values, found, strict=True):
                hits, heads = counts.setdefault(kind, {}).get(value, (0, 0))
                counts[kind][value] = hits + int(is_found), heads + 1
    return counts


def lost(
    detector,
    pictures: Iterable[np.ndarray],
    change: Callable[[np.ndarray], np.ndarray],
    threshold: float | None = None,
    back: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> tuple[int, int]:
    """Counts finds that a change to pictures costs.

    Args:
        detector: Anything with `detect`.
        pictures: uint8 (H, W, 3).
        change: Makes another picture of one.
        threshold: Of scores; None takes the detector's.
        back: Given boxes in the other picture and the first picture, returns the boxes
            there; None where they stay in place.

    Returns:
        How many of the finds in the pictures are not found in the changed ones, and how
        many finds there were.
    """
    missing = total = 0
    for picture in pictures:
        first = detector.detect([picture], threshold)[0][0]
        second = detector.detect([change(picture)], threshold)[0][0]
        second = back(second, picture) if back else second
        total += len(first)
        missing += len(first) - len(box.match(first, second, FIND_IOU)[0])
    return missing, total


def without_colour(picture: np.ndarray) -> np.ndarray:
    """Returns the grey version of a picture, uint8 (H, W, 3)."""
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def quarter_turn(picture: np.ndarray) -> np.ndarray:
    """Turns a picture by 90 degrees against the clock."""
    return np.ascontiguousarray(np.rot90(picture))


SHIFT = 3, 2  # pixels to the right and down; no multiple of a detector's stride


def shifted(picture: np.ndarray) -> np.ndarray:
    """Moves what a picture shows by `SHIFT`; pixels at the border are repeated."""
    right, down = SHIFT
    height, width = picture.shape[:2]
    return np.pad(picture, ((down, 0), (right, 0), (0, 0)), mode="edge")[:height, :width]


def shifted_back(boxes: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Returns where boxes (N, 4) of a picture after `shifted` are in the picture itself."""
    return boxes - np.array([*SHIFT, *SHIFT], np.float32)


def turned_back(boxes: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Returns where boxes (N, 4) of a picture after `quarter_turn` are in the picture itself."""
    width = picture.shape[1]
    return np.stack(
        [width - boxes[:, 3], boxes[:, 0], width - boxes[:, 1], boxes[:, 2]], axis=1
    ).astype(np.float32)
