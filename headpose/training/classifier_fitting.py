"""How much each stage of a detector counts, fitted on labelled pictures."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from headpose.datasets.detection_annotations import DetectionAnnotation
from headpose.detection.metrics import inside
from headpose.detection.second_stage import TwoStageDetector, logit
from headpose.errors import HeadposeError
from headpose.geometry import boxes as box
from headpose.images.picture_cache import PictureCache
from headpose.reporting import progress
from headpose.training.detection_evaluation import FIND_IOU

EMPTY_SHARE = 0.5  # how much a set without heads counts in the fit, against one with heads
REGULARIZATION = 100.0  # scikit-learn's C: hardly any


@dataclasses.dataclass(frozen=True)
class Found:
    """What the first stage found in a set of pictures, from the lowest score on.

    Attributes:
        pictures: The set.
        boxes: Of each picture (N, 4).
        scores: Of all, one after the other (M,).
        true: (M,), whether each is a labelled head's.
        counts: (M,), whether each counts: false in what is to be ignored do not.
    """

    pictures: Sequence[DetectionAnnotation]
    boxes: list[np.ndarray]
    scores: np.ndarray
    true: np.ndarray
    counts: np.ndarray


def search(
    detector: TwoStageDetector, pictures: Sequence[DetectionAnnotation], cache: PictureCache
) -> Found:
    """Searches pictures with the first stage, and tells which finds are heads."""
    boxes, scores, true, counts = [], [], [], []
    for item in progress(pictures, "pictures"):
        picture = cache.read(item.path)
        found, told = detector.detector.detect([picture], detector.classifier_spec.lowest)[0]
        is_head = np.zeros(len(found), bool)
        is_head[box.match(found, item.boxes, FIND_IOU)[0]] = True
        boxes.append(found)
        scores.append(told)
        true.append(is_head)
        counts.append(is_head | ~inside(found, item.ignored))
    return Found(
        pictures,
        boxes,
        np.concatenate([np.zeros(0, np.float32), *scores]),
        np.concatenate([np.zeros(0, bool), *true]),
        np.concatenate([np.zeros(0, bool), *counts]),
    )


def check_both(found: Sequence[Found]) -> None:
    """Refuses finds from which nothing can be fitted or measured. Call before training.

    Raises:
        HeadposeError: If all that count are heads, or none is.
    """
    true = np.concatenate([each.true[each.counts] for each in found])
    if true.all() or not true.any():
        what = "no mistake" if len(true) and true.all() else "no head"
        raise HeadposeError(
            f"in what --validation names the detector finds {what}, and nothing can be told of a "
            "second stage there: name more pictures, or give a smaller --lowest"
        )


def logits(detector: TwoStageDetector, found: Found, cache: PictureCache) -> np.ndarray:
    """Asks the classifier about all that was found; returns logits (M,)."""
    told = [
        detector.logits(cache.read(item.path), boxes)
        for item, boxes in zip(found.pictures, found.boxes, strict=True)
    ]
    return np.concatenate([np.zeros(0, np.float32), *told])


def separation(found: Sequence[Found], told: Sequence[np.ndarray]) -> dict[str, float]:
    """Returns how well logits tell heads from others: area under ROC, for `BestModel`."""
    from sklearn.metrics import roc_auc_score

    counts = [each.counts for each in found]
    true = np.concatenate([f.true[c] for f, c in zip(found, counts, strict=True)])
    values = np.concatenate([t[c] for t, c in zip(told, counts, strict=True)])
    if true.all() or not true.any():
        return {"separation": float("nan")}
    return {"separation": float(roc_auc_score(true, values))}


def fit_weights(found: Sequence[Found], told: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Fits how much each stage counts: a logistic regression on both logits.

    Every set with heads weighs the same, one without heads half of that.

    Args:
        found: Of each validation set.
        told: The classifier's logits of each.

    Returns:
        Factors of the first stage's logit and of the classifier's, and an offset.
    """
    from sklearn.linear_model import LogisticRegression

    rows, true, weights = [], [], []
    for each, values in zip(found, told, strict=True):
        chosen = each.counts
        rows.append(np.column_stack([logit(each.scores[chosen]), values[chosen]]))
        true.append(each.true[chosen])
        share = 1.0 if each.true.any() else EMPTY_SHARE
        weights.append(np.full(chosen.sum(), share / max(chosen.sum(), 1)))
    weight = np.concatenate(weights)
    fitted = LogisticRegression(C=REGULARIZATION).fit(
        np.concatenate(rows), np.concatenate(true), weight / weight.mean()
    )
    a, b = fitted.coef_[0]
    return float(a), float(b), float(fitted.intercept_[0])
