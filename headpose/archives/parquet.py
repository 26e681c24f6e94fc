"""Pictures of Parquet: a column of bytes, of paths or URLs, or both (Hugging Face's `image`)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from headpose.archives.inputs import key_of
from headpose.archives.records import Record
from headpose.archives.shards import Columns, Part
from headpose.archives.urls import (
    WEB,
    StoreError,
    first_link,
    is_url,
    local,
    opened,
    path_of,
    store_errors,
)
from headpose.errors import HeadposeError, first_line, install
from headpose.images.listing import is_there
from headpose.video.addresses import without_secrets

KEYS, URL = ("key", "__key__"), "url"
# Hugging Face's data sets have a picture as a struct of these two.
BYTES, PATH = "bytes", "path"
ROWS_AT_ONCE = 16
BYTES_AT_ONCE = 16 << 20  # of these rows; one may be larger
BUFFER = 1 << 20  # bytes that are read ahead of a column; a whole row group may be gigabytes


class TableError(HeadposeError):
    """A file that is no Parquet, or a damaged one."""


@contextmanager
def _table(place: str) -> Iterator:
    """Opens a Parquet file by path or URL.

    Raises:
        TableError: If it is none, or damaged.
        StoreError: If the store does not give it.
        HeadposeError: If it is missing, or pyarrow is not installed.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        told = f"Parquet needs pyarrow, which is not installed: {install('cloud')}"
        raise HeadposeError(f"{without_secrets(place)}: {told}") from error
    shown = without_secrets(place)
    with opened(place) as file:
        try:
            with store_errors(place):
                # A whole column of a row group would be read ahead.
                yield parquet.ParquetFile(file, buffer_size=BUFFER, pre_buffer=False)
        except StoreError as error:
            cause = error.__cause__
            # Of damage Arrow makes an OSError, too, without a number.
            own = type(cause) is OSError and cause.errno is None
            if cause is not None and (own or isinstance(cause, arrow.ArrowException)):
                told = f"no Parquet, or a damaged file ({first_line(cause)})"
                raise TableError(f"{shown}: {told}") from error
            raise


def row_groups(place: str, columns: Columns) -> tuple[bool, list[int]]:
    """Returns whether pictures are in a Parquet file, and how many rows each row group has.

    Raises:
        TableError, StoreError: See `rows`.
        HeadposeError: If it lacks a column.
    """
    with _table(place) as table:
        name = picture_column(place, table.schema_arrow, columns)
        key_column(place, table.schema_arrow, columns)
        inside = _has_bytes(table.schema_arrow.field(name).type)
        metadata = table.metadata
        return inside, [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]


def picture_column(place: str, schema, columns: Columns) -> str:
    """Returns the name of the column with pictures.

    Raises:
        HeadposeError: If it is missing, holds neither bytes nor text, or is not to be told.
    """
    there = f"it has {', '.join(schema.names) or 'none'}"
    shown = without_secrets(place)
    if columns.picture is None:
        fitting = [field.name for field in schema if _has_bytes(field.type)]
        if len(fitting) != 1:
            raise HeadposeError(f"{shown}: name the column with pictures by --column; {there}")
        return fitting[0]
    if columns.picture not in schema.names:
        raise HeadposeError(f"{shown}: no column {columns.picture}; {there}")
    kind = _plain(schema.field(columns.picture).type)
    text = any(is_text(kind) for is_text in _kinds("string"))
    if not (text or _has_bytes(kind)):
        raise HeadposeError(
            f"{shown}: column {columns.picture} has {kind}, neither bytes nor paths or URLs; "
            f"{there}"
        )
    return columns.picture


def key_column(place: str, schema, columns: Columns) -> str | None:
    """Returns the name of the column with keys; None if there is none.

    Raises:
        HeadposeError: If one was asked for and is missing.
    """
    if columns.key is None:
        return next((name for name in KEYS if name in schema.names), None)
    if columns.key not in schema.names:
        there = f"it has {', '.join(schema.names)}"
        raise HeadposeError(f"{without_secrets(place)}: no column {columns.key}; {there}")
    return columns.key


def _has_bytes(kind) -> bool:
    import pyarrow as arrow

    kind = _plain(kind)
    if arrow.types.is_struct(kind):
        names = [kind.field(i).name for i in range(kind.num_fields)]
        return BYTES in names and _has_bytes(kind.field(names.index(BYTES)).type)
    return any(is_bytes(kind) for is_bytes in _kinds("binary"))


def _plain(kind):
    """Returns the type of a column's values: pandas' categories are a dictionary of them."""
    import pyarrow as arrow

    return kind.value_type if arrow.types.is_dictionary(kind) else kind


def _kinds(of: str) -> list[Callable[[Any], bool]]:
    """Returns what tells the types of texts (`string`) or bytes (`binary`)."""
    import pyarrow as arrow

    names = (f"is_{of}", f"is_large_{of}", f"is_{of}_view", f"is_fixed_size_{of}")
    return [getattr(arrow.types, name) for name in names if hasattr(arrow.types, name)]


def rows(place: str, columns: Columns, part: Part) -> Iterator[Record]:
    """Yields the pictures of a part of a Parquet file.

    Raises:
        TableError: If it is damaged.
        StoreError: If the store does not give it.
    """
    with _table(place) as table:
        schema = table.schema_arrow
        name, key = picture_column(place, schema, columns), key_column(place, schema, columns)
        wanted = {name, *([key] if key else []), *([URL] if URL in schema.names else [])}
        number = 0
        at_once = _rows_at_once(table.metadata.row_group(part.group))
        batches = table.iter_batches(at_once, [part.group], columns=sorted(wanted))
        for batch in batches:
            for i in range(batch.num_rows):
                if part.start <= number < part.stop:
                    (row,) = batch.slice(i, 1).to_pylist()
                    yield _record(place, part.first + number, row, name, key)
                number += 1
                if number >= part.stop:
                    return


def _rows_at_once(group) -> int:
    """Returns how many rows of a row group are read in one go: fewer where they are large."""
    mean = group.total_byte_size / max(1, group.num_rows)
    return max(1, min(ROWS_AT_ONCE, int(BYTES_AT_ONCE / max(1, mean))))


def _record(place: str, number: int, row: dict, name: str, key: str | None) -> Record:
    here = f"{without_secrets(place)}#{number}"
    value: Any = row[name]
    path = None
    if isinstance(value, dict):
        value, path = value.get(BYTES), value.get(PATH)
        value = path if value is None else value
    url = row.get(URL)
    named = None if key is None else row[key]
    if named is None:
        source = value if isinstance(value, str) else path
        own = f"{_key_of_table(place)}#{number}"
        named = key_of(source) if source and not is_url(source) else own
    named = without_secrets(str(named))
    if isinstance(value, str) and is_url(value):
        value = value.strip()
    if isinstance(value, str) and value.strip():
        url = value if url is None and is_url(value) else url
        shown, leads_to = without_secrets(value), beside(place, value)
        return Record(shown, named, _shown(url), leads_to, place=value)
    if not value or isinstance(value, str):
        return Record(here, named, _shown(url), HeadposeError(f"{here}: no picture in it"))
    return Record(here, named, _shown(url), value, suffix_from=path or "")


def _key_of_table(place: str) -> str:
    """Returns the key of a table, of a URL without what is secret."""
    link = first_link(place)
    if link.partition("://")[0] in WEB:
        link = link.partition("?")[0]
    return key_of(without_secrets(link))


def _shown(url: object) -> str | None:
    return None if url is None else without_secrets(str(url))


def beside(table: str, name: str) -> str:
    """Returns where a path in a table leads: from the working folder, else from the table's."""
    if (path := local(name)) is not None and is_url(name):
        return str(path)
    if is_url(name) or name.startswith("/"):
        return name
    here = local(table)
    if here is None:  # by the same chain, without a query, which is of the table alone
        link, inside = first_link(table), path_of(table)
        start = link[: link.index(inside, link.index("://") + 3)]
        return table.replace(link, f"{start}{PurePosixPath(inside).parent / name}", 1)
    other = here.parent / name
    return name if is_there(name) or not is_there(other) else str(other)
