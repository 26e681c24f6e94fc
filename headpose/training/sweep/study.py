"""The study of a sweep: Optuna's journal in a file, which any number of processes may share."""

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import JournalFileBackend, JournalStorage

from headpose.errors import HeadposeError
from headpose.files import check_readable, in_turn, sole_user
from headpose.training.run_folder import clear_run
from headpose.training.sweep.trials import OUTPUT, TABLE

STUDY, TRIALS = "study.log", "trials"
JOURNAL = b'{"op_code":'  # how Optuna's journals begin
WARM_UP = 5  # epochs in which no trial is stopped: first errors say little
STATES = {"COMPLETE": "complete", "PRUNED": "stopped", "FAIL": "unfit"}  # ours by Optuna's
FINISHED = tuple(STATES.values())


def turn(folder: Path):
    """Has processes that drive the same sweep do what is to be done alone one by one."""
    return in_turn(folder / "sweep", "")


def state_of(trial: optuna.trial.FrozenTrial) -> str:
    """Names the state of a trial; all but `open` and `failed` are for good."""
    other = "failed" if "error" in trial.user_attrs else "open"
    return STATES.get(trial.state.name, other)


def check_free(folder: Path, names: Iterable[str]) -> None:
    """Refuses to write over what is no sweep's.

    Args:
        folder: Of a sweep, there or not.
        names: Of files that it will write.

    Raises:
        HeadposeError: If there is one and no study beside it.
    """
    if (folder / STUDY).exists():
        return
    for path in (folder / name for name in names):
        if os.path.lexists(path):
            raise HeadposeError(f"{path} exists and is of no sweep; name another --output")


def clear(folder: Path, names: Iterable[str] = ()) -> None:
    """Removes a sweep from its folder, and nothing else. Call in `turn`.

    Args:
        folder: Of the sweep.
        names: Of files that it wrote beside the study.

    Raises:
        HeadposeError: If a process trains there.
    """
    if not (folder / STUDY).exists():
        return  # what is called like our trials is somebody else's
    (folder / TRIALS).mkdir(exist_ok=True)
    with sole_user(folder / TRIALS):
        for trial in [*(folder / TRIALS).iterdir()]:
            # Nobody else's run has our output.txt; what a link leads to is somebody's.
            ours = re.fullmatch(r"\d{4,}", trial.name) and (trial / OUTPUT).is_file()
            if ours and not trial.is_symlink():
                clear_run(trial, (OUTPUT, TABLE))
        for name in names:
            (folder / name).unlink(missing_ok=True)
        (folder / STUDY).unlink()  # the last: it tells that the others are a sweep's


class _JournalLock:
    """Lets one process after the other write a journal; one that is killed holds it no longer.

    Optuna's own locks are files that it leaves, for which others wait half a minute, and a line
    that it leaves cut short makes the next one unreadable.

    Args:
        path: The journal.
    """

    def __init__(self, path: Path):
        self._path, self._held = path, contextlib.ExitStack()

    def acquire(self) -> bool:
        self._held.enter_context(in_turn(self._path, ""))
        with self._path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            if file.read() not in (b"", b"\n"):
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        self._held.close()


def open_study(path: Path, stopper: str) -> optuna.Study:
    """Opens the study that is kept in a file, or begins it.

    Args:
        path: Of the file.
        stopper: What stops hopeless trials: `none`, Optuna's `median` rule or asynchronous
            successive `halving`.

    Raises:
        HeadposeError: If the file is damaged or of something else.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    damaged = HeadposeError(f"{path}: damaged; use --overwrite or another --output")
    check_readable(path)
    # Of a journal that was just begun, a first line that is cut short may be left.
    if path.exists() and not JOURNAL.startswith(path.read_bytes()[: len(JOURNAL)]):
        raise damaged  # and is not to be written to
    pruner: optuna.pruners.BasePruner = {
        "none": optuna.pruners.NopPruner(),
        "median": optuna.pruners.MedianPruner(n_warmup_steps=WARM_UP),
        "halving": optuna.pruners.SuccessiveHalvingPruner(min_resource=WARM_UP),
    }[stopper]
    lock: Any = _JournalLock(path)  # has what Optuna's locks have, whose class is not public
    try:
        return optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(path), lock)),
            study_name="sweep",
            direction="minimize",
            pruner=pruner,
            load_if_exists=True,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged from error
