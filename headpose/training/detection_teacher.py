"""Distillation of detectors: examples with what a larger one answers for the same crops."""

from collections.abc import Sequence

import numpy as np

from headpose.detection.head_detector import HeadDetector
from headpose.detection.loading import load_detector
from headpose.detection.second_stage import TwoStageDetector, combined
from headpose.detection.ssd import AnchorLevel
from headpose.errors import HeadposeError
from headpose.geometry import boxes as box
from headpose.training.detection_examples import DetectionExamples

SMALLEST = 20.0  # pixels; of smaller heads a crop shows a second stage too little
SAME = 0.5  # IoU from which a prior's box is of the same head as a candidate


class TaughtDetection:
    """Draws what `DetectionExamples` draws, and adds a teacher's answer for each prior.

    Args:
        examples: Crops and targets.
        teacher: A detector that has all priors of the network that learns, see `load_teacher`.
        levels: That network's.
    """

    def __init__(
        self,
        examples: DetectionExamples,
        teacher: HeadDetector | TwoStageDetector,
        levels: Sequence[AnchorLevel],
    ):
        self._examples = examples
        self._second = teacher if isinstance(teacher, TwoStageDetector) else None
        self._teacher = first_stage(teacher)
        self._levels = _plain(levels)

    def batch(self, step: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns crops and targets (count, N, 10), see `DetectionExamples.batch`.

        After each prior's target stand corners and score of the teacher's, which sees the
        crops in the light and colours of their pictures.
        """
        crops, targets, plain = self._examples.batch_and_plain(step, count)
        boxes, scores = map(np.asarray, self._teacher.call(plain.astype(np.float32)))
        if self._second:
            scores = np.stack(
                [self._rescored(*one) for one in zip(plain, boxes, scores, strict=True)]
            )
        rows = self._rows(crops.shape[1])
        answers = [boxes[:, rows], scores[:, rows, None]]
        return crops, np.concatenate([targets, *answers], axis=2, dtype=np.float32)

    def _rescored(self, crop: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Returns the scores (N,) of priors of a crop that follow from the second stage too.

        Priors that find the same head get the answer for the best of them.
        """
        assert self._second is not None
        spec, suppression = self._second.classifier_spec, self._teacher.suppression
        likely = np.flatnonzero(scores >= spec.lowest)
        kept = box.nms(
            boxes[likely], scores[likely], suppression.iou, containment=suppression.containment
        )
        found = boxes[likely][kept]
        found = found[np.sqrt(box.area(found)) >= SMALLEST]
        logits = np.zeros(len(scores), np.float32)
        if len(found):
            told = self._second.logits(crop, found)
            shared = box.iou(boxes[likely], found)
            logits[likely] = np.where(shared.max(axis=1) >= SAME, told[shared.argmax(axis=1)], 0)
        return combined(scores, logits, spec.weights)

    def _rows(self, size: int) -> np.ndarray:
        """Returns which of the teacher's priors are the network's, for crops of a size."""
        known = [
            np.full((-(-size // stride)) ** 2 * len(shapes), (stride, shapes) in self._levels)
            for stride, shapes in self._teacher.levels
        ]
        return np.flatnonzero(np.concatenate(known))


def first_stage(detector: HeadDetector | TwoStageDetector) -> HeadDetector:
    """Returns the detector that has priors: of two stages the first."""
    return detector.detector if isinstance(detector, TwoStageDetector) else detector


def load_teacher(path: str, levels: Sequence[AnchorLevel]) -> HeadDetector | TwoStageDetector:
    """Loads a detector that can teach another.

    Args:
        path: Its file.
        levels: Priors of the detector that learns.

    Raises:
        HeadposeError: If the file is missing or damaged, or it lacks some of these priors.
    """
    teacher = load_detector(path)
    if not isinstance(teacher, HeadDetector | TwoStageDetector) or teacher.fixed_size:
        raise HeadposeError(f"{path}: a --teacher must be one of our detectors, of any size")
    wanted = _plain(levels)
    if [level for level in first_stage(teacher).levels if level in wanted] != wanted:
        raise HeadposeError(f"{path}: the --teacher lacks priors of the network that learns")
    return teacher


def _plain(levels: Sequence[AnchorLevel]) -> list[tuple]:
    """Returns levels as a detector's description has them."""
    return [(level.stride, level.shapes) for level in levels]
