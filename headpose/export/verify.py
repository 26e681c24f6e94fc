"""An exported model beside the Keras model that it was made from, on real pictures."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from headpose.detection.head_detector import HeadDetector
from headpose.errors import HeadposeError
from headpose.geometry.angles import angles_between, direction_vectors, wrap_degrees
from headpose.models.network import Network
from headpose.models.specs import CLASSIFIER, DETECTOR, MEASURES
from headpose.pose.estimator import PoseEstimator
from headpose.pose.metrics import geodesic_errors

# The largest differences of a float32 model: degrees, pixels, scores in 0..1, logits.
DEGREES, PIXELS, SCORES, LOGITS = 0.1, 0.5, 0.005, 0.01
# Of an eight-bit model on average; of boxes, as a share of their longer side.
INT8_DEGREES, INT8_SIDES, INT8_SCORES, INT8_LOGITS = 1.0, 0.02, 0.02, 0.3


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far one quantity of an exported model is off.

    Attributes:
        what: Its name and unit.
        largest, mean: Absolute differences.
        bound: What the largest (of an eight-bit model: the mean) must not exceed.
        by_mean: Which of them counts.
    """

    what: str
    largest: float
    mean: float
    bound: float
    by_mean: bool

    @property
    def too_large(self) -> bool:
        # Not what is NaN either.
        return not (self.mean if self.by_mean else self.largest) <= self.bound

    def __str__(self) -> str:
        kind = "mean" if self.by_mean else "largest"
        return (
            f"{self.what}: largest difference {self.largest:.2g}, mean {self.mean:.2g} "
            f"(allowed: {kind} {self.bound:g})"
        )


def differences(
    keras: Network, exported: Network, pictures: Sequence[np.ndarray], int8: bool
) -> list[Difference]:
    """Compares two networks.

    Args:
        keras: The original, in float32.
        exported: The other.
        pictures: For detectors, uint8 (H, W, 3), BGR; for estimators crops.
        int8: Whether the exported one computes with eight bits.

    Raises:
        HeadposeError: If the pictures show no head on which an eight-bit detector can be judged.
    """
    if keras.spec.kind == DETECTOR:
        return _of_detectors(keras, exported, pictures, int8)
    if keras.spec.kind == CLASSIFIER:
        return _of_classifiers(keras, exported, np.asarray(pictures), int8)
    return _of_estimators(keras, exported, np.asarray(pictures), int8)


def _of_estimators(keras, exported, crops, int8) -> list[Difference]:
    told = []
    for network in (keras, exported):
        estimator = PoseEstimator(network)
        # Runtimes plan for a batch: after another one a single crop must give the same.
        told.append(np.concatenate([estimator.estimate_all(x) for x in (crops, crops[:1])]))
    bound = INT8_DEGREES if int8 else DEGREES
    apart = np.abs(wrap_degrees(told[1] - told[0]))
    of = f"of {len(crops)} crops, degrees"
    if keras.spec.outputs < len(MEASURES):
        told_of = ", ".join(MEASURES[: keras.spec.outputs])
        return [_difference(f"{told_of} {of}", apart, bound, int8)]
    # Of a whole turn the rotation: at a pan near 90 its angles may differ by any tilt and roll,
    # and straight up or down the nose has any azimuth.
    turns = geodesic_errors(told[0], told[1])
    expected = apart[:, MEASURES.index("expected_error")]
    return [
        _difference(f"turn between the rotations {of}", turns, bound, int8),
        _difference(f"angle between the noses {of}", _between_noses(*told), bound, int8),
        _difference(f"expected error {of}", expected, bound, int8),
    ]


def _between_noses(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the angles (N,) in degrees between directions that are told as all `MEASURES`."""
    at = MEASURES.index("azimuth")
    return angles_between(*(direction_vectors(*told[:, at : at + 2].T) for told in (first, second)))


def _of_classifiers(keras, exported, crops, int8) -> list[Difference]:
    told = []
    for network in (keras, exported):
        batches = (crops, crops[:1])
        told.append(np.concatenate([network.call(x.astype(np.float32))[0] for x in batches]))
    what = f"logits of {len(crops)} crops"
    return [_difference(what, np.abs(told[1] - told[0]), INT8_LOGITS if int8 else LOGITS, int8)]


def _of_detectors(keras, exported, pictures, int8) -> list[Difference]:
    boxes_apart, scores_apart = [], []
    prepare = HeadDetector(keras).prepare
    for picture in pictures:
        batch = prepare(picture)[0][None]
        for given in (batch, np.concatenate([batch[:, :, ::-1], batch])):
            (boxes, scores), (others, other_scores) = keras.call(given), exported.call(given)
            # With eight bits only where a head is seen: thousands of other places would
            # hide in a mean what is off.
            seen = np.maximum(scores, other_scores) > (keras.spec.confidence if int8 else -1)
            apart = np.abs(others - boxes)[seen]
            if int8:
                apart = apart / (boxes[..., 2:] - boxes[..., :2])[seen].max(axis=1, keepdims=True)
            boxes_apart.append(apart.ravel())
            scores_apart.append(np.abs(other_scores - scores)[seen])
    if not sum(map(len, scores_apart)):
        raise HeadposeError(
            "no head is seen in the pictures to check it on; name others with --check"
        )
    corners = "corners, share of the box's side" if int8 else "corners, pixels of the input"
    return [
        _difference(
            f"{corners}, in {len(pictures)} pictures",
            np.concatenate(boxes_apart),
            INT8_SIDES if int8 else PIXELS,
            int8,
        ),
        _difference("scores", np.concatenate(scores_apart), INT8_SCORES if int8 else SCORES, int8),
    ]


def _difference(what: str, apart: np.ndarray, bound: float, by_mean: bool) -> Difference:
    return Difference(what, float(apart.max()), float(apart.mean()), bound, by_mean)
