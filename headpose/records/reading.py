"""Reading tables of heads back: CSV, JSON lines and Parquet."""

import csv
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from headpose.errors import HeadposeError, first_line, reason
from headpose.files import UNFINISHED, check_header, check_readable, number, parse_json
from headpose.records.columns import INTEGERS, TEXTS, Row, renamed
from headpose.reporting import logger

JSON_SUFFIXES, PARQUET_SUFFIXES = (".json", ".jsonl", ".ndjson"), (".parquet", ".pq")


def read_table(path: str | Path, needed: Iterable[str] = ("file",)) -> list[Row]:
    """Reads a table of heads that a command or `headpose.records.sinks` wrote.

    Columns that earlier versions called otherwise are read under their new names, with a
    warning; columns that are not known are kept.

    Args:
        path: `.csv`, `.json` or `.jsonl` (an object a line), or `.parquet`; or a folder of
            such files, which together are one table, as `headpose annotate` writes it, or the
            folder with all that it writes.
        needed: Columns without which the table is of no use.

    Returns:
        The rows; what is empty is None, and numbers are numbers.

    Raises:
        HeadposeError: If the file is missing, no such table, or lacks a column.
    """
    path = Path(path)
    if path.is_dir():
        if (path / "manifest.json").is_file() and (path / "heads").is_dir():
            path = path / "heads"  # of headpose annotate
        return [row for file in _tables_in(path) for row in read_table(file, needed)]
    try:
        rows = _read(path)
    except OSError as error:
        raise HeadposeError(f"{path}: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise HeadposeError(f"{path}: no text in UTF-8; save it as that") from error
    except (ValueError, csv.Error) as error:  # of JSON, too
        raise HeadposeError(f"{path}: no table of heads ({first_line(error)})") from error
    columns = set(rows[0] if rows else ())
    new_names = renamed(columns)
    for old, new in new_names.items():
        logger.warning("%s: the column %s is called %s now; it is read as that", path, old, new)
    missing = [name for name in needed if name not in columns | set(new_names.values())]
    if rows and missing:
        raise HeadposeError(
            f"{path}: no column {', '.join(missing)}; give a table that headpose image or "
            "headpose video wrote"
        )
    return [_typed(path, i, row, new_names) for i, row in enumerate(rows, 1)]


def _tables_in(folder: Path) -> list[Path]:
    """Returns the tables of a folder, by name; hidden ones and those that still grow are not."""
    suffixes = (".csv", *JSON_SUFFIXES, *PARQUET_SUFFIXES)
    found = sorted(
        file
        for file in folder.glob("[!.]*")
        if file.suffix.lower() in suffixes and f".{UNFINISHED}" not in file.suffixes
    )
    if not found:
        raise HeadposeError(f"{folder}: no table in that folder; name one")
    return found


def _read(path: Path) -> list[dict[str, Any]]:
    """Returns the rows as they are, each with all columns."""
    path.stat()  # raises what says that it is missing; not every reader does
    check_readable(path)
    suffix = path.suffix.lower()
    if suffix in PARQUET_SUFFIXES:
        from headpose.records.sinks import check_parquet

        check_parquet()
        from pyarrow import parquet

        return parquet.read_table(path).to_pylist()
    with path.open(encoding="utf-8-sig", newline="") as file:
        if suffix in JSON_SUFFIXES:
            lines = [parse_json(line) for line in file if line.strip()]
            if not all(isinstance(line, dict) for line in lines):
                raise ValueError("a line is no object")
            nothing = dict.fromkeys(name for line in lines for name in line)
            return [nothing | line for line in lines]
        return _csv_rows(csv.reader(file))


def _csv_rows(lines: Iterator[list[str]]) -> list[dict[str, Any]]:
    """Returns the rows of a CSV file by the names of its columns, if they have one.

    Raises:
        ValueError: If a name is there twice, or a row has more or fewer fields than names.
    """
    header = next(lines, [])
    check_header(header)
    rows: list[dict[str, Any]] = []
    for line in lines:
        if not line:
            continue
        if len(line) != len(header):
            raise ValueError(f"row {len(rows) + 1} has {len(line)} fields, not {len(header)}")
        rows.append({k: v for k, v in zip(header, line, strict=True) if k})
    return rows


def _typed(path: Path, row_number: int, row: dict[str, Any], new_names: dict[str, str]) -> Row:
    result: Row = {}
    for name, value in row.items():
        key = new_names.get(name, name)
        if value in (None, "") or key == "box":
            result.setdefault(key, None)
        elif key in INTEGERS or _is_measure(key):
            try:
                result[key] = _measure(value, key in INTEGERS)
            except (ValueError, TypeError) as error:
                raise HeadposeError(
                    f"{path}: row {row_number}: {key} is {str(value)[:40]!r}, no number"
                ) from error
        elif isinstance(value, list | dict):
            raise HeadposeError(f"{path}: row {row_number}: {key} is {str(value)[:40]!r}, no text")
        else:
            result[key] = value
    return result


def _measure(value: Any, whole: bool) -> int | float | None:
    """Returns a number, or None for NaN, which other programs write for what is empty.

    Whole numbers may be written as 3.0, as tables do that once had empty cells.

    Raises:
        ValueError, TypeError: If it is none, or none of that kind.
    """
    found = number(value)
    if math.isnan(found):
        return None
    if math.isinf(found) or isinstance(value, bool) or (whole and found != round(found)):
        raise ValueError
    return round(found) if whole else found


def _is_measure(name: str) -> bool:
    from headpose.records.columns import VIDEO_FIELDS

    return name in VIDEO_FIELDS and name not in TEXTS
