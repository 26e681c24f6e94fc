"""What an earlier run had of a shard that a store did not give it in full."""

import dataclasses
import hashlib
import io
import itertools

from headpose.archives.output import HEADS, Output
from headpose.archives.records import Record
from headpose.archives.results import result_of
from headpose.archives.urls import StoreError
from headpose.errors import HeadposeError
from headpose.files import parse_json
from headpose.records.columns import Row

RECORDS = "records"  # of a note: what there was of each record, see `Known.noted`

COUNTED = ("pictures", "videos", "frames")


@dataclasses.dataclass(frozen=True)
class Known:
    """What an earlier run had of one record of a shard.

    Stores lose files with time: what was read then, and is not given now, keeps its rows.

    Attributes:
        name: A digest of what it is called, see `name_of`.
        rows: In the table.
        read: Whether it was read in full.
        counts: Of `COUNTED`, what the record added.
    """

    name: str = ""
    rows: list[Row] = dataclasses.field(default_factory=list)
    read: bool = False
    counts: dict[str, int] = dataclasses.field(default_factory=dict)

    def noted(self, rows: int) -> list:
        """Returns what `earlier` understands, for a record with so many rows."""
        counts = (self.counts.get(name, 0) for name in COUNTED)
        return [self.name, rows, int(self.read), *counts]


def name_of(record: Record) -> str:
    """Returns a digest of a record's file and key: a list by URL may change between two runs."""
    told = f"{record.place or record.file}\n{record.key}"
    return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:12]


def earlier(output: Output, name: str, kind: str) -> list[Known]:
    """Returns what an earlier run had of the records of a shard, in order, as far as it came.

    That is nothing where it had none, or note and table do not belong together: it is lost, or
    that run was killed between the two.

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
        return []
    table = output.read(f"{HEADS}/{name}.{kind}") if result else None
    if result is None or table is None:
        return []
    try:
        rows = _parquet_rows(table) if kind == "parquet" else list(map(parse_json, _lines(table)))
        notes = [(str(name), list(map(int, more))) for name, *more in result.get(RECORDS, ())]
        if sum(numbers[0] for _, numbers in notes) != len(rows):
            return []
        left = iter(rows)
        return [
            Known(name, list(itertools.islice(left, count)), bool(read), dict(zip(COUNTED, more)))  # noqa: B905
            for name, (count, read, *more) in notes
        ]
    except (ValueError, TypeError, IndexError):  # cut
        return []


def _lines(table: bytes) -> list[bytes]:
    return [line for line in table.split(b"\n") if line]


def _parquet_rows(table: bytes) -> list[Row]:
    """Raises ValueError if it is none: pyarrow's errors are such."""
    from pyarrow import parquet

    return parquet.read_table(io.BytesIO(table)).to_pylist()
