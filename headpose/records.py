"""Tables of heads: JSON lines and CSV, a row for each head, to a file or standard output."""

import csv
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from headpose.files import atomic_write
from headpose.geometry.boxes import COLUMNS
from headpose.pipeline import Head
from headpose.pose.estimator import MEASURES

HEAD_FIELDS = (*COLUMNS, "score", *MEASURES)


def head_row(head: Head) -> dict:
    """Returns a head as a flat row of `HEAD_FIELDS`; what is not known is None."""
    row = dict(zip(COLUMNS, (round(v, 1) for v in head.box), strict=True))
    row["score"] = round(head.score, 4)
    for name in MEASURES:
        value = getattr(head, name)
        row[name] = None if value is None else round(value, 2)
    return row


def table_writer(
    stack: ExitStack, target: str, kind: str, fields: Sequence[str]
) -> Callable[[dict], None]:
    """Opens a table and returns what writes a row to it.

    Args:
        stack: Closes the table; the file appears when it is closed without an error.
        target: A file, or "-" for standard output.
        kind: `csv`, or `json` for a JSON object a line, with the four corners as `box`.
        fields: Names of the columns, the corners among them.
    """
    if target == "-":
        file = sys.stdout
    else:
        file = stack.enter_context(stack.enter_context(atomic_write(target)).open("w", newline=""))
    if kind == "csv":
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        return writer.writerow

    def write_line(row: dict) -> None:
        line = {}
        for name in fields:
            if name == COLUMNS[0]:
                line["box"] = [row[k] for k in COLUMNS]
            elif name not in COLUMNS:
                line[name] = row[name]
        file.write(json.dumps(line) + "\n")

    return write_line
