"""What an earlier run had of a shard that a store did not give it in full."""

import io
from typing import Any

from headpose.archives.output import HEADS, Output
from headpose.archives.results import result_of
from headpose.archives.urls import StoreError
from headpose.errors import HeadposeError
from headpose.files import parse_json
from headpose.records.columns import Row


class Earlier:
    """The rows and counts of a shard that is done once more.

    Stores lose files with time: what was read then, and is not given now, keeps its rows.

    Attributes:
        counts: Pictures, videos, frames and heads, as they were noted.
    """

    def __init__(self, result: dict[str, Any], rows: list[Row]):
        self.counts = {name: value for name, value in result.items() if name != "failures"}
        self._failed = {failure["file"] for failure in result["failures"]}
        self._rows: dict[str, list[Row]] = {}
        for row in rows:
            self._rows.setdefault(str(row["file"]), []).append(row)

    def was_read(self, file: str) -> bool:
        """Tells whether a file was read in full, if it was met at all."""
        return file not in self._failed

    def taken(self, file: str) -> list[Row]:
        """Returns the rows of a file, once."""
        return self._rows.pop(file, [])

    def left(self) -> list[Row]:
        """Returns the rows of all files that were not asked for."""
        left = [row for rows in self._rows.values() for row in rows]
        self._rows.clear()
        return left


def earlier(output: Output, name: str, kind: str) -> Earlier | None:
    """Returns what an earlier run had of a shard; None where nothing, or its table is lost.

    Args:
        output: Where results are.
        name: The shard's.
        kind: Of its table: `jsonl` or `parquet`.

    Raises:
        StoreError: If a store does not give it.
    """
    try:
        result = result_of(output, name)
    except StoreError:
        raise
    except HeadposeError:  # damaged
        return None
    table = output.read(f"{HEADS}/{name}.{kind}") if result else None
    if result is None or table is None:
        return None
    try:
        rows = _parquet_rows(table) if kind == "parquet" else list(map(parse_json, _lines(table)))
    except ValueError:  # cut
        return None
    if result.get("heads") and not rows:  # emptied
        return None
    return Earlier(result, rows)


def _lines(table: bytes) -> list[bytes]:
    return [line for line in table.split(b"\n") if line]


def _parquet_rows(table: bytes) -> list[Row]:
    """Raises ValueError if it is none: pyarrow's errors are such."""
    from pyarrow import parquet

    return parquet.read_table(io.BytesIO(table)).to_pylist()
