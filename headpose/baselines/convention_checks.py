"""Checks on labelled heads whether an estimator is asked and read in the right way.

A wrong sign, order of angles, channel order or crop margin shows as an error that some
alternative lowers clearly.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from headpose.baselines.heads import FACE, HEAD, ComparedHeads
from headpose.baselines.predictors import Case, Compared, ask
from headpose.datasets.label_tables import Problems
from headpose.geometry.angles import wrap_degrees
from headpose.geometry.convention_math import ANGLES
from headpose.pose import metrics as pm

MARGINS = (0.8, 0.9, 1.1, 1.25)  # factors on the margin that is stated
# An alternative counts when it lowers the error by so many degrees, and by this share.
CLEAR_DEGREES, CLEAR_SHARE = 0.3, 0.1
# Estimates whose correlation with the labels is lower hardly follow them: what lowers
# their error does so by chance.
FOLLOWS = 0.3
FEWEST = 20  # heads, below which nothing is concluded
STATED = "as stated"


@dataclasses.dataclass(frozen=True)
class Alternative:
    """One other way to read or ask an estimator, and what it gives.

    Attributes:
        what: In words.
        errors: Mean absolute errors in degrees by angle, of those that are told and known.
        concerns: The angles by whose mean error it is judged.
        better: Whether the error is clearly lower than as stated, by estimates that
            follow the labels.
    """

    what: str
    errors: dict[str, float]
    concerns: tuple[str, ...]
    better: bool


@dataclasses.dataclass(frozen=True)
class Check:
    """What the checks of one estimator gave.

    Attributes:
        heads: On how many it was done.
        stated: Errors as the conventions are stated, as in `Alternative`.
        alternatives: All that were tried.
        correlations: Of estimates and labels, by angle.
        bias: Mean of estimates minus labels in degrees, by angle; never taken off.
        unbiased: Errors if it were.
    """

    heads: int
    stated: dict[str, float]
    alternatives: list[Alternative]
    correlations: dict[str, float]
    bias: dict[str, float]
    unbiased: dict[str, float]

    @property
    def warnings(self) -> list[str]:
        """What someone who reads the figures must know, a line each."""
        if self.heads < FEWEST:
            return [f"{self.heads} heads are too few to check its conventions"]
        lines = []
        for a in (a for a in self.alternatives if a.better):
            before, after = _mean(self.stated, a.concerns), _mean(a.errors, a.concerns)
            lines.append(
                f"{a.what} lowers the error of {' and '.join(a.concerns)} "
                f"from {before:.2f} to {after:.2f} degrees"
            )
        lines += [
            f"its {angle} hardly follows the labels (correlation {value:.2f}): untrained, or "
            "asked or read in a wrong way"
            for angle, value in self.correlations.items()
            if abs(value) < FOLLOWS
        ]
        return lines


def check_outputs(predicted: np.ndarray, truth: np.ndarray) -> Check:
    """Checks signs and order of the angles, which needs no further estimates.

    Args:
        predicted: (N, K), tilt, pan and perhaps roll and more, degrees.
        truth: (N, 3), degrees; roll may be NaN.
    """
    predicted, truth = _comparable(predicted, truth)
    names = ANGLES[: predicted.shape[1]]
    stated = _errors(predicted, truth)
    alternatives = []
    for column, angle in enumerate(names):
        turned = predicted.copy()
        turned[:, column] *= -1
        what = f"turning the sign of {angle}"
        alternatives.append(_judged(what, (angle,), turned, truth, stated))
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            swapped = predicted.copy()
            swapped[:, [first, second]] = predicted[:, [second, first]]
            concerns = (names[first], names[second])
            what = f"exchanging {' and '.join(concerns)}"
            alternatives.append(_judged(what, concerns, swapped, truth, stated))
    difference = wrap_degrees(predicted - truth)
    return Check(
        len(truth),
        stated,
        alternatives,
        _correlations(predicted, truth),
        {a: float(difference[:, i].mean()) for i, a in enumerate(names)},
        _errors(predicted - difference.mean(axis=0), truth),
    )


def check_conventions(heads: ComparedHeads, compared: Compared, problems: Problems) -> Check:
    """Checks all of an estimator's conventions, crops and channels included.

    Args:
        heads: Labelled heads. The crop is checked where their pictures are known.
        compared: The estimator.
        problems: Gets the heads that are left out.
    """
    cases = {STATED: Case(compared.estimator, compared.recipe)} | other_crops(heads, compared)
    told = ask(heads, list(cases.values()), problems)
    truth = heads.angles[told.rows]
    check = check_outputs(told.angles[0], truth)
    for what, predicted in zip(list(cases)[1:], told.angles[1:], strict=True):
        given, known = _comparable(predicted, truth)
        judged = _judged(what, ("tilt", "pan"), given, known, check.stated)
        check.alternatives.append(judged)
    return check


def other_crops(heads: ComparedHeads, compared: Compared) -> dict[str, Case]:
    """Returns the other ways to cut crops and order channels that are tried."""
    recipe, cases = compared.recipe, {}
    if heads.pictures is not None:
        for factor in MARGINS:
            other = dataclasses.replace(recipe, margin=recipe.margin * factor)
            what = f"a margin of {other.margin:.2f} instead of {recipe.margin:.2f}"
            cases[what] = Case(compared.estimator, other)
        side = "short" if recipe.side == "long" else "long"
        what = f"the {side} instead of the {recipe.side} side of the box"
        cases[what] = Case(compared.estimator, dataclasses.replace(recipe, side=side))
        box = FACE if recipe.box == HEAD else HEAD
        what = f"the {box}'s instead of the {recipe.box}'s box"
        cases[what] = Case(compared.estimator, dataclasses.replace(recipe, box=box))
    in_colour = heads.crops is None or heads.crops.ndim == 4
    if not recipe.grey and in_colour:
        cases["the other order of channels"] = Case(compared.estimator, recipe, swapped=True)
    return cases


def _comparable(predicted: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the angles that are both told and known of all heads, (N, 2 or 3)."""
    known = predicted.shape[1] > 2 and np.isfinite(truth[:, 2]).all()
    angles = 3 if known else 2
    return np.asarray(predicted[:, :angles], np.float64), np.asarray(truth[:, :angles], np.float64)


def _errors(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    means = pm.absolute_errors(predicted, truth).mean(axis=0)
    return dict(zip(ANGLES, map(float, means), strict=False))


def _judged(what, concerns, predicted, truth, stated) -> Alternative:
    errors, follows = _errors(predicted, truth), _correlations(predicted, truth)
    before, after = _mean(stated, concerns), _mean(errors, concerns)
    lower = before - after > max(CLEAR_DEGREES, CLEAR_SHARE * before)
    better = lower and all(follows[angle] >= FOLLOWS for angle in concerns)
    return Alternative(what, errors, concerns, better)


def _mean(errors: dict[str, float], angles: Sequence[str]) -> float:
    return sum(errors[a] for a in angles) / len(angles)


def _correlations(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Returns Pearson's coefficient by angle; 0 where estimates or labels do not vary."""
    pairs = zip(ANGLES, predicted.T, truth.T, strict=False)
    return {angle: pm.correlation(first, second) for angle, first, second in pairs}
