"""Detector and estimator in a row: pictures in, heads with angles out."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from headpose.boxes import clip
from headpose.crops import head_crops


@dataclasses.dataclass(frozen=True)
class Head:
    """One head in a picture.

    Attributes:
        box: xmin, ymin, xmax, ymax in pixels, cut to the picture.
        score: Of the detector, 0..1.
        tilt, pan: Degrees; up and toward the image's left are positive.
        roll: Degrees, clockwise is positive; None where the estimator does not tell.
    """

    box: tuple[float, float, float, float]
    score: float
    tilt: float
    pan: float
    roll: float | None = None


class HeadPosePipeline:
    """Finds heads and estimates their angles.

    Args:
        detector: Anything with `detect(pictures, confidence)`, see `headpose.detectors`.
        estimator: A `headpose.estimator.PoseEstimator`.
        confidence: Threshold on scores; None takes the detector's own.
    """

    def __init__(self, detector, estimator, confidence: float | None = None):
        self.detector = detector
        self.estimator = estimator
        self.confidence = confidence

    def __call__(self, pictures: Sequence[np.ndarray]) -> list[list[Head]]:
        """Returns the heads of each picture, best score first.

        All heads of all pictures go through the estimator together.

        Args:
            pictures: uint8 (H, W, 3), BGR.
        """
        found = self.detector.detect(pictures, self.confidence)
        return self.estimate(pictures, found)

    def estimate(
        self, pictures: Sequence[np.ndarray], found: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> list[list[Head]]:
        """Estimates the angles of heads that were found before."""
        options = self.estimator.crop_options
        crops = [
            head_crops(picture, boxes, **options)
            for picture, (boxes, _) in zip(pictures, found, strict=True)
        ]
        angles = self.estimator.estimate_all(np.concatenate(crops) if crops else [])
        results, start = [], 0
        for picture, (boxes, scores) in zip(pictures, found, strict=True):
            inside = clip(boxes, picture.shape[1], picture.shape[0])
            part = angles[start : start + len(boxes)]
            start += len(boxes)
            results.append(
                [
                    Head(tuple(map(float, box)), float(score), *map(float, row))
                    for box, score, row in zip(inside, scores, part, strict=True)
                ]
            )
        return results


def load_pipeline(
    detector=None, estimator=None, confidence: float | None = None, detector_size: int | None = None
) -> HeadPosePipeline:
    """Loads a pipeline by names or files; None takes the default models that ship.

    Call `headpose.runtime.set_up` before, to choose the device.

    Raises:
        Failure: If a file is missing or of the wrong kind.
    """
    from headpose.detectors import load_detector
    from headpose.estimator import PoseEstimator
    from headpose.model_files import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR

    return HeadPosePipeline(
        load_detector(detector or DEFAULT_DETECTOR, detector_size),
        PoseEstimator.load(estimator or DEFAULT_ESTIMATOR),
        confidence,
    )
