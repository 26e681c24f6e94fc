"""Whether the error that an estimator expects of itself can be trusted.

An expected error is calibrated where heads of which it expects 10 degrees err by 10 on
average, whatever the poses; it ranks well where heads that err more are expected to. The
error is that of `headpose.pose.metrics.turn_or_nose_errors`.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from headpose.geometry.angles import wrap_degrees
from headpose.pose.metrics import EXPECTED_ERROR, pan_ranges, turn_or_nose_errors

BINS = 10  # of equally many heads, in the drawing
SLOPE_PAN = 100.0  # degrees; labelled pans within are used for the slope
FRONT = 30.0  # degrees; heads with a labelled pan within are used for biases
Estimates = Mapping[str, tuple[np.ndarray, np.ndarray]]  # by name: estimates and labels


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Returns Spearman's rank correlation, ties with their mean rank; NaN if one is constant.

    Args:
        first, second: (N,), finite.
    """
    from scipy.stats import rankdata

    ranks = rankdata(first), rankdata(second)
    if min(len(ranks[0]), np.ptp(ranks[0]), np.ptp(ranks[1])) < 1e-9 or len(ranks[0]) < 2:
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def pan_slope(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Returns the slope of told on labelled pan by least squares; 1 is right, less shrinks.

    Heads with labelled pans beyond 100 degrees are left out; the told pan is the one nearest
    to the label on the circle.

    Args:
        predicted, truth: (N, 2 and more), degrees.
    """
    told, label = np.asarray(predicted)[:, 1], np.asarray(truth, np.float64)[:, 1]
    chosen = np.abs(label) <= SLOPE_PAN
    label = label[chosen]
    if len(label) < 2 or np.ptp(label) == 0:
        return float("nan")
    told = label + wrap_degrees(told[chosen] - label)
    return float(np.polyfit(label, told, 1)[0])


def front_bias(predicted: ArrayLike, truth: ArrayLike, angle: int) -> float:
    """Returns the median of told minus labelled angle, degrees, of heads near the front.

    Where several estimators that learned from different data have the same bias, the labels
    have it. NaN where there is no such head.

    Args:
        predicted, truth: (N, 2 and more), degrees.
        angle: 0 for tilt, 1 for pan.
    """
    told, label = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    off = wrap_degrees(told[:, angle] - label[:, angle])[np.abs(label[:, 1]) <= FRONT]
    return float(np.median(off)) if len(off) else float("nan")


def reliability(predicted: ArrayLike, truth: ArrayLike) -> dict[str, dict[str, float]]:
    """Returns how expected and true errors compare, over all heads and by labelled |pan|.

    Args:
        predicted: (N, 6), all `headpose.pose.estimator.MEASURES`, degrees.
        truth: (N, 3), degrees; roll may be NaN.

    Returns:
        For `all` and each of `headpose.pose.metrics.PAN_RANGES` with at least one head:
        `heads`, means `expected` and `true` in degrees, and `rank correlation` (NaN
        for fewer than 5 heads).
    """
    errors = turn_or_nose_errors(predicted, truth)
    expected = np.asarray(predicted)[:, EXPECTED_ERROR]
    everywhere = {"all": np.ones(len(errors), bool)}
    return {
        name: {
            "heads": int(chosen.sum()),
            "expected": float(expected[chosen].mean()),
            "true": float(errors[chosen].mean()),
            "rank correlation": rank_correlation(expected[chosen], errors[chosen])
            if chosen.sum() >= 5
            else float("nan"),
        }
        for name, chosen in {**everywhere, **pan_ranges(truth)}.items()
        if chosen.any()
    }


def binned(expected: ArrayLike, errors: ArrayLike) -> np.ndarray:
    """Returns mean expected and mean true errors (M, 2) of heads sorted by the expected one.

    At most `BINS`, of equally many heads but for one; no bin is empty.

    Args:
        expected, errors: (N,), degrees.
    """
    expected, errors = np.asarray(expected, np.float64), np.asarray(errors, np.float64)
    if not len(expected):
        return np.zeros((0, 2))
    parts = np.array_split(np.argsort(expected, kind="stable"), min(BINS, len(expected)))
    return np.array([(expected[p].mean(), errors[p].mean()) for p in parts])
