"""Detector and estimator in a row: pictures in, heads with angles out."""

import dataclasses
import math
import numbers
import os
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np

from headpose.detection.loading import LARGEST_SIZE, SMALLEST_SIZE, Detector, load_detector
from headpose.detection.orientation import best_turns, boxes_turned_back, quarter_turns
from headpose.detection.tiles import SMALLEST_TILE, TiledDetector
from headpose.errors import HeadposeError
from headpose.geometry.angles import azimuth_elevation, rotate_in_plane
from headpose.geometry.boxes import clip
from headpose.geometry.crops import head_crops
from headpose.images.arrays import Picture, Pictures, as_picture, as_pictures, is_one
from headpose.models.backends import Backend
from headpose.models.resolve import ModelSpec
from headpose.models.shipped import DETECTORS, ESTIMATORS, OURS, named_model
from headpose.pose.estimator import PoseEstimator


@dataclasses.dataclass(frozen=True)
class Head:
    """One head in a picture.

    Attributes:
        box: xmin, ymin, xmax, ymax in pixels, cut to the picture.
        score: Of the detector, 0..1.
        tilt: Degrees, -90..90, up is positive. None where the estimator was too little certain.
        pan: Degrees, -180..180, toward the image's left is positive; beyond ±90 the head is
            turned away. None where `tilt` is.
        roll: Degrees, -180..180, clockwise is positive; None where the estimator does not tell.
        azimuth: Degrees, how far the nose points toward the image's left (-180..180, beyond
            ±90 away from the viewer).
        elevation: Degrees, how far the nose points up (-90..90).
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

    One pipeline may be called by several threads at once (`headpose.models.sessions` says
    which of them wait for each other). It can be pickled if its parts were loaded from files,
    which the process that gets it loads again.

    Args:
        detector: Finds heads.
        estimator: Estimates their angles.
        confidence: Threshold on scores; None takes the detector's own.
        max_error: Expected error in degrees from which angles are left out rather than
            guessed; None leaves out none.
        any_rotation: Whether photos may lie on their side or upside down: each is searched
            in four quarter turns, of which the one with the surest heads counts.

    Raises:
        HeadposeError: If a number cannot be.
    """

    def __init__(
        self,
        detector: Detector,
        estimator: PoseEstimator,
        confidence: float | None = None,
        max_error: float | None = None,
        any_rotation: bool = False,
    ):
        if any_rotation not in (True, False):
            raise HeadposeError(f"any_rotation must be True or False, not {any_rotation!r}")
        self.any_rotation = bool(any_rotation)
        _check_number("confidence", confidence, 0, 1)
        _check_number("max_error", max_error, 0, 180)
        self.detector = detector
        self.estimator = estimator
        self.confidence = confidence
        self.max_error = max_error

    @overload
    def __call__(
        self, pictures: Picture, rgb: bool = ..., max_value: float | None = ...
    ) -> list[Head]: ...

    @overload
    def __call__(
        self, pictures: Pictures, rgb: bool = ..., max_value: float | None = ...
    ) -> list[list[Head]]: ...

    def __call__(
        self, pictures: Picture | Pictures, rgb: bool = False, max_value: float | None = None
    ) -> list[Head] | list[list[Head]]:
        """Finds the heads of one picture or of several.

        All heads of all pictures go through the estimator together.

        Args:
            pictures: One picture, or a sequence, an iterator or an array (N, H, W, C) of
                them. A picture is an array, a Pillow image or a file's name; which arrays are
                taken and how is told in `headpose.images.arrays`.
            rgb: Whether channels of arrays are red, green, blue rather than OpenCV's order.
            max_value: The value of white in arrays; None finds it out where that is clear.

        Returns:
            The heads, best score first; of several pictures a list for each.

        Raises:
            PictureError: If one is no picture, or could be read in more than one way.
        """
        if is_one(pictures):
            return self._heads([as_picture(pictures, rgb, max_value)])[0]
        return self._heads(as_pictures(pictures, rgb, max_value))

    def _heads(self, pictures: list[np.ndarray]) -> list[list[Head]]:
        if not self.any_rotation:
            return self.estimate(pictures, self.detector.detect(pictures, self.confidence))
        best = best_turns(self.detector, pictures, self.confidence)
        shown = [quarter_turns(p, turns) for p, (turns, _) in zip(pictures, best, strict=True)]
        heads = self.estimate(shown, [found for _, found in best])
        return [
            [_turned_back(head, turns, picture.shape) for head in members]
            for members, (turns, _), picture in zip(heads, best, pictures, strict=True)
        ]

    def estimate(
        self, pictures: Sequence[np.ndarray], found: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> list[list[Head]]:
        """Estimates the angles of heads that were found before."""
        options = self.estimator.crop_options
        crops = [
            head_crops(picture, boxes, **options)
            for picture, (boxes, _) in zip(pictures, found, strict=True)
        ]
        measures = self.estimator.measures(np.concatenate(crops) if crops else np.zeros(0))
        results, start = [], 0
        for picture, (boxes, scores) in zip(pictures, found, strict=True):
            inside = clip(boxes, picture.shape[1], picture.shape[0])
            part = measures[start : start + len(boxes)]
            start += len(boxes)
            results.append(
                [
                    Head((x0, y0, x1, y1), float(score), *self._told(row))
                    for (x0, y0, x1, y1), score, row in zip(
                        inside.tolist(), scores, part, strict=True
                    )
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


def _check_number(name: str, value: object, low: float, high: float, whole: bool = False) -> None:
    """Refuses what is neither None nor a number in a range.

    Raises:
        HeadposeError: If it is, as True, NaN, or text.
    """
    kind: type = numbers.Integral if whole else numbers.Real
    right = isinstance(value, kind) and not isinstance(value, bool)
    if value is None or (right and low <= value <= high):  # type: ignore[operator]
        return
    what = "a whole number" if whole else "a number"
    limits = f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
    raise HeadposeError(f"{name} must be {what} {limits}, or None, not {value!r}")


def _turned_back(head: Head, turns: int, shape: tuple[int, ...]) -> Head:
    """Returns a head of a picture that was turned by quarters as it is in the picture itself."""
    if not turns:
        return head
    box = boxes_turned_back(np.array([head.box]), turns, shape[1], shape[0])[0]
    xmin, ymin, xmax, ymax = map(float, box)
    head = dataclasses.replace(head, box=(xmin, ymin, xmax, ymax))
    if head.tilt is None or head.pan is None:
        return head
    angles = [[head.tilt, head.pan, head.roll or 0.0]]
    tilt, pan, roll = (float(v) for v in rotate_in_plane(angles, 90.0 * turns)[0])
    azimuth, elevation = (float(v) for v in azimuth_elevation(tilt, pan))
    return dataclasses.replace(
        head,
        tilt=tilt,
        pan=pan,
        roll=None if head.roll is None else roll,
        azimuth=azimuth,
        elevation=elevation,
    )


def load_pipeline(
    detector: str | Path | ModelSpec | None = None,
    estimator: str | Path | ModelSpec | None = None,
    confidence: float | None = None,
    detector_size: int | None = None,
    max_error: float | None = None,
    backend: str | Backend | None = None,
    tiles: int | None = None,
    any_rotation: bool = False,
) -> HeadPosePipeline:
    """Loads a pipeline from files.

    Args:
        detector: See `headpose.detection.loading.load_detector`; None: the one that ships.
        estimator: See `PoseEstimator.load`; None: the one that ships; "fast": the same
            network, asked once a head, and not for the mirror image as well; "large": a second
            network is asked as well.
        confidence: Threshold on scores; None takes the detector's own.
        detector_size: Long side in pixels at which heads are searched; None: the detector's.
        max_error: Expected error in degrees from which angles are left out.
        backend: A name (`headpose.models.backends.BACKENDS`), or a `Backend`, which says the
            device as well; None: what each file is for.
        tiles: Side in pixels of the tiles in which larger pictures are searched; None: whole.
        any_rotation: See `HeadPosePipeline`.

    Raises:
        HeadposeError: If a file is missing or of the wrong kind, or not exported for that
            backend; or if a number cannot be.
    """
    for name, value in (("detector", detector), ("estimator", estimator)):
        if not isinstance(value, str | os.PathLike | ModelSpec | None):
            raise HeadposeError(f"{name} must be a name or a file, not {value!r}")
        if value == "":  # mostly a variable that was not set
            raise HeadposeError(f"{name} is an empty name; name a file, or None for what ships")
    _check_number("detector_size", detector_size, SMALLEST_SIZE, LARGEST_SIZE, whole=True)
    _check_number("tiles", tiles, SMALLEST_TILE, math.inf, whole=True)
    found = named_model(detector or OURS, DETECTORS)
    asked = named_model(estimator or OURS, ESTIMATORS)
    finder: Detector = load_detector(found, detector_size, backend)
    if tiles is not None:
        finder = TiledDetector(finder, tiles)
    return HeadPosePipeline(
        finder,
        PoseEstimator.load(asked, backend),
        confidence,
        max_error,
        any_rotation,
    )
