"""Error figures of head pose estimates."""

import numpy as np
from numpy.typing import ArrayLike

from headpose.geometry.angles import (
    angles_between,
    geodesic_distances,
    is_locked,
    nose_directions,
    rotation_matrices,
    wrap_degrees,
)
from headpose.models.specs import MEASURES

# Limits of |pan| in degrees: near frontal, half profile, profile, and turned away.
PAN_RANGES = {
    "0-30": (0, 30),
    "30-60": (30, 60),
    "60-90": (60, 90),
    "90-120": (90, 120),
    "120-150": (120, 150),
    "150-180": (150, np.inf),
}
SHARES = (5, 10, 15)  # degrees
AWAY_PAN = 100.0  # degrees, from which a labelled head counts as turned away
EXPECTED_ERROR = MEASURES.index("expected_error")


def absolute_errors(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Returns how far each angle is off, in degrees.

    Pan and roll are directions on a circle: 179 and -179 degrees are 2 apart.

    Args:
        predicted: (N, 2) tilt, pan, or (N, 3 and more) with roll, degrees.
        truth: (N, 2) or (N, 3), degrees; roll may be NaN where unknown.

    Returns:
        float64 (N, K), K the smaller number of columns; NaN where truth is.

    Raises:
        ValueError: If shapes do not fit, or a tilt, a pan or a prediction is not finite.
    """
    predicted, truth = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    for name, array in (("predicted", predicted), ("truth", truth)):
        if array.ndim != 2 or array.shape[1] < 2:
            raise ValueError(f"{name} must have shape (N, 2) or (N, 3), not {array.shape}")
    predicted, truth = predicted[:, :3], truth[:, :3]
    if len(predicted) != len(truth):
        raise ValueError(f"{len(predicted)} predictions for {len(truth)} heads")
    if not np.isfinite(predicted).all():
        raise ValueError("a prediction is not finite")
    if not np.isfinite(truth[:, :2]).all():
        raise ValueError("a true tilt or pan is not finite")
    angles = min(predicted.shape[1], truth.shape[1])
    difference = predicted[:, :angles] - truth[:, :angles]
    difference[:, 1:] = wrap_degrees(difference[:, 1:])
    return np.abs(difference)


def unlocked_errors(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Returns `absolute_errors`, NaN for tilt and roll where they lock."""
    errors = absolute_errors(predicted, truth)
    locked = is_locked(truth)
    errors[locked, 0] = np.nan
    errors[locked, 2:] = np.nan
    return errors


def nose_errors(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Returns the angles (N,) in degrees between the told and the true directions of noses.

    They need no roll, and mean the same over the whole turn.

    Args:
        predicted, truth: (N, 2 and more) tilt, pan, degrees.
    """
    first, second = (
        nose_directions(angles[:, 0], angles[:, 1])
        for angles in (np.asarray(predicted, np.float64), np.asarray(truth, np.float64))
    )
    return angles_between(first, second)


def turn_or_nose_errors(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Returns one error (N,) in degrees a head: what is known of it.

    The turn of the whole rotation where rolls are known and told, else the angle between
    the directions of noses. It is what the expected error is of.

    Args:
        predicted: (N, 2 and more) tilt, pan and perhaps roll, degrees.
        truth: (N, 3), degrees; roll may be NaN.
    """
    noses = nose_errors(predicted, truth)
    if min(np.shape(predicted)[1], np.shape(truth)[1]) < 3:
        return noses
    turns = geodesic_errors(predicted, truth)
    return np.where(np.isfinite(turns), turns, noses)


def geodesic_errors(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Returns the angle in degrees of the turn from each estimate to the truth.

    Args:
        predicted: (N, 3 and more) tilt, pan, roll, degrees.
        truth: (N, 3), degrees; roll may be NaN.

    Returns:
        float64 (N,); NaN where the roll is not known.
    """
    first, second = (
        rotation_matrices(np.asarray(angles, np.float64)[:, :3]) for angles in (predicted, truth)
    )
    return geodesic_distances(first, second)


def pose_errors(predicted: ArrayLike, truth: ArrayLike) -> dict[str, float]:
    """Returns mean absolute errors in degrees.

    Args:
        predicted: See `absolute_errors`.
        truth: The same.

    Returns:
        `tilt`, `pan`, `mean` (of the two); where roll is predicted and known, `roll`
        and `geodesic`, mean and median; and `mean 0-30`, `mean 30-60`, …: `mean` over
        the heads whose |pan| is in that range (lower limit included), where there are any.
    """
    table = error_table(predicted, truth)
    whole = table.pop("all")
    names = ("tilt", "pan", "mean", "roll", "geodesic", "geodesic median")
    result = {name: whole[name] for name in names if name in whole}
    return result | {f"mean {name}": row["mean"] for name, row in table.items() if row["heads"]}


def error_table(predicted: ArrayLike, truth: ArrayLike) -> dict[str, dict[str, float]]:
    """Returns error figures over all heads and over each range of |pan|.

    Where the true pan is within 15 degrees of ±90, tilt and roll are no measure, and
    their errors are left out.

    Args:
        predicted: See `absolute_errors`.
        truth: The same.

    Returns:
        A row for `all` and for each of `PAN_RANGES`, each with `heads`, the mean
        absolute errors `tilt`, `pan`, `mean` and, where known, `roll`, `geodesic` and
        `geodesic median` in degrees, and `tilt under 5`, `pan under 5`, `both under 5`,
        the same for 10 and 15: the shares (0..1) of heads whose error is below. An empty
        range has NaN.
    """
    errors = unlocked_errors(predicted, truth)
    turns = np.full(len(errors), np.nan)
    if errors.shape[1] == 3:
        turns = geodesic_errors(predicted, truth)
    everywhere = np.ones(len(errors), bool)
    return {
        name: _row(errors[chosen], turns[chosen])
        for name, chosen in {"all": everywhere, **pan_ranges(truth)}.items()
    }


def pan_ranges(truth: ArrayLike) -> dict[str, np.ndarray]:
    """Returns for each of `PAN_RANGES` which heads (N,) belong to it."""
    pan = np.abs(wrap_degrees(np.asarray(truth, np.float64)[:, 1]))
    return {name: (pan >= low) & (pan < high) for name, (low, high) in PAN_RANGES.items()}


def _row(errors: np.ndarray, turns: np.ndarray) -> dict[str, float]:
    tilt, pan = errors[:, 0], errors[:, 1]
    row = {"heads": len(errors), "tilt": mean_of_known(tilt), "pan": mean_of_known(pan)}
    row["mean"] = (row["tilt"] + row["pan"]) / 2
    if np.isfinite(turns).any():
        row["roll"] = mean_of_known(errors[:, 2])
        row["geodesic"] = mean_of_known(turns)
        row["geodesic median"] = float(np.nanmedian(turns))
    for limit in SHARES:
        row[f"tilt under {limit}"] = mean_of_known(tilt < limit, np.isfinite(tilt))
        row[f"pan under {limit}"] = mean_of_known(pan < limit)
        row[f"both under {limit}"] = mean_of_known(
            (tilt < limit) & (pan < limit), np.isfinite(tilt)
        )
    return row


def mean_of_known(values: np.ndarray, known: np.ndarray | None = None) -> float:
    """Returns the mean of what is known, NaN if nothing is."""
    values = values[np.isfinite(values) if known is None else known]
    return float(values.mean()) if len(values) else float("nan")


def risk_coverage(errors: ArrayLike, expected_error: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean error (risk) of the surest heads, for every share of heads kept.

    Args:
        errors: (N,), degrees, NaN where unknown.
        expected_error: (N,), expected errors in degrees, the smaller the surer.

    Returns:
        Coverage (M,), from 1 / M to 1, and risk (M,), M the number of known errors.
    """
    errors, expected_error = np.asarray(errors, np.float64), np.asarray(expected_error, np.float64)
    known = np.isfinite(errors)
    ranked = errors[known][np.argsort(expected_error[known], kind="stable")]
    number = np.arange(1, len(ranked) + 1)
    return number / max(1, len(ranked)), np.cumsum(ranked) / number


def uncertain_fifth(errors: ArrayLike, expected_error: ArrayLike) -> tuple[float, float]:
    """Returns the mean errors of the least certain fifth of all heads and of the others.

    Args:
        errors, expected_error: See `risk_coverage`; at least 5 errors must be known.
    """
    _, risk = risk_coverage(errors, expected_error)
    total = len(risk)
    kept = total - total // 5
    rest = risk[kept - 1]
    return float((risk[-1] * total - rest * kept) / (total - kept)), float(rest)


def away_roc_auc(predicted: ArrayLike, away: ArrayLike) -> float:
    """Returns how well |pan| tells heads turned away from visible faces.

    Args:
        predicted: (N, 2 and more), degrees.
        away: (N,), truth; both kinds must occur.

    Returns:
        The area under the receiver operating characteristic, 0..1.
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(np.asarray(away, bool), np.abs(np.asarray(predicted)[:, 1])))


def turned_away(angles: ArrayLike, away: ArrayLike) -> np.ndarray:
    """Returns which heads (N,) are labelled as turned away from the viewer.

    Args:
        angles: (N, 2 and more) labels, degrees; NaN where `away`.
        away: (N,), heads of which no more is known than that they are turned away.
    """
    return np.asarray(away, bool) | (np.abs(np.asarray(angles)[:, 1]) > AWAY_PAN)


def correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Returns how far two series of angles go together: 1 if alike, 0 if one is constant.

    It is Pearson's correlation of directions, cosines and sines together, so that 179 and
    -179 degrees are neighbours; for small angles it is that of the angles themselves.

    Args:
        first, second: (N,), degrees.
    """
    points = [np.exp(1j * np.radians(np.asarray(x, np.float64))) for x in (first, second)]
    a, b = (p - p.mean() for p in points) if len(points[0]) else points
    size = float(np.sqrt((np.abs(a) ** 2).sum() * (np.abs(b) ** 2).sum()))
    return float((a * b.conj()).sum().real) / size if size > 1e-9 else 0.0
