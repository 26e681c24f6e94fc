"""Rows of CSV files that every reader takes apart as they were put together."""

import csv
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

ROW_END = "\r\n"
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs"}


class UnixRows:
    r"""A text file for writers of CSV, whose rows end in `\n` alone.

    The module csv quotes no other ends of lines than its own, but readers break rows at each:
    a carriage return in a file's name would make two rows of one. So the writer ends its rows
    in `ROW_END`, for which it quotes both characters, and they are written with `\n`.

    Args:
        file: Open for text, with `newline=""`.
    """

    def __init__(self, file: TextIO):
        self._file = file

    def write(self, row: str) -> int:
        """Writes one row, as csv and pandas give them."""
        return self._file.write(row.removesuffix(ROW_END) + "\n")


def csv_writer(file: TextIO, fields: Iterable[str], **options: Any) -> csv.DictWriter:
    """Returns a writer of rows, see `UnixRows`.

    Args:
        file: Open for text, with `newline=""`.
        fields: Names of the columns.
        options: Of `csv.DictWriter`.
    """
    return csv.DictWriter(UnixRows(file), list(fields), lineterminator=ROW_END, **options)


def check_header(names: Sequence[str]) -> None:
    """Checks the names of a table's columns; those without one are not looked at.

    Raises:
        ValueError: If a name is there twice, or something else than commas separates them.
    """
    if len(names) == 1:
        for separator, told in OTHER_SEPARATORS.items():
            if separator in names[0]:
                raise ValueError(f"its columns are separated by {told}; save it with commas")
    if twice := next((name for name in names if name and names.count(name) > 1), None):
        raise ValueError(f"two columns are called {twice!r}; leave one out")
