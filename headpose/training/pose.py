"""What training a pose estimator adds to `headpose.training.loop`: its loss and its measure."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from headpose.datasets.head_sets import HeadSet
from headpose.errors import HeadposeError
from headpose.pose.estimator import MEASURES, PoseEstimator
from headpose.pose.metrics import (
    away_roc_auc,
    correlation,
    pose_errors,
    turn_or_nose_errors,
    turned_away,
)
from headpose.pose.rotation import huber


@keras.saving.register_keras_serializable("headpose")
def angle_loss(truth, predicted):
    """Huber loss in degrees, over the angles that are known; shape (B,)."""
    known = ops.isfinite(truth)
    off = ops.abs(ops.where(known, truth - predicted, 0.0))
    count = ops.sum(ops.cast(known, "float32"), axis=-1)
    return ops.sum(huber(off), axis=-1) / ops.maximum(count, 1.0)


def measure(estimator: PoseEstimator, sets: dict[str, HeadSet]) -> dict[str, float]:
    """Returns mean errors in degrees on each set, and `score`, their mean.

    Keys are `<set> tilt`, `<set> pan`, … as `pose_errors` names them, and
    the correlation of each angle: an angle that is not learned has a correlation near 0
    while its mean error still looks moderate. `<set> away` is `away_roc_auc`.
    The score is of tilt and pan; for an estimator of the whole turn of `turn` and
    `turn median`, the errors of `turn_or_nose_errors`.
    """
    figures: dict[str, float] = {}
    means = []
    for name, heads in sets.items():
        predicted = estimator.estimate_all(heads.crops)
        if not np.isfinite(predicted).all():
            raise HeadposeError("training diverged: start anew with a lower --learning-rate")
        back = turned_away(heads.angles, heads.away)
        if heads.away.any() and not back.all():
            figures[f"{name} away"] = away_roc_auc(predicted, back)
        predicted, truth = predicted[~heads.away], heads.angles[~heads.away]
        errors = pose_errors(predicted, truth)
        whole_turn = estimator.outputs == len(MEASURES) and "geodesic" in errors
        turns = turn_or_nose_errors(predicted, truth)
        means.append(float(np.mean(turns)) if whole_turn else errors["mean"])
        if whole_turn:
            errors |= {"turn": means[-1], "turn median": float(np.median(turns))}
        figures |= {f"{name} {key}": value for key, value in errors.items()}
        for i, angle in enumerate(("tilt", "pan")):
            figures[f"{name} {angle} correlation"] = correlation(predicted[:, i], truth[:, i])
    return {"score": float(np.mean(means)), **figures}


def describe(sets: Sequence[tuple[str, HeadSet]]) -> str:
    """Returns a line for each set: heads and range of angles."""
    lines = []
    for name, heads in sets:
        tilt, pan, _ = heads.angles[~heads.away].T
        ranges = away = ""
        if len(tilt):
            ranges = f", tilt {tilt.min():.0f} to {tilt.max():.0f}"
            ranges += f", pan {pan.min():.0f} to {pan.max():.0f} degrees"
        if heads.away.any():
            away = f", {heads.away.sum()} turned away"
        lines.append(f"{name}: {len(heads)} heads{ranges}{away}")
    return "\n".join(lines)
