"""The error figures that papers report on head pose benchmarks, counted as they count."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from headpose.geometry.angles import is_locked
from headpose.pose.metrics import absolute_errors, geodesic_errors, mean_of_known, pan_ranges


@dataclasses.dataclass(frozen=True)
class RangeScore:
    """Errors of the heads whose |pan| is in one range.

    Attributes:
        heads: How many there are.
        mean: Mean absolute error of all angles that are known, degrees.
        geodesic: Mean angle between the rotations, degrees; NaN where rolls are unknown.
    """

    heads: int
    mean: float
    geodesic: float


@dataclasses.dataclass(frozen=True)
class BenchmarkScore:
    """Errors of one estimator on one benchmark, degrees.

    Attributes:
        heads: How many were measured.
        yaw, pitch, roll: Mean absolute errors over all of them, profiles included, as
            papers count; roll is NaN where labels or estimates have none.
        mean: Of the angles that are known.
        geodesic: Mean angle between the rotations; NaN where rolls are unknown.
        locked: Heads near a pan of ±90, see `headpose.geometry.angles.is_locked`.
        pitch_unlocked, roll_unlocked: Pitch's and roll's error without these, where alone
            they mean something.
        ranges: By |pan|, see `headpose.pose.metrics.PAN_RANGES`; empty ones are left out.
    """

    heads: int
    yaw: float
    pitch: float
    roll: float
    mean: float
    geodesic: float
    locked: int
    pitch_unlocked: float
    roll_unlocked: float
    ranges: dict[str, RangeScore]


def benchmark_score(predicted: ArrayLike, truth: ArrayLike) -> BenchmarkScore:
    """Measures estimates as papers on head pose do.

    All heads count alike and each angle on its own, also where pitch and roll are
    degenerate; what that does to the figures shows beside `pitch_unlocked`.

    Args:
        predicted: (N, 2 or more) tilt, pan, roll, ... in degrees, N at least 1.
        truth: (N, 3), degrees; roll may be NaN.
    """
    predicted = np.asarray(predicted, np.float64)
    truth = np.asarray(truth, np.float64)
    errors = np.full((len(truth), 3), np.nan)
    known = absolute_errors(predicted, truth)
    errors[:, : known.shape[1]] = known
    turns = np.full(len(truth), np.nan)
    if known.shape[1] == 3:
        turns = geodesic_errors(predicted, truth)
    locked = is_locked(truth)
    pitch, yaw, roll = (mean_of_known(column) for column in errors.T)
    return BenchmarkScore(
        len(truth),
        yaw,
        pitch,
        roll,
        _mean_of_angles(errors),
        mean_of_known(turns),
        int(locked.sum()),
        mean_of_known(errors[~locked, 0]),
        mean_of_known(errors[~locked, 2]),
        {
            name: RangeScore(
                int(chosen.sum()), _mean_of_angles(errors[chosen]), mean_of_known(turns[chosen])
            )
            for name, chosen in pan_ranges(truth).items()
            if chosen.any()
        },
    )


def _mean_of_angles(errors: np.ndarray) -> float:
    """Returns the mean of the angles' means, over those that are known."""
    means = [mean_of_known(column) for column in errors.T]
    return mean_of_known(np.array(means))
