"""Heads as a pandas table with the columns of every other table."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from headpose.errors import HeadposeError
from headpose.pipeline import Head
from headpose.records.columns import FIELDS, INTEGERS, TEXTS, Row, has_head, picture_rows


def to_dataframe(
    found: Iterable[Sequence[Head]],
    files: Iterable[object] | None = None,
    pictures: Iterable[np.ndarray] | None = None,
    empty: bool = False,
):
    """Returns a table of heads, a row for each, with the columns that the commands write.

    Args:
        found: Heads of each picture, as a `HeadPosePipeline` returns them.
        files: Name of each picture; None numbers them from 0.
        pictures: The pictures, (H, W, 3), for their width and height; None leaves these out.
        empty: Whether a picture without heads gets a row.

    Returns:
        A pandas.DataFrame; whole numbers are `Int64`, so that what is not known stays so.

    Raises:
        HeadposeError: If pandas is missing, these are the heads of one picture, there are
            not as many files or pictures, or pictures are no arrays.
    """
    found = list(found)
    pictures = None if pictures is None else list(pictures)
    if any(isinstance(heads, Head) for heads in found):
        raise HeadposeError("these are the heads of one picture; put them in brackets: [heads]")
    names = [str(i) for i in range(len(found))] if files is None else [str(f) for f in files]
    if len(names) != len(found) or (pictures is not None and len(pictures) != len(found)):
        raise HeadposeError(
            f"{len(found)} pictures' heads, {len(names)} files and "
            f"{'no' if pictures is None else len(pictures)} pictures: give as many of each"
        )
    if not all(hasattr(picture, "shape") for picture in pictures or ()):
        raise HeadposeError("pictures must be arrays, for their size; leave them out for files")
    rows: list[Row] = []
    for i, (name, heads) in enumerate(zip(names, found, strict=True)):
        height, width = (None, None) if pictures is None else pictures[i].shape[:2]
        rows += picture_rows(name, (width, height), heads)
    return rows_to_dataframe(rows, FIELDS, empty)


def rows_to_dataframe(rows: Iterable[Row], fields: Sequence[str] = FIELDS, empty: bool = False):
    """Returns rows as a pandas table.

    Args:
        rows: As `headpose.records.columns` and `headpose.video.pipeline` make them.
        fields: The columns.
        empty: Whether rows without a head are kept.

    Raises:
        HeadposeError: If pandas is missing.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise HeadposeError("tables in Python need pandas: pip install pandas") from error
    kept = [row for row in rows if empty or has_head(row)]
    columns: dict[str, Any] = {}
    for name in fields:
        kind = "Int64" if name in INTEGERS else "object" if name in TEXTS else "float64"
        columns[name] = pd.Series([row.get(name) for row in kept], dtype=kind)
    return pd.DataFrame(columns)
