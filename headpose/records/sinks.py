"""Tables of heads as files: CSV, JSON lines and Parquet, written row by row.

    with CsvSink("heads.csv") as table:
        for row in picture_rows("a.jpg", (640, 480), heads):
            table.write(row)

The file appears when the block ends without an error; the rows of a run that is cut short
are kept under another name, see `headpose.files.growing_table`. `headpose.records.coco` and
`headpose.records.summary` are sinks of their own kind.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TextIO

from headpose.errors import HeadposeError, install
from headpose.files import STANDARD_OUTPUT, atomic_write, csv_writer, growing_table, spelled
from headpose.geometry.boxes import COLUMNS as BOX
from headpose.records.columns import FIELDS, INTEGERS, TEXTS, Row, has_head

BYTE_ORDER_MARK = "\ufeff"
ROWS_AT_ONCE = 20_000  # of a Parquet file that are held in memory


class Sink:
    """Takes rows of heads; to be used in a `with`.

    Args:
        target: A file; where a kind of table allows it, "-" for standard output.
        fields: Names of the columns; rows may have more, and None is written for less.
        empty: Whether rows without a head are written.

    Attributes:
        replace: Whether what stands at `target` in the end is replaced, as by default; else
            see `headpose.files.atomic_write`.

    Raises:
        HeadposeError: On entering, if the file cannot be written.
    """

    replace = True

    def __init__(self, target: str | Path, fields: Sequence[str] = FIELDS, empty: bool = False):
        self.target, self.fields, self.empty = target, tuple(fields), empty
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind, *error) -> bool | None:
        if kind is not None:
            return self._stack.__exit__(kind, *error)
        with self._stack:
            self._finish()
        return None

    def write(self, row: Row) -> None:
        """Writes a row, unless it has no head and such rows are not wanted."""
        if self.empty or has_head(row):
            self._write(row)

    def _open(self, stack: ExitStack) -> None:
        raise NotImplementedError

    def _write(self, row: Row) -> None:
        raise NotImplementedError

    def _finish(self) -> None:
        """Writes what is left at the end, when all went well."""

    def _text(self, stack: ExitStack, growing: bool = False, header: int = 0) -> TextIO:
        """Opens the target for text, UTF-8 on every system.

        A file's name that is no valid text is written with backslashes, as a table that
        is no UTF-8 is of no use to anyone.

        Args:
            stack: Closes it; the file appears when it is closed without an error.
            growing: Whether the rows of a run that is cut short are kept, see
                `headpose.files.growing_table`; else there is a whole table or none.
            header: Lines that are no rows.
        """
        if str(self.target) == STANDARD_OUTPUT:
            return _standard_output()
        if growing:
            return stack.enter_context(growing_table(self.target, header, self.replace))
        path = stack.enter_context(atomic_write(self.target, self.replace))
        return stack.enter_context(
            path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        )


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


class CsvSink(Sink):
    """CSV with a header, in UTF-8.

    Args:
        target, fields, empty: See `Sink`.
        excel: Whether to begin with a byte order mark, by which Excel knows the encoding.
    """

    def __init__(
        self,
        target: str | Path,
        fields: Sequence[str] = FIELDS,
        empty: bool = False,
        excel: bool = False,
    ):
        super().__init__(target, fields, empty)
        self._excel = excel

    def _open(self, stack: ExitStack) -> None:
        file = self._text(stack, growing=True, header=1)
        if self._excel:
            file.write(BYTE_ORDER_MARK)
        self._writer = csv_writer(file, self.fields, extrasaction="ignore")
        self._writer.writeheader()

    def _write(self, row: Row) -> None:
        self._writer.writerow(row)


class JsonLinesSink(Sink):
    """A JSON object a line, with the corners also as a list, `box`.

    Args:
        target, fields, empty: See `Sink`.
        growing: Whether the rows of a run that is cut short are kept.
    """

    def __init__(
        self,
        target: str | Path,
        fields: Sequence[str] = FIELDS,
        empty: bool = False,
        growing: bool = True,
    ):
        super().__init__(target, fields, empty)
        self._growing = growing

    def _open(self, stack: ExitStack) -> None:
        self._file = self._text(stack, self._growing)

    def _write(self, row: Row) -> None:
        line: dict[str, Any] = with_spelled_texts({name: row.get(name) for name in self.fields})
        # Earlier versions had the corners in this list alone.
        line["box"] = [row[name] for name in BOX] if has_head(row) else None
        self._file.write(json.dumps(line) + "\n")


class ParquetSink(Sink):
    """Parquet, with the same types of columns whatever the rows hold.

    Raises:
        HeadposeError: On entering, if pyarrow is not installed.
    """

    def _open(self, stack: ExitStack) -> None:
        check_parquet()
        import pyarrow as arrow
        from pyarrow import parquet

        types = dict.fromkeys(TEXTS, arrow.string()) | dict.fromkeys(INTEGERS, arrow.int64())
        # Said outright: a table without heads, or without videos, must not differ from others.
        self._schema = arrow.schema([(n, types.get(n, arrow.float64())) for n in self.fields])
        path = stack.enter_context(atomic_write(self.target, self.replace))
        self._writer = stack.enter_context(parquet.ParquetWriter(path, self._schema))
        self._rows: list[Row] = []

    def _write(self, row: Row) -> None:
        self._rows.append({name: row.get(name) for name in self.fields})
        if len(self._rows) >= ROWS_AT_ONCE:
            self._finish()

    def _finish(self) -> None:
        import pyarrow as arrow

        rows = [with_spelled_texts(row) for row in self._rows]
        self._writer.write_table(arrow.Table.from_pylist(rows, self._schema))
        self._rows = []


def with_spelled_texts(row: Row) -> Row:
    """Returns a row whose texts are valid, as in all tables, see `headpose.files.spelled`."""
    return row | {name: spelled(str(row[name])) for name in TEXTS if row.get(name) is not None}


def check_parquet() -> None:
    """Makes sure that Parquet can be written.

    Raises:
        HeadposeError: If pyarrow is missing.
    """
    if not importlib.util.find_spec("pyarrow"):
        raise HeadposeError(
            f"Parquet needs pyarrow, which is not installed: {install('cloud')}, "
            "or ask for CSV or JSON lines"
        )
