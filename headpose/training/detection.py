"""The loss of the SSD family and the loop that trains a detector."""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from headpose.datasets.detection_annotations import DetectionAnnotation
from headpose.detection import ssd
from headpose.detection.metrics import LOWEST_SCORE, SIZE_CLASSES, judge_by_size
from headpose.images.picture_cache import PictureCache
from headpose.parallel.prefetch import ahead

FOCUS = 2.0  # gamma of the focal loss (Lin et al. 2017)
SCORE_WEIGHT, BOX_WEIGHT = 4.0, 2.0
# Scores of a teacher: from where its boxes count, and what it may not say of background.
TAUGHT_BOX, MISTAKEN = 0.1, 0.35


@keras.saving.register_keras_serializable("headpose")
class DetectorTraining(keras.Model):
    """Trains a detector's raw outputs on targets of `headpose.training.detection_targets`."""

    def __init__(self, detector: keras.Model):
        super().__init__(name="detector_training")
        self.network = ssd.raw_outputs(detector)
        decoding = detector.get_layer("decode")
        self._levels, self._variances = decoding.levels, decoding.variances

    def call(self, pictures, training=None):
        return self.network(ops.cast(pictures, "float32"), training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loc, conf = y_pred
        height, width = ops.shape(x)[1:3]
        boxes = ssd.decode(loc, ssd.priors(self._levels, height, width), self._variances)
        logits = ssd.head_logit(conf)
        loss = detection_loss(boxes, logits, y[..., :5])
        if y.shape[-1] > 5:
            loss += taught_loss(boxes, logits, y)
        return loss


def detection_loss(boxes, logits, targets):
    """Focal loss of the scores and generalized IoU loss of the positive priors' boxes.

    Args:
        boxes: Decoded corners (B, N, 4).
        logits: (B, N).
        targets: (B, N, 5) of `detection_targets.assign_targets`.

    Returns:
        A scalar: both summed over priors, divided by the number of positive ones.
    """
    label = targets[..., 4]
    positive = ops.cast(label > 0, "float32")
    negative = ops.cast(ops.equal(label, 0), "float32")
    count = ops.maximum(ops.sum(positive), 1.0)
    p = ops.sigmoid(logits)
    focal = positive * (1 - p) ** FOCUS * ops.softplus(-logits)
    focal += negative * p**FOCUS * ops.softplus(logits)
    overlap = positive * (1 - generalized_iou(boxes, targets[..., :4]))
    return (SCORE_WEIGHT * 0.5 * ops.sum(focal) + BOX_WEIGHT * ops.sum(overlap)) / count


def taught_loss(boxes, logits, targets):
    """Quality focal loss (Li et al. 2020, eq. 3) and generalized IoU loss of a teacher's answers.

    Nothing is learned where the teacher takes for a head what is labelled as background.

    Args:
        boxes, logits: See `detection_loss`.
        targets: (B, N, 10) of `detection_teacher.TaughtDetection`.

    Returns:
        A scalar: both summed over priors, divided by the sum of the teacher's scores.
    """
    score = targets[..., 9]
    mistaken = ops.logical_and(ops.equal(targets[..., 4], 0), score > MISTAKEN)
    known = 1 - ops.cast(mistaken, "float32")
    count = ops.maximum(ops.sum(known * score), 1.0)
    entropy = score * ops.softplus(-logits) + (1 - score) * ops.softplus(logits)
    focal = known * ops.abs(score - ops.sigmoid(logits)) ** FOCUS * entropy
    certain = known * score * ops.cast(score > TAUGHT_BOX, "float32")
    overlap = certain * (1 - generalized_iou(boxes, targets[..., 5:9]))
    return (SCORE_WEIGHT * 0.5 * ops.sum(focal) + BOX_WEIGHT * ops.sum(overlap)) / count


def generalized_iou(first, second):
    """Returns IoU - (hull - union) / hull (Rezatofighi et al. 2019) of boxes (..., 4)."""
    low, high = (
        ops.maximum(first[..., :2], second[..., :2]),
        ops.minimum(first[..., 2:], second[..., 2:]),
    )
    shared = ops.prod(ops.maximum(high - low, 0.0), axis=-1)
    areas = [ops.prod(ops.maximum(b[..., 2:] - b[..., :2], 0.0), axis=-1) for b in (first, second)]
    union = areas[0] + areas[1] - shared
    outer = ops.maximum(first[..., 2:], second[..., 2:]) - ops.minimum(
        first[..., :2], second[..., :2]
    )
    hull = ops.prod(ops.maximum(outer, 0.0), axis=-1)
    return shared / ops.maximum(union, 1e-6) - (hull - union) / ops.maximum(hull, 1e-6)


def measure(
    finder, pictures: Sequence[DetectionAnnotation], cache: PictureCache
) -> dict[str, float]:
    """Returns average precision at IoU 0.5 for the log.

    Keys are `ap all` (heads from 8 px), `ap <class>` for each size class, and `ap mean`
    over the classes that have heads, NaN being those of the others: in the overall figure
    small heads would outweigh the rest.
    """
    found, sides = [], []
    for picture in ahead(lambda item: cache.read(item.path), pictures):
        found += finder.detect([picture], LOWEST_SCORE)
        sides.append(max(picture.shape[:2]))
    truth = [item.boxes for item in pictures]
    judged = judge_by_size(found, truth, sides, [item.ignored for item in pictures])
    figures = {
        f"ap {name}": part.average_precision if part.heads else math.nan
        for name, part in judged.items()
    }
    known = [figures[f"ap {name}"] for name in SIZE_CLASSES if judged[name].heads]
    return figures | {"ap mean": float(np.mean(known))}
