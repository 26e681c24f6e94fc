"""Tells how far heads can be trusted for limits of their expected error.

For each limit it says which share of labelled heads is kept and how far these are really off,
as a Markdown table. It is how docs/tables.md came to its limits.
"""

import argparse
import math

from headpose.cli import common as cl
from headpose.cli.left_out import LeftOut
from headpose.cli.markdown import cell, markdown_table
from headpose.cli.pipeline_options import (
    add_backend_option,
    backend_from,
    model_for,
    named_estimator,
)
from headpose.cli.surroundings import outlive_reader
from headpose.errors import HeadposeError
from headpose.files import check_outputs, write_json


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add(
        "datasets",
        nargs="+",
        metavar="DATASET",
        help="CSV with a row for each labelled head, as headpose evaluate takes it, such as "
        "labels.csv#validation",
    )
    add("--estimator", type=named_estimator, help="a pose estimator (default: ours, which ships)")
    add("--json", type=cl.path, metavar="FILE", help="write the figures here, too")
    cl.add_overwrite_option(parser)
    add_backend_option(parser)
    cl.add_device_options(parser)
    return parser


def errors_of(estimator, dataset: str, left_out: LeftOut):
    """Returns true and expected errors, degrees, of the heads of a table with known angles.

    Args:
        estimator: A `PoseEstimator`.
        dataset: The table.
        left_out: Gets what cannot be used.

    Raises:
        HeadposeError: If the table has none.
    """
    import numpy as np

    from headpose.datasets.pose_data import read_heads
    from headpose.pose.metrics import turn_or_nose_errors

    heads, problems = read_heads(dataset, whole_turn=True, **estimator.crop_options)
    left_out.report(dataset, problems)
    known = ~heads.away & ~np.isnan(heads.angles[:, :2]).any(axis=1)
    if not known.any():
        raise HeadposeError(f"{dataset}: no heads with angles; give a table that has labels")
    predicted = estimator.estimate_all(heads.crops[known])
    return turn_or_nose_errors(predicted, heads.angles[known]), predicted[:, -1]


def shown(row: dict[str, float]) -> list[str]:
    """Returns a row of `headpose.pose.trust.trust_table` as cells."""
    limit = "none" if math.isinf(row["limit"]) else f"{row['limit']:g}°"
    errors = [row[name] for name in ("mean", "median", "nine tenths under")]
    told = ["-" if math.isnan(value) else f"{value:.1f}°" for value in errors]
    far_off = cell(row["far off"], ".1%")
    return [limit, f"{row['heads']:.0f}", f"{row['share']:.1%}", *told, far_off]


def main() -> int:
    arguments = options().parse_args()
    from headpose.datasets.measured_sources import check_no_picture, each_once

    sources = each_once(arguments.datasets, together=True)
    inputs = [*(source.path for source in sources), arguments.estimator]
    check_outputs([arguments.json], inputs, arguments.overwrite, texts=[arguments.json])
    check_no_picture([arguments.json], sources)
    outlive_reader(arguments.json)
    import numpy as np

    from headpose.models.shipped import DEFAULT_ESTIMATOR
    from headpose.pose.estimator import MEASURES, PoseEstimator
    from headpose.pose.trust import FAR_OFF, trust_table

    backend = backend_from(arguments)
    name = arguments.estimator or DEFAULT_ESTIMATOR
    estimator = PoseEstimator.load(model_for(name, backend), backend)
    if estimator.outputs < len(MEASURES):
        raise HeadposeError(f"{name}: does not tell an expected error; take one that does")
    left_out = LeftOut()
    parts = [errors_of(estimator, dataset, left_out) for dataset in arguments.datasets]
    names = [*arguments.datasets]
    if len(parts) > 1:
        parts.append(tuple(np.concatenate(both) for both in zip(*parts, strict=True)))
        names.append("all together")
    header = ["limit", "heads", "share", "mean", "median", "90 % under", f"> {FAR_OFF:g}° off"]
    results = {}
    for dataset, (errors, expected) in zip(names, parts, strict=True):
        results[dataset] = trust_table(errors, expected)
        print(f"\n{dataset}: true errors in degrees, of the turn, or of the nose without a roll\n")
        print(markdown_table(header, [shown(row) for row in results[dataset]]))
    if arguments.json:
        write_json(arguments.json, {"left out": left_out.counts} | results, arguments.overwrite)
    return left_out.status
