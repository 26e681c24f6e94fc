"""Labels heads of known boxes with angles that several estimators agree on.

TABLE is a CSV of head boxes (file, xmin, ymin, xmax, ymax), as detectors are trained on. The
output is a table for `headpose train`; its column `disagreement` says how far FSA-Net and
WHENet are apart. Heads on which they differ by more than a label is worth are left out. With
--estimator one of ours is a third voice, and heads turned away are labelled, too.
"""

import argparse
from typing import TYPE_CHECKING

from headpose.cli import common as cl
from headpose.cli.pipeline_options import named_estimator
from headpose.files import check_outputs

if TYPE_CHECKING:
    from headpose.pose.estimator import PoseEstimator


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("table", nargs="+", type=cl.path, help="tables of head boxes")
    add(
        "--fsa-net", nargs="+", type=cl.path, required=True, metavar="FILE", help="its two networks"
    )
    add(
        "--whenet",
        type=cl.path,
        required=True,
        metavar="FILE",
        help="with inputs N x 224 x 224 x 3",
    )
    add(
        "--estimator",
        type=named_estimator,
        metavar="FILE",
        help="a third voice: an estimator of the whole turn of ours",
    )
    add("--output", type=cl.path, required=True, metavar="FILE", help="the table of labels")
    add("--smallest", type=cl.at_least(1), default=50, help="longer side of a head, pixels")
    add("--at-most", type=cl.at_least(1), default=1200, help="heads of a table")
    add("--seed", type=cl.at_least(0), default=0, help="which pictures are taken, if too many")
    cl.add_overwrite_option(parser)
    return parser


def main() -> None:
    arguments = options().parse_args()
    inputs = [*arguments.table, *arguments.fsa_net, arguments.whenet, arguments.estimator]
    check_outputs([arguments.output], inputs, arguments.overwrite, texts=[arguments.output])
    import pandas as pd

    from headpose.baselines.pseudo_labels import label_table, usable
    from headpose.baselines.registry import CONVENTIONS, PeerEstimator
    from headpose.datasets.label_tables import Problems, numbers, read_labels, write_table
    from headpose.geometry.boxes import COLUMNS
    from headpose.reporting import report

    fsa_net = PeerEstimator(CONVENTIONS["fsa-net"], arguments.fsa_net)
    whenet = PeerEstimator(CONVENTIONS["whenet-nhwc"], [arguments.whenet])
    ours = whole_turn_estimator(arguments.estimator) if arguments.estimator else None
    tables = []
    for path in arguments.table:
        problems = Problems()
        table = read_labels(path, "", ("file", *COLUMNS), problems).reset_index(drop=True)
        report(path, problems)
        table[list(COLUMNS)] = numbers(table, COLUMNS)
        table = usable(table, arguments.smallest, arguments.at_most, arguments.seed)
        found = label_table(path, table, fsa_net, whenet, ours)
        print(f"{path}: {len(found)} of {len(table)} heads labelled")
        tables.append(found)
    write_table(arguments.output, pd.concat(tables))


def whole_turn_estimator(path: str) -> "PoseEstimator":
    """Returns an estimator of ours.

    Raises:
        HeadposeError: If it does not tell the whole turn.
    """
    from headpose.errors import HeadposeError
    from headpose.pose.estimator import MEASURES, PoseEstimator

    estimator = PoseEstimator.load(path)
    if estimator.outputs != len(MEASURES):
        raise HeadposeError(f"{path}: this estimator does not tell the whole turn: give another")
    return estimator
