"""The log of a training run: a row of figures for each epoch."""

import csv
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headpose.errors import HeadposeError
from headpose.files import atomic_write


def read_log(path: Path) -> list[dict[str, Any]]:
    """Returns the rows of a log up to the first that is not whole, as a full disk leaves it."""
    text = path.read_text(encoding="utf-8", errors="replace")
    reader = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
    return list(
        itertools.takewhile(lambda row: None not in row and None not in row.values(), reader)
    )


def check_log(log: Path, rows: Sequence[dict], behind: int, score: str) -> None:
    """Refuses a log that does not tell all that its checkpoint has behind it.

    Args:
        log: The file, for messages.
        rows: Of it.
        behind: Epochs that the checkpoint has behind it.
        score: The column to watch.

    Raises:
        HeadposeError: If epochs or their scores are missing.
    """
    if len(rows) < behind:
        raise HeadposeError(
            f"{log}: has {len(rows)} epochs, its checkpoint {behind}; put back the rows that are "
            "gone, or use --overwrite or another --output"
        )
    try:
        for row in rows:
            float(row[score])
    except (KeyError, ValueError) as error:
        raise HeadposeError(
            f"{log}: does not tell the {score} of each epoch; use --overwrite or another --output"
        ) from error


def write_log(path: Path, rows: list[dict]) -> None:
    """Leaves only these rows in a log; a column is there that any of them has."""
    if rows:
        with (
            atomic_write(path) as temporary,
            temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
        ):
            writer = csv.DictWriter(file, dict.fromkeys(name for row in rows for name in row))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.unlink(missing_ok=True)
