"""The folder of a training run: its settings, its log, its checkpoint."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

from headpose.errors import HeadposeError
from headpose.files import atomic_write


def newest_state(folder: Path) -> Path | None:
    """Returns the newest state in a folder of checkpoints."""
    return max(folder.glob("epoch-*.weights.h5"), default=None)


def saved_epochs(folder: Path) -> int:
    """Returns how many epochs the checkpoint of a run has behind it."""
    state = newest_state(folder / "checkpoint")
    return int(state.name.split("-")[1].split(".")[0]) if state else 0


def open_run(
    folder: Path, settings: dict[str, Any], resume: bool, overwrite: bool
) -> list[dict[str, Any]]:
    """Prepares a run's folder and returns the log's rows of an earlier part of it.

    Args:
        folder: Of the run.
        settings: All that its result depends on.
        resume: Whether to go on with what is there.
        overwrite: Whether to start anew where there is something.

    Raises:
        HeadposeError: If the folder has results and neither resuming nor overwriting was
            asked for, or if it belongs to a run with other settings.
    """
    log, notes = folder / "log.csv", folder / "arguments.json"
    told = {k: str(v) for k, v in settings.items()}
    if log.exists() and not (resume or overwrite):
        raise HeadposeError(f"{folder} has results; use --resume, --overwrite or another --output")
    rows: list[dict] = []
    if resume and log.exists():
        before = json.loads(notes.read_text()) if notes.exists() else told
        changed = [k for k in told if before.get(k) != told[k]]
        if changed:
            raise HeadposeError(
                f"{folder} was run with other values of {', '.join(changed)}; give the same"
            )
        with log.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        folder.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
        notes.write_text(json.dumps(told, indent=2) + "\n")
    return rows


def write_log(path: Path, rows: list[dict]) -> None:
    """Leaves only these rows in a log."""
    if rows:
        with (
            atomic_write(path) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.unlink(missing_ok=True)
