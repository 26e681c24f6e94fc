"""Tables of heads: JSON lines and CSV, a row for each head, to a file or standard output."""

import csv
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TextIO

from headpose.errors import HeadposeError
from headpose.files import STANDARD_OUTPUT, atomic_write, growing_table
from headpose.geometry.boxes import COLUMNS
from headpose.pipeline import Head
from headpose.pose.estimator import MEASURES

HEAD_FIELDS = (*COLUMNS, "score", *MEASURES)


def head_row(head: Head) -> dict:
    """Returns a head as a flat row of `HEAD_FIELDS`; what is not known is None."""
    row: dict = dict(zip(COLUMNS, (round(v, 1) for v in head.box), strict=True))
    row["score"] = round(head.score, 4)
    for name in MEASURES:
        value = getattr(head, name)
        row[name] = None if value is None else round(value, 2)
    return row


def table_writer(
    stack: ExitStack, target: str, kind: str, fields: Sequence[str], growing: bool = True
) -> Callable[[dict], None]:
    """Opens a table, UTF-8 on every system, and returns what writes a row to it.

    Args:
        stack: Closes the table; the file appears when it is closed without an error.
        target: A file, or "-" for standard output.
        kind: `csv`, or `json` for a JSON object a line, with the four corners as `box`.
        fields: Names of the columns, the corners among them.
        growing: Whether the rows of a run that is cut short are kept, see
            `headpose.files.growing_table`; else there is a whole table or none.

    Raises:
        HeadposeError: If the table cannot be written.
    """
    file: TextIO
    if target == STANDARD_OUTPUT:
        file = _standard_output()
    elif growing:
        file = stack.enter_context(growing_table(target, header=kind == "csv"))
    else:
        path = stack.enter_context(atomic_write(target))
        file = stack.enter_context(
            path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        )
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


def _standard_output() -> TextIO:
    """Returns standard output, set to what tables are written in.

    Raises:
        HeadposeError: If it is closed.
    """
    file = sys.stdout
    if file is None or file.closed or getattr(file, "name", None) == os.devnull:
        raise HeadposeError("standard output is closed; name a file instead of -")
    if hasattr(file, "reconfigure"):  # not where a program has put something else there
        file.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
    return file
