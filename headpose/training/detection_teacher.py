"""Training examples of detectors with what a larger detector answers for the same crops."""

from collections.abc import Sequence

import numpy as np

from headpose.detection.head_detector import HeadDetector
from headpose.detection.loading import load_detector
from headpose.detection.ssd import AnchorLevel
from headpose.errors import HeadposeError
from headpose.training.detection_examples import DetectionExamples


class TaughtDetection:
    """Draws what `DetectionExamples` draws, and adds a teacher's answer for each prior.

    Args:
        examples: Crops and targets.
        teacher: A detector that has all priors of the network that learns, see `load_teacher`.
        levels: That network's.
    """

    def __init__(
        self, examples: DetectionExamples, teacher: HeadDetector, levels: Sequence[AnchorLevel]
    ):
        self._examples, self._teacher = examples, teacher
        self._levels = _plain(levels)

    def batch(self, step: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns crops and targets (count, N, 10), see `DetectionExamples.batch`.

        After each prior's target stand corners and score of the teacher's.
        """
        crops, targets = self._examples.batch(step, count)
        boxes, scores = self._teacher.call(crops.astype(np.float32))
        rows = self._rows(crops.shape[1])
        answers = [np.asarray(boxes)[:, rows], np.asarray(scores)[:, rows, None]]
        return crops, np.concatenate([targets, *answers], axis=2, dtype=np.float32)

    def _rows(self, size: int) -> np.ndarray:
        """Returns which of the teacher's priors are the network's, for crops of a size."""
        known = [
            np.full((-(-size // stride)) ** 2 * len(shapes), (stride, shapes) in self._levels)
            for stride, shapes in self._teacher.levels
        ]
        return np.flatnonzero(np.concatenate(known))


def load_teacher(path: str, levels: Sequence[AnchorLevel]) -> HeadDetector:
    """Loads a detector that can teach another.

    Args:
        path: Its file.
        levels: Priors of the detector that learns.

    Raises:
        HeadposeError: If the file is missing or damaged, or it lacks some of these priors.
    """
    teacher = load_detector(path)
    if not isinstance(teacher, HeadDetector) or teacher.fixed_size:
        raise HeadposeError(f"{path}: a --teacher must be one of our detectors, of any size")
    wanted = _plain(levels)
    if [level for level in teacher.levels if level in wanted] != wanted:
        raise HeadposeError(f"{path}: the --teacher lacks priors of the network that learns")
    return teacher


def _plain(levels: Sequence[AnchorLevel]) -> list[tuple]:
    """Returns levels as a detector's description has them."""
    return [(level.stride, level.shapes) for level in levels]
