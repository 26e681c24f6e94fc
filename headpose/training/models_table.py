"""The table of runs that training adds itself to: options and errors, a row a run.

Its column `seconds` is empty for a run that was interrupted and gone on with.
"""

import csv
from pathlib import Path
from typing import Any

from headpose.errors import HeadposeError
from headpose.files import atomic_write, in_turn, text_of


def check_models_table(path: Path) -> None:
    """Refuses to add runs to what is no table of them.

    Raises:
        HeadposeError: If something else is there.
    """
    try:
        text = text_of(path) if path.exists() else ""
        rows = list(csv.reader(text.splitlines()))
    except (OSError, ValueError, csv.Error):
        rows = [[]]
    if rows and (rows[0][:1] != ["run"] or any(len(row) > len(rows[0]) for row in rows)):
        raise HeadposeError(f"{path}: no table of runs; name another with --models-csv")


def note_model(path: Path, row: dict[str, Any]) -> None:
    """Adds a run to the table of models; a run that is there already is replaced."""
    with in_turn(path, f"{path}: waiting for another process that writes it"):
        _replace_row(path, row)


def _replace_row(path: Path, row: dict[str, Any]) -> None:
    rows: list[dict[str, Any]] = []
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            rows = [r for r in csv.DictReader(file) if r.get("run") != row["run"]]
    names = list(dict.fromkeys(key for r in [*rows, row] for key in r))
    with (
        atomic_write(path) as temporary,
        # Names of data may be no UTF-8.
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows([*rows, row])
