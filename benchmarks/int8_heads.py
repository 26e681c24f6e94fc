#!/usr/bin/env python3
"""Tells how far eight-bit estimators turn labelled heads away from what float32 says of them.

REFERENCE is an estimator in float32, ESTIMATOR an eight-bit export of it. Both see the same
crops, at the labelled boxes of each TABLE (CSV, such as labels.csv#validation); labels are not
looked at. Of the turns from one rotation to the other, in degrees: the mean, the 99th
percentile, the largest, how many pass a bound, and the largest of those heads of which the
reference itself expects less than 15 degrees of error: of the others it is nearly guessing.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from measuring import cl

from headpose.baselines.heads import CropRecipe, cut_crops, read_table_heads
from headpose.cli.markdown import markdown_table
from headpose.errors import HeadposeError
from headpose.pose.estimator import PoseEstimator
from headpose.pose.metrics import EXPECTED_ERROR, geodesic_errors
from headpose.reporting import report

BOUND = 5.0  # degrees that the worst head may be turned
SURE = 15.0  # degrees of expected error
HEADINGS = ("heads", "estimator", "number", "mean", "99%", "largest", "beyond", "largest, sure")


def crops_of(table: str, recipe: CropRecipe) -> np.ndarray:
    """Cuts all heads of a table as an estimator takes them; what cannot be read is told."""
    heads, problems = read_table_heads(table)
    crops = [made for _, (made,) in cut_crops(heads, [recipe], problems)]
    report(table, problems)
    if not crops:
        raise HeadposeError(f"{table}: no picture of it can be read")
    return np.concatenate(crops)


def row_of(told: np.ndarray, reference: np.ndarray) -> list[str]:
    """Returns the cells of one estimator on one set, from the answers (N, 6) of both."""
    turns = geodesic_errors(told, reference[:, :3])
    sure = turns[reference[:, EXPECTED_ERROR] < SURE]
    figures = (turns.mean(), np.percentile(turns, 99), turns.max())
    cells = [str(len(turns)), *(f"{value:.2f}" for value in figures)]
    return [*cells, str(int((turns > BOUND).sum())), f"{sure.max():.2f}" if len(sure) else "-"]


def rows_of(
    names: Sequence[str], tables: Sequence[str], estimators: Sequence[PoseEstimator]
) -> list[list[str]]:
    """Returns the rows of all sets, the first estimator being the reference of the others."""
    first = estimators[0]
    recipe = CropRecipe(first.size, first.side, first.margin, first.grey)
    answers: list[list[np.ndarray]] = [[] for _ in estimators]
    rows = []
    for table in cl.progress(tables, "tables"):
        crops = crops_of(table, recipe)
        for all_told, estimator in zip(answers, estimators, strict=True):
            all_told.append(estimator.estimate_all(crops))
        for name, told in zip(names[1:], answers[1:], strict=True):
            rows.append([table, name, *row_of(told[-1], answers[0][-1])])
    if len(tables) > 1:
        together = [np.concatenate(told) for told in answers]
        for name, told in zip(names[1:], together[1:], strict=True):
            rows.append(["all together", name, *row_of(told, together[0])])
    return rows


def main() -> None:
    parser = cl.parser(__doc__)
    parser.add_argument("reference", metavar="REFERENCE", help="in float32, telling all measures")
    parser.add_argument("estimator", metavar="ESTIMATOR", nargs="+", help="what is compared to it")
    parser.add_argument("--data", metavar="TABLE", nargs="+", required=True, help="heads' boxes")
    arguments = parser.parse_args()
    names = [arguments.reference, *arguments.estimator]
    estimators = [PoseEstimator.load(name) for name in names]
    for name, estimator in zip(names, estimators, strict=True):
        if estimator.crop_options != estimators[0].crop_options:
            raise HeadposeError(f"{name}: takes other crops than {names[0]}; name exports of it")
        if estimator.outputs <= EXPECTED_ERROR:
            raise HeadposeError(f"{name}: tells no expected error; name one that does")
    rows = rows_of([Path(name).name for name in names], arguments.data, estimators)
    headings = [f"{h} {BOUND:g}" if h == "beyond" else h for h in HEADINGS]
    print(markdown_table(headings, rows))


if __name__ == "__main__":
    cl.run(main)
