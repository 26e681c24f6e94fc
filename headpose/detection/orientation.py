"""Pictures of unknown orientation: which of four quarter turns shows heads best."""

from collections.abc import Sequence

import numpy as np

QUARTERS = 4
# Turned pictures must score so much more than the picture as it is.
ADVANTAGE = 1.15


def quarter_turns(picture: np.ndarray, turns: int) -> np.ndarray:
    """Turns a picture (H, W, 3) by so many quarters against the clock."""
    return np.ascontiguousarray(np.rot90(picture, turns))


def boxes_turned_back(boxes: np.ndarray, turns: int, width: int, height: int) -> np.ndarray:
    """Returns where boxes of a turned picture lie in the picture as it was.

    Args:
        boxes: (N, 4), pixels of the picture after `quarter_turns`.
        turns: By which it was turned.
        width, height: Of the picture as it was.

    Returns:
        float32 (N, 4).
    """
    boxes = np.asarray(boxes, np.float32)
    for quarter in range(turns % QUARTERS, 0, -1):
        # The picture one quarter before is as wide as the picture as it was, or as high.
        across = width if quarter % 2 else height
        x0, y0, x1, y1 = boxes.T
        boxes = np.stack([across - y1, x0, across - y0, x1], axis=1)
    return boxes


def best_turn(
    detector, picture: np.ndarray, confidence: float | None = None
) -> tuple[int, tuple[np.ndarray, np.ndarray]]:
    """Finds the quarter turn of a picture in which a detector is surest of its heads.

    Args:
        detector: Anything with `detect`.
        picture: uint8 (H, W, 3).
        confidence: Threshold on scores; None takes the detector's own.

    Returns:
        The number of quarters against the clock, 0 where no other is clearly better, and
        boxes and scores in the picture so turned.
    """
    found = [
        detector.detect([quarter_turns(picture, turns)], confidence)[0] for turns in range(QUARTERS)
    ]
    evidence = [_evidence(scores) for _, scores in found]
    best = int(np.argmax(evidence))
    if evidence[best] < ADVANTAGE * evidence[0]:
        best = 0
    return best, found[best]


def _evidence(scores: np.ndarray) -> float:
    """Returns how much finds say for a turn: one sure head more than some doubtful ones."""
    return float((np.maximum(2 * scores - 1, 0) ** 2).sum())


def best_turns(
    detector, pictures: Sequence[np.ndarray], confidence: float | None = None
) -> list[tuple[int, tuple[np.ndarray, np.ndarray]]]:
    """Returns `best_turn` of each picture."""
    return [best_turn(detector, picture, confidence) for picture in pictures]
