"""Drawings of errors: over tilt and pan, and beside the errors that estimators expect."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from headpose.errors import HeadposeError
from headpose.pose.metrics import (
    EXPECTED_ERROR,
    mean_of_known,
    risk_coverage,
    turn_or_nose_errors,
    unlocked_errors,
)
from headpose.pose.reliability import Estimates, binned, reliability

STEP = 10.0  # degrees of the true angle, over which errors are averaged


def plot_errors(
    predicted: Mapping[str, ArrayLike],
    truth: ArrayLike,
    path: str | Path,
    replace: bool = True,
) -> None:
    """Draws mean absolute errors over the true tilt and the true pan.

    Where an estimate tells its expected error, a third drawing has `risk_coverage` of
    `turn_or_nose_errors`.

    Args:
        predicted: Estimates by name, each as in `absolute_errors` or with all
            `headpose.pose.estimator.MEASURES`.
        truth: The same.
        path: The picture; its suffix says the format.
        replace: See `headpose.files.atomic_write`.

    Raises:
        HeadposeError: If the format is unknown or the file cannot be written.
    """
    from matplotlib.figure import Figure

    from headpose.images.figures import save

    truth = np.asarray(truth, np.float64)
    sure = {name: np.asarray(e) for name, e in predicted.items() if np.shape(e)[1] > EXPECTED_ERROR}
    drawing = Figure(figsize=(15 if sure else 10, 4.5), layout="constrained")
    axes = drawing.subplots(1, 3 if sure else 2)
    for column, angle in enumerate(("tilt", "pan")):
        steps = np.round(truth[:, column] / STEP)
        places = np.unique(steps)
        for name, estimate in predicted.items():
            errors = unlocked_errors(estimate, truth)[:, column]
            means = [mean_of_known(errors[steps == place]) for place in places]
            axes[column].plot(places * STEP, means, marker="o", markersize=3, label=name)
        axes[column].set_xlabel(f"true {angle} (degrees)")
        axes[column].set_ylabel(f"mean error of {angle} (degrees)")
    for name, estimate in sure.items():
        errors = turn_or_nose_errors(estimate, truth)
        coverage, risk = risk_coverage(errors, estimate[:, EXPECTED_ERROR])
        axes[2].plot(100 * coverage, risk, label=name)
        axes[2].set(xlabel="surest heads kept (%)", ylabel="their mean error (degrees)")
    for part in axes:
        part.set_ylim(bottom=0)
        part.grid(alpha=0.3)
        part.legend()
    save(drawing, path, replace)


def plot_reliability(estimates: Estimates, path: str | Path, replace: bool = True) -> None:
    """Draws true over expected errors: in tenths of the heads, and by labelled |pan|.

    Args:
        estimates: By name, estimates (N, 6) and labels (N, 3), degrees; estimates
            without an expected error are left out.
        path: The picture; its suffix says the format.
        replace: See `headpose.files.atomic_write`.

    Raises:
        HeadposeError: If no estimate tells an expected error, the format is unknown, or the
            file cannot be written.
    """
    from matplotlib.figure import Figure

    from headpose.images.figures import save

    estimates = {k: v for k, v in estimates.items() if v[0].shape[1] > EXPECTED_ERROR}
    if not estimates:
        raise HeadposeError("no estimator tells an expected error; leave out the drawing of it")
    drawing = Figure(figsize=(11, 5), layout="constrained")
    left, right = drawing.subplots(1, 2)
    largest = 1.0
    for number, (name, (told, truth)) in enumerate(estimates.items()):
        errors, expected = turn_or_nose_errors(told, truth), told[:, EXPECTED_ERROR]
        points = binned(expected, errors)
        largest = max(largest, points.max() * 1.05)
        left.plot(*points.T, marker="o", label=name)
        rows = {k: v for k, v in reliability(told, truth).items() if k != "all"}
        places = np.arange(len(rows)) + 0.8 * number / len(estimates) - 0.4
        width = 0.4 / len(estimates)
        colour = f"C{number}"
        right.bar(
            places, [r["expected"] for r in rows.values()], width, color=colour, alpha=0.5,
            label=f"{name}: expected", align="edge",
        )  # fmt: skip
        right.bar(
            places + width, [r["true"] for r in rows.values()], width, color=colour,
            label=f"{name}: true", align="edge",
        )  # fmt: skip
        right.set_xticks(range(len(rows)), list(rows))
    left.plot([0, largest], [0, largest], color="grey", linewidth=1)
    left.set(xlabel="expected error (degrees)", ylabel="true error (degrees)")
    right.set(xlabel="labelled |pan| (degrees)", ylabel="mean error (degrees)")
    for part in (left, right):
        part.grid(alpha=0.3)
        part.legend()
    save(drawing, path, replace)
