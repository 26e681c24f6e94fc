"""Detector and estimator in a row: pictures in, heads with angles out."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from headpose.geometry.boxes import clip
from headpose.geometry.crops import head_crops


@dataclasses.dataclass(frozen=True)
class Head:
    """One head in a picture.

    Attributes:
        box: xmin, ymin, xmax, ymax in pixels, cut to the picture.
        score: Of the detector, 0..1.
        tilt, pan: Degrees; up and toward the image's left are positive. None where the
            estimator was too little certain.
        roll: Degrees, clockwise is positive; None where the estimator does not tell.
        azimuth, elevation: Degrees, where the nose points: toward the image's left
            (-180..180, beyond ±90 away from the viewer) and up (-90..90).
        expected_error: Expected error of the angles, degrees: the smaller, the surer. None
            where the estimator does not tell.
    """

    box: tuple[float, float, float, float]
    score: float
    tilt: float | None
    pan: float | None
    roll: float | None = None
    azimuth: float | None = None
    elevation: float | None = None
    expected_error: float | None = None


class HeadPosePipeline:
    """Finds heads and estimates their angles.

    Args:
        detector: Anything with `detect(pictures, confidence)`, see `headpose.detection.loading`.
        estimator: A `headpose.pose.estimator.PoseEstimator`.
        confidence: Threshold on scores; None takes the detector's own.
        min_certainty: Expected error in degrees from which angles are left out rather
            than guessed; None leaves out none.
    """

    def __init__(
        self,
        detector,
        estimator,
        confidence: float | None = None,
        max_error: float | None = None,
    ):
        self.detector = detector
        self.estimator = estimator
        self.confidence = confidence
        self.max_error = max_error

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
        measures = self.estimator.measures(np.concatenate(crops) if crops else [])
        results, start = [], 0
        for picture, (boxes, scores) in zip(pictures, found, strict=True):
            inside = clip(boxes, picture.shape[1], picture.shape[0])
            part = measures[start : start + len(boxes)]
            start += len(boxes)
            results.append(
                [
                    Head(tuple(map(float, box)), float(score), *self._told(row))
                    for box, score, row in zip(inside, scores, part, strict=True)
                ]
            )
        return results

    def _told(self, row: np.ndarray) -> list[float | None]:
        """Returns a row of measures without what is unknown or too uncertain."""
        values = [None if np.isnan(value) else float(value) for value in row]
        limit, expected_error = self.max_error, values[-1]
        if limit is not None and expected_error is not None and expected_error > limit:
            return [None] * (len(values) - 1) + [expected_error]
        return values


def load_pipeline(
    detector=None,
    estimator=None,
    confidence: float | None = None,
    detector_size: int | None = None,
    max_error: float | None = None,
    backend=None,
) -> HeadPosePipeline:
    """Loads a pipeline by names or files; None takes the default models that ship.

    `backend` is a name or a `headpose.models.backends.Backend`, which names a device as
    well; by default each file's own.

    Raises:
        HeadposeError: If a file is missing or of the wrong kind.
    """
    from headpose.detection.loading import load_detector
    from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR
    from headpose.pose.estimator import PoseEstimator

    return HeadPosePipeline(
        load_detector(detector or DEFAULT_DETECTOR, detector_size, backend),
        PoseEstimator.load(estimator or DEFAULT_ESTIMATOR, backend),
        confidence,
        max_error,
    )
