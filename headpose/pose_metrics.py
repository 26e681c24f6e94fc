"""Error figures of head pose estimates."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from headpose.commandline import Failure

# Limits of |pan| in degrees: near frontal, half profile, profile and beyond.
PAN_RANGES = {"0-30": (0, 30), "30-60": (30, 60), "over 60": (60, np.inf)}
SHARES = (5, 10, 15)  # degrees


def absolute_errors(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Returns how far each angle is off, in degrees.

    Pan and roll are directions on a circle: 179 and -179 degrees are 2 apart.

    Args:
        predicted: (N, 2) tilt, pan, or (N, 3) with roll, degrees.
        truth: (N, 2) or (N, 3), degrees; roll may be NaN where unknown.

    Returns:
        float64 (N, K), K the smaller number of columns; NaN where truth is.

    Raises:
        ValueError: If shapes do not fit, or a tilt, a pan or a prediction is not finite.
    """
    predicted, truth = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    for name, array in (("predicted", predicted), ("truth", truth)):
        if array.ndim != 2 or array.shape[1] not in (2, 3):
            raise ValueError(f"{name} must have shape (N, 2) or (N, 3), not {array.shape}")
    if len(predicted) != len(truth):
        raise ValueError(f"{len(predicted)} predictions for {len(truth)} heads")
    if not np.isfinite(predicted).all():
        raise ValueError("a prediction is not finite")
    if not np.isfinite(truth[:, :2]).all():
        raise ValueError("a true tilt or pan is not finite")
    angles = min(predicted.shape[1], truth.shape[1])
    difference = predicted[:, :angles] - truth[:, :angles]
    difference[:, 1:] = (difference[:, 1:] + 180) % 360 - 180
    return np.abs(difference)


def pose_errors(predicted: ArrayLike, truth: ArrayLike) -> dict[str, float]:
    """Returns mean absolute errors in degrees.

    Args:
        predicted: See `absolute_errors`.
        truth: The same.

    Returns:
        `tilt`, `pan`, `mean` (of the two), `roll` if it is predicted and known of any
        head, and `mean 0-30`, `mean 30-60`, `mean over 60`: `mean` over the heads whose
        |pan| is in that range (lower limit included), NaN where there are none.
    """
    errors = absolute_errors(predicted, truth)
    both = errors[:, :2].mean(axis=1)
    result = {"tilt": _mean(errors[:, 0]), "pan": _mean(errors[:, 1]), "mean": _mean(both)}
    if errors.shape[1] == 3 and not np.isnan(errors[:, 2]).all():
        result["roll"] = float(np.nanmean(errors[:, 2]))
    for name, chosen in pan_ranges(truth).items():
        result[f"mean {name}"] = _mean(both[chosen])
    return result


def error_table(predicted: ArrayLike, truth: ArrayLike) -> dict[str, dict[str, float]]:
    """Returns error figures over all heads and over each range of |pan|.

    Args:
        predicted: See `absolute_errors`.
        truth: The same.

    Returns:
        A row for `all` and for each of `PAN_RANGES`, each with `heads`, the mean
        absolute errors `tilt`, `pan`, `mean` and, where known, `roll` in degrees, and
        `tilt under 5`, `pan under 5`, `both under 5`, the same for 10 and 15: the shares
        (0..1) of heads whose error is below. An empty range has NaN.
    """
    errors = absolute_errors(predicted, truth)
    everywhere = np.ones(len(errors), bool)
    return {
        name: _row(errors[chosen])
        for name, chosen in {"all": everywhere, **pan_ranges(truth)}.items()
    }


def pan_ranges(truth: ArrayLike) -> dict[str, np.ndarray]:
    """Returns for each of `PAN_RANGES` which heads (N,) belong to it."""
    pan = np.abs(np.asarray(truth, np.float64)[:, 1])
    return {name: (pan >= low) & (pan < high) for name, (low, high) in PAN_RANGES.items()}


def _row(errors: np.ndarray) -> dict[str, float]:
    tilt, pan = errors[:, 0], errors[:, 1]
    row = {"heads": len(errors), "tilt": _mean(tilt), "pan": _mean(pan)}
    row["mean"] = _mean(errors[:, :2].mean(axis=1))
    if errors.shape[1] == 3 and not np.isnan(errors[:, 2]).all():
        row["roll"] = float(np.nanmean(errors[:, 2]))
    for limit in SHARES:
        row[f"tilt under {limit}"] = _mean(tilt < limit)
        row[f"pan under {limit}"] = _mean(pan < limit)
        row[f"both under {limit}"] = _mean((tilt < limit) & (pan < limit))
    return row


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def plot_errors(
    predicted: Mapping[str, ArrayLike], truth: ArrayLike, path: str | Path, width: float = 10.0
) -> None:
    """Draws mean absolute errors over the true tilt and the true pan.

    Args:
        predicted: Estimates by name, each as in `absolute_errors`.
        truth: The same.
        path: The picture; its suffix says the format.
        width: Of the steps over which errors are averaged, degrees.

    Raises:
        Failure: If the format is unknown or the file cannot be written.
    """
    from matplotlib.figure import Figure

    from headpose.plots import save

    truth = np.asarray(truth, np.float64)
    drawing = Figure(figsize=(10, 4.5), layout="constrained")
    for column, (axes, angle) in enumerate(
        zip(drawing.subplots(1, 2), ("tilt", "pan"), strict=True)
    ):
        steps = np.round(truth[:, column] / width)
        places = np.unique(steps)
        for name, estimate in predicted.items():
            errors = absolute_errors(estimate, truth)[:, column]
            means = [errors[steps == place].mean() for place in places]
            axes.plot(places * width, means, marker="o", markersize=3, label=name)
        axes.set(xlabel=f"true {angle} (degrees)", ylabel=f"mean error of {angle} (degrees)")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend()
    try:
        save(drawing, path)
    except ValueError as error:
        raise Failure(f"{path}: {error}") from error
