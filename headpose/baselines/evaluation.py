"""Measuring estimators of any make on labelled heads, each in its own crop.

What is read of a data set is told in `headpose.cli.evaluate`; here are the values.
"""

import dataclasses
import time
from collections.abc import Sequence

import numpy as np

from headpose.baselines.heads import CropRecipe, read_table_heads
from headpose.baselines.predictors import Case, Compared, ask
from headpose.datasets.label_tables import Problems, SourceName
from headpose.errors import HeadposeError
from headpose.pose import metrics as pm
from headpose.pose.reliability import front_bias, pan_slope, reliability

TIMED_CALLS = 30  # of one head each


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """What estimators told of the heads of one data set.

    Attributes:
        dataset: As named.
        angles: float32 (N, 3), labels in degrees: tilt, pan, roll, NaN where unknown; all
            three where `away`.
        away: bool (N,), heads of which only that is known.
        told: For each estimator (N, K): tilt, pan and perhaps more, degrees.
        milliseconds: For each estimator, of one head; cutting the crop is not counted.
    """

    dataset: str
    angles: np.ndarray
    away: np.ndarray
    told: list[np.ndarray]
    milliseconds: list[float]


def is_table(dataset: str) -> bool:
    """Tells a table of heads from a clean folder."""
    return SourceName.parse(dataset).is_table


def check_part(part: str | None, datasets: Sequence[str]) -> None:
    """Refuses a part of clean folders where there are tables alone.

    Raises:
        HeadposeError: If there are.
    """
    if part and all(map(is_table, datasets)):
        raise HeadposeError(
            f"{', '.join(datasets)}: --part is for clean folders; name rows of a table by its "
            f"column part, as in labels.csv#{part}"
        )


def has_pictures(dataset: str) -> bool:
    """Tells whether heads are named in pictures, and not cut or rendered already."""
    return is_table(dataset) and not _is_rendered(dataset)


def evaluate(
    dataset: str, estimators: Sequence[Compared], detector=None, part: str | None = "test"
) -> tuple[Evaluated, Problems]:
    """Asks estimators about all heads of a data set.

    Args:
        dataset: A table of heads in pictures or of rendered tiles, see
            `headpose.datasets.pose_data.read_heads`, or a clean folder.
        estimators: Whom to ask.
        detector: If given, heads in pictures are cropped at its boxes.
        part: Of a clean folder; None for all.

    Raises:
        HeadposeError: If there is no such data set or it has no usable head.
    """
    if not is_table(dataset):
        from headpose.datasets.crop_dataset import fitted, read_crops

        clean = read_crops(dataset, part)
        crops = [fitted(clean.crops, c.recipe.size, c.recipe.grey) for c in estimators]
        return _asked(dataset, clean.angles, np.zeros(len(clean.angles), bool), estimators, crops)
    if _is_rendered(dataset):
        return _of_tiles(dataset, estimators)
    heads, problems = read_table_heads(dataset, detector, away=True)
    told = ask(heads, [Case(c.estimator, c.recipe) for c in estimators], problems)
    away = heads.away[told.rows] if heads.away is not None else np.zeros(len(told.rows), bool)
    angles = heads.angles[told.rows]
    return Evaluated(dataset, angles, away, told.angles, told.milliseconds), problems


def _is_rendered(dataset: str) -> bool:
    """Tells a table of rendered tiles from one of heads in pictures."""
    path = SourceName.parse(dataset).path
    if not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return {"sheet", "row", "col"} <= {name.strip() for name in file.readline().split(",")}


def _of_tiles(dataset: str, estimators: Sequence[Compared]) -> tuple[Evaluated, Problems]:
    """Tiles are grey: an estimator for colour gets grey in all channels."""
    from headpose.datasets.pose_data import read_heads

    made: dict[CropRecipe, tuple] = {}
    for r in (compared.recipe for compared in estimators):
        if r not in made:
            made[r] = read_heads(dataset, r.size, r.side, r.margin, whole_turn=True, grey=r.grey)
    crops = [made[compared.recipe][0].crops for compared in estimators]
    heads, problems = made[estimators[0].recipe]
    return _asked(dataset, heads.angles, heads.away, estimators, crops)[0], problems


def _asked(dataset, angles, away, estimators, crops) -> tuple[Evaluated, Problems]:
    told, milliseconds = [], []
    for compared, cut in zip(estimators, crops, strict=True):
        compared.estimator.estimate_all(cut[:64])  # compiles
        start = time.perf_counter()
        told.append(compared.estimator.estimate_all(cut))
        milliseconds.append((time.perf_counter() - start) / len(cut) * 1e3)
    return Evaluated(dataset, angles, away, told, milliseconds), Problems()


def figures(predicted: np.ndarray, angles: np.ndarray, away: np.ndarray) -> dict:
    """Returns all error figures of one estimator.

    Args:
        predicted: (N, K), tilt, pan and perhaps more, degrees.
        angles: (N, 3), labels; roll may be NaN, all three where `away`.
        away: (N,), heads of which only that is known.

    Returns:
        `errors` (see `headpose.pose.metrics.error_table`), of the heads with angles;
        `turn or nose` (mean) and `turn or nose median` in degrees, see
        `headpose.pose.metrics.turn_or_nose_errors`, by labelled |pan| and of `all`;
        `slope of pan` and biases of tilt and pan near the front, see
        `headpose.pose.reliability`; where there are heads turned away and others, `away, area under
        ROC`; where expected errors are told, `reliability`, and the mean errors of the
        fifth with the largest ones and of the others.
    """
    known, truth = predicted[~away], angles[~away]
    if not len(truth):
        raise HeadposeError("no head has angles; nothing can be measured")
    off = pm.turn_or_nose_errors(known, truth)
    result: dict = {"errors": pm.error_table(known, truth)}
    ranges = {"all": np.ones(len(off), bool), **pm.pan_ranges(truth)}
    result["turn or nose"] = {k: float(off[v].mean()) for k, v in ranges.items() if v.any()}
    result["turn or nose median"] = {
        k: float(np.median(off[v])) for k, v in ranges.items() if v.any()
    }
    result["slope of pan"] = pan_slope(known, truth)
    result["bias of tilt near the front"] = front_bias(known, truth, 0)
    result["bias of pan near the front"] = front_bias(known, truth, 1)
    back = pm.turned_away(angles, away)
    if back.any() and not back.all():
        result["away, area under ROC"] = pm.away_roc_auc(predicted, back)
    if predicted.shape[1] > pm.EXPECTED_ERROR:
        result["reliability"] = reliability(known, truth)
        if len(off) >= 5:
            worst, rest = pm.uncertain_fifth(off, known[:, pm.EXPECTED_ERROR])
            result["mean error of the fifth expected to be worst"] = worst
            result["mean error of the others"] = rest
    return result


def single_milliseconds(compared: Compared) -> float:
    """Returns the median time of one head asked for alone, milliseconds."""
    r = compared.recipe
    crop = np.full((1, r.size, r.size) + (() if r.grey else (3,)), 127, np.uint8)
    compared.estimator.estimate_all(crop)
    times = []
    for _ in range(TIMED_CALLS):
        start = time.perf_counter()
        compared.estimator.estimate_all(crop)
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e3
