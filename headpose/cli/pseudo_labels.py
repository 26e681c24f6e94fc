"""Labels heads of known boxes with angles that several estimators agree on.

TABLE is a CSV of head boxes (file, xmin, ymin, xmax, ymax), as detectors are trained on. The
output is a table for `headpose train`; its column `disagreement` says how far FSA-Net and
WHENet are apart. Heads on which they differ by more than a label is worth are left out. With
--estimator one of ours is a third voice, and heads turned away are labelled, too.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from headpose.cli import common as cl
from headpose.cli.left_out import LeftOut
from headpose.cli.pipeline_options import named_estimator
from headpose.cli.surroundings import outlive_reader
from headpose.datasets.problem_kinds import BAD_ROW
from headpose.errors import HeadposeError
from headpose.files import check_outputs, spelled
from headpose.training.fields import MAX_SEED

if TYPE_CHECKING:
    import pandas as pd

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
    add(
        "--seed",
        type=cl.in_range(0, MAX_SEED, int),
        default=0,
        help="which pictures are taken, if too many",
    )
    cl.add_overwrite_option(parser)
    return parser


def main() -> int:
    arguments = options().parse_args()
    inputs = [*arguments.table, *arguments.fsa_net, arguments.whenet, arguments.estimator]
    check_outputs([arguments.output], inputs, arguments.overwrite, texts=[arguments.output])
    outlive_reader(arguments.output)
    import pandas as pd

    from headpose.baselines.pseudo_labels import FIELDS, label_pictures
    from headpose.baselines.registry import CONVENTIONS, PeerEstimator
    from headpose.datasets.label_tables import Problems
    from headpose.datasets.measured_sources import each_once
    from headpose.files import growing_table
    from headpose.files.csv_rows import ROW_END, UnixRows

    each_once(map(str, arguments.table))
    fsa_net = PeerEstimator(CONVENTIONS["fsa-net"], arguments.fsa_net)
    whenet = PeerEstimator(CONVENTIONS["whenet-nhwc"], [arguments.whenet])
    ours = whole_turn_estimator(arguments.estimator) if arguments.estimator else None
    # What is wrong with a table is told before the others are worked on.
    left_out, total = LeftOut(), 0
    read = [(path, read_table(path, arguments, left_out)) for path in arguments.table]
    tables = once_in_all(read, left_out)
    with growing_table(arguments.output, header=1, replace=arguments.overwrite) as file:
        rows = UnixRows(file)
        pd.DataFrame(columns=list(FIELDS)).to_csv(rows, index=False, lineterminator=ROW_END)
        for path, table in tables:
            problems, labelled = Problems(), 0
            for found in label_pictures(path, table, fsa_net, whenet, ours, problems):
                found.to_csv(rows, index=False, header=False, lineterminator=ROW_END)
                labelled += len(found)
            left_out.report(path, problems)
            print(f"{path}: {labelled} of {len(table)} heads labelled")
            total += labelled
        if not total:
            raise HeadposeError(f"{arguments.output}: no head could be labelled; nothing written")
    return left_out.status


def once_in_all(
    tables: "list[tuple[Path, pd.DataFrame]]", left_out: LeftOut
) -> "list[tuple[Path, pd.DataFrame]]":
    """Returns tables without the heads that an earlier one of them has; tells these."""
    import pandas as pd

    from headpose.datasets.box_rows import picture_folder
    from headpose.datasets.label_tables import Problems
    from headpose.datasets.repeated_rows import heads_of
    from headpose.geometry.boxes import COLUMNS

    heads = [
        heads_of(table, picture_folder(path, table["file"]), COLUMNS) for path, table in tables
    ]
    again = pd.concat(heads, keys=range(len(heads))).duplicated()
    result = []
    for number, (path, table) in enumerate(tables):
        twice, problems = again[number].to_numpy(), Problems()
        for name in table["file"][twice]:
            problems.add("head that an earlier table has", name)
        left_out.report(path, problems)
        result.append((path, table[~twice]))
    return result


def read_table(path: Path, arguments: argparse.Namespace, left_out: LeftOut) -> "pd.DataFrame":
    """Returns the heads of a table that are to be labelled.

    Raises:
        HeadposeError: If it is no table of heads, or has none that is large enough.
    """
    from headpose.baselines.pseudo_labels import usable
    from headpose.datasets.box_formats import ignored_rows
    from headpose.datasets.box_rows import picture_folder
    from headpose.datasets.label_tables import Problems, numbers, read_labels
    from headpose.datasets.repeated_rows import TWICE, repeated
    from headpose.geometry.boxes import COLUMNS

    problems = Problems()
    table = read_labels(path, "", ("file", *COLUMNS), problems)
    folder = picture_folder(path, table["file"])  # refuses tables whose boxes are of other pictures
    if spelled(str(folder)) != str(folder):
        raise HeadposeError(
            f"{path}: its folder's name is no UTF-8, as the names in a table must be; rename it"
        )
    ignored = ignored_rows(table)
    for line, ignore in zip(table.index, ignored, strict=True):
        if ignore is None:
            problems.add(BAD_ROW, f"{path.name} line {line}")
    known = (table[list(COLUMNS)] != "").any(axis=1)  # a row without a box names a picture
    table[list(COLUMNS)] = numbers(table, COLUMNS)
    for line in table.index[known & table[list(COLUMNS)].isna().any(axis=1)]:
        problems.add(BAD_ROW, f"{path.name} line {line}")
    again = repeated(table, folder, COLUMNS)
    for name in table["file"][again]:
        problems.add(TWICE, name)
    left_out.report(path, problems)
    kept = [ignore is False and not twice for ignore, twice in zip(ignored, again, strict=True)]
    table = table[kept].reset_index(drop=True)
    chosen = usable(table, arguments.smallest, arguments.at_most, arguments.seed)
    if chosen.empty:
        if usable(table, arguments.smallest, len(table), arguments.seed).empty:
            told = "no head to label; give a lower --smallest or other tables"
            raise HeadposeError(f"{path}: {told}")
        raise HeadposeError(
            f"{path}: the picture that is drawn first has more than {arguments.at_most} heads; "
            "give a higher --at-most"
        )
    return chosen


def whole_turn_estimator(path: str) -> "PoseEstimator":
    """Returns an estimator of ours.

    Raises:
        HeadposeError: If it does not tell the whole turn.
    """
    from headpose.pose.estimator import MEASURES, PoseEstimator

    estimator = PoseEstimator.load(path)
    if estimator.outputs != len(MEASURES):
        raise HeadposeError(f"{path}: this estimator does not tell the whole turn: give another")
    return estimator
