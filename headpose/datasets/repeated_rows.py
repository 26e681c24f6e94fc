"""Heads that are twice in a table, also where their picture is named in two ways."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

TWICE = "head that is there twice"  # kind of a problem


def place_of(file: Path) -> str:
    """Returns a file's path without links; as it is told, where no file can have that name."""
    try:
        return os.path.realpath(file)
    except ValueError:  # of a zero, or of what is no text
        return str(file)


def repeated(table: pd.DataFrame, folder: Path, columns: Sequence[str]) -> np.ndarray:
    """Tells which rows say what an earlier one has said (N,), see `heads_of`."""
    return heads_of(table, folder, columns).duplicated().to_numpy()


def heads_of(table: pd.DataFrame, folder: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Returns what tells heads apart.

    Args:
        table: With `file`.
        folder: That its files are relative to.
        columns: What else is to be the same.

    Returns:
        A row for each: these columns, and `place`, the picture without links.
    """
    files = [place_of(folder / str(name)) for name in table["file"]]
    # Names may be no UTF-8, of which pandas makes no column of texts.
    return table[list(columns)].assign(place=pd.Series(files, table.index, dtype=object))
