"""Detectors of two stages: candidates of a head detector, each looked at once more.

A single-shot detector sees a whole picture at a long side of some 512 pixels. The second
stage cuts each candidate from the picture as it is, and knows nothing but heads.
"""

from pathlib import Path

import numpy as np

from headpose.detection.head_detector import HeadDetector
from headpose.errors import HeadposeError
from headpose.geometry.boxes import area, as_boxes, clip
from headpose.geometry.crops import head_crops, side_lengths
from headpose.images.arrays import Pictures, as_pictures
from headpose.models.backends import READS, Backend
from headpose.models.decoding import sigmoid
from headpose.models.exported import is_exported
from headpose.models.formats import digest
from headpose.models.network import network_of
from headpose.models.resolve import (
    ModelSpec,
    exported_beside,
    for_other_process,
    open_model,
    resolve,
)
from headpose.models.shipped import MODELS
from headpose.models.specs import CLASSIFIER, ClassifierSpec

AT_ONCE = 64  # crops in one call of the network
# Share of a crop that lies in the picture, from which the classifier is asked: what fills its
# picture is a head for it only if it sees where the head ends.
SEEN = 0.6
LIMIT = 1e-6  # scores are kept so far from 0 and 1 before the logarithm


class TwoStageDetector:
    """Finds heads with a `HeadDetector`, and gives candidates better scores.

    Candidates are what the first stage finds from the classifier's `lowest` score on, one of
    each head; what it finds below that is scored as if the classifier could not tell. What
    fills the picture, or more than that, keeps the score of the first stage.

    Args:
        detector: The first stage.
        model: The classifier: a Keras model that ends in `SecondStage`, or a `Network`.
        spec: Where the classifier was loaded from; None for one from memory.

    Attributes:
        confidence: The default threshold.
        fixed_size, size: The first stage's, see `HeadDetector`.
        spec: See above.

    Raises:
        HeadposeError: If the model is no head classifier.
    """

    confidence = 0.5  # the offset of the weights was chosen for that

    def __init__(self, detector: HeadDetector, model, spec: ModelSpec | None = None):
        network = network_of(model, CLASSIFIER)
        if network is None or not isinstance(network.spec, ClassifierSpec):
            raise HeadposeError(f"{spec or 'model'}: not a head classifier")
        self.detector = detector
        self.spec = spec
        self.classifier_spec = network.spec
        self.fixed_size, self.size = detector.fixed_size, detector.size
        self.call = network.call

    def __reduce__(self) -> tuple:
        spec = for_other_process(self.spec, "head classifier")
        return _opened, (self.detector, spec), {"confidence": self.confidence}

    def detect(
        self, pictures: Pictures, confidence: float | None = None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Finds the heads in each picture, see `HeadDetector.detect`."""
        confidence = self.confidence if confidence is None else confidence
        pictures = as_pictures(pictures)
        lowest, weights = self.classifier_spec.lowest, self.classifier_spec.weights
        # A score may rise: all candidates are needed, whatever the threshold.
        first = min(lowest, confidence, first_score(confidence, weights))
        found = self.detector.detect(pictures, first)
        result = []
        for picture, (boxes, scores) in zip(pictures, found, strict=True):
            whole = self._seen(picture, boxes) >= SEEN
            chosen = whole & (scores >= lowest)
            logits = np.zeros(len(scores), np.float32)
            if chosen.any():
                logits[chosen] = self.logits(picture, boxes[chosen])
            scores = np.where(whole, combined(scores, logits, weights), scores)
            order = np.argsort(-scores, kind="stable")
            order = order[scores[order] > confidence]
            result.append((boxes[order], scores[order]))
        return result

    def _seen(self, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Returns which share of the square about each box lies in the picture, (N,)."""
        spec, boxes = self.classifier_spec, as_boxes(boxes).astype(np.float64)
        half = side_lengths(boxes, spec.side)[:, None] * spec.margin / 2
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        crops = as_boxes(np.concatenate([middle - half, middle + half], axis=1))
        inside = clip(crops, picture.shape[1], picture.shape[0])
        return area(inside) / np.maximum(area(crops), LIMIT)

    def logits(self, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Asks the classifier about boxes (N, 4) of a picture; returns logits (N,)."""
        spec = self.classifier_spec
        crops = head_crops(picture, boxes, spec.size, spec.side, spec.margin, grey=False)
        answers = [
            self.call(crops[start : start + AT_ONCE].astype(np.float32))[0][:, 0]
            for start in range(0, len(crops), AT_ONCE)
        ]
        return np.concatenate([np.zeros(0, np.float32), *answers])


def combined(
    scores: np.ndarray, logits: np.ndarray, weights: tuple[float, float, float]
) -> np.ndarray:
    """Returns the scores (N,) that follow from both stages, see `ClassifierSpec.weights`."""
    a, b, c = weights
    return sigmoid(a * logit(scores) + b * logits + c).astype(np.float32)


def first_score(score: float, weights: tuple[float, float, float]) -> float:
    """Returns the first stage's score of what gets a score where the classifier cannot tell."""
    a, _, c = weights
    if a <= 0:
        return 0.0  # no score of the first stage tells anything
    return float(sigmoid((logit(np.array([score])) - c) / a)[0])


def logit(scores: np.ndarray) -> np.ndarray:
    """Returns log(s / (1 - s)) of scores in 0..1, any shape, float64; `LIMIT` keeps it finite."""
    kept = np.clip(scores.astype(np.float64), LIMIT, 1 - LIMIT)
    return np.log(kept / (1 - kept))


def with_first_stage(model, spec: ModelSpec, **sized) -> TwoStageDetector:
    """Returns a detector of a classifier and of the first stage that it was made for.

    Args:
        model: The classifier, opened.
        spec: Of its file. The first stage's file stands in the same folder, or is among the
            models that ship.
        sized: `size` for the first stage, see `HeadDetector`, if not its own.

    Raises:
        HeadposeError: If the first stage is missing, or was changed since.
    """
    network = network_of(model, CLASSIFIER)
    assert network is not None and isinstance(network.spec, ClassifierSpec)
    first = first_stage(network.spec, spec.path, spec.backend)
    return TwoStageDetector(HeadDetector.load(first, **sized), network, spec)


def first_stage(classifier: ClassifierSpec, path: Path, backend: Backend) -> ModelSpec:
    """Finds the detector that a classifier in the file `path` was made for.

    Raises:
        HeadposeError: If it is missing, was changed, or is not exported for the backend.
    """
    stem, wanted = classifier.detector, classifier.digest

    def fits(found: ModelSpec | None) -> bool:
        return found is not None and found.metadata is not None and found.metadata.digest == wanted

    name = f"{stem}.keras"
    for file in filter(Path.is_file, (path.with_name(name), MODELS / name)):
        if digest(file) == wanted:
            found = None if backend.name == "keras" else exported_beside(file, backend, wanted)
            return found or resolve(file, backend)
    own = [f"{stem}.*", f"{stem}-int8.*"]
    if backend.precision == "int8":
        own.reverse()
    # The last pattern is of what commands exported and keep, if the classifier is from there.
    for pattern in (*own, f"{stem}-{wanted[:16]}.*"):
        for file in path.parent.glob(pattern):
            if file.suffix in READS[backend.name or "keras"] and is_exported(file):
                found = resolve(file, backend)
                if fits(found):
                    return found
    raise HeadposeError(
        f"{path}: the second stage of a detector {classifier.detector}.keras that is not there "
        "or was changed; put that file beside it, or train the second stage anew"
    )


def _opened(detector: HeadDetector, spec: ModelSpec) -> TwoStageDetector:
    """Opens a classifier again, in another process."""
    return TwoStageDetector(detector, open_model(spec), spec)
