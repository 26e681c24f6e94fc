"""The folder of a training run: its log, its settings, the newest state to go on from."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from headpose.errors import HeadposeError
from headpose.files import atomic_write, check_outputs, parse_json, sha256, write_json
from headpose.files.places import identity
from headpose.reporting import logger
from headpose.training.model_contents import CONTENT
from headpose.training.run_log import read_log

LOG, NOTES = "log.csv", "arguments.json"
MODELS = ("best.keras", "last.keras")  # what a run keeps
PICTURE = "curve.png"
LABELS = "labels in the data"  # among the notes: a digest, see `digest_of`
STATES = "epoch-*.weights.h5"  # of training, one for each epoch that began
SAVED = "saved.json"  # the SHA-256 of models that a run saved elsewhere


def check_saved(
    save: Path | None,
    others: Iterable[Path | None],
    inputs: Iterable[str | Path | None],
    replace: bool,
    folder: Path,
) -> None:
    """Refuses files that a run could not write, or that it reads. Call before it.

    Args:
        save: Where the model is to be saved, too; None is passed over.
        others: Further files to write.
        inputs: What the run reads.
        replace: Whether what stands at `save` may be replaced, see `is_own`.
        folder: Of the run, whose own results are no inputs and no place for others.

    Raises:
        HeadposeError: As `headpose.files.check_outputs`, or if `save` is no name of a model.
    """
    inputs, others = [*inputs], [*others]
    check_outputs([save, *others], inputs)
    check_outputs([save], overwrite=replace)
    own = {identity(folder / name) for name in (LOG, NOTES, *MODELS, PICTURE, SAVED)}
    for path in inputs:
        if path and identity(Path(path)) in own:
            raise HeadposeError(f"{path} is an input and would be lost; name another --output")
    for path in (save, *others):
        if path and identity(path) in own:
            raise HeadposeError(f"{path} is what the run itself writes; name another file")
    if save is not None and save.suffix != ".keras":
        raise HeadposeError(f"{save}: the name of a saved model must end in .keras")


class Run(Protocol):
    """What a run's configuration says of where its results go."""

    @property
    def output(self) -> Path: ...
    @property
    def save(self) -> Path | None: ...
    @property
    def resume(self) -> bool: ...
    @property
    def overwrite(self) -> bool: ...


def check_run(
    run: Run, inputs: Iterable[str | Path | None], others: Iterable[Path | None] = ()
) -> None:
    """Refuses, before any work, what a run could not write or would lose.

    Raises:
        HeadposeError: As `check_saved`, or if the run's folder has results and neither
            resuming nor overwriting was asked for.
    """
    replace = run.overwrite or (run.resume and is_own(run.output, run.save))
    check_saved(run.save, others, inputs, replace, run.output)
    _check_results(run.output, run.resume, run.overwrite)


@contextlib.contextmanager
def saving(run: Run) -> Iterator[Path]:
    """Yields where a run's model goes, see `place_to_save`, and notes that it is the run's."""
    assert run.save is not None
    place = place_to_save(run.output, run.save, run.overwrite)
    yield place
    note_saved(run.output, place)


def is_own(folder: Path, save: Path | None) -> bool:
    """Tells whether what stands at `save` is a model that the run in a folder saved there."""
    try:
        return save is not None and sha256(save) in _saved(folder)
    except OSError:
        return False


def place_to_save(folder: Path, save: Path, overwrite: bool) -> Path:
    """Returns where a run may save a model at its end.

    Args:
        folder: Of the run.
        save: Where it was to go, which was free at the start, see `check_saved`.
        overwrite: Whether it may replace whatever is there.

    Returns:
        `save`, or that name with a number where another process put a file there meanwhile.
    """
    place, number = save, 1
    while not overwrite and os.path.lexists(place) and not is_own(folder, place):
        number += 1
        place = save.with_name(f"{save.stem}-{number}{save.suffix}")
    if place != save:
        logger.warning("%s was put there meanwhile and stays; this one is %s", save, place)
    return place


def note_saved(folder: Path, save: Path) -> None:
    """Notes what a run saved, so that it may replace that file when it is resumed."""
    write_json(folder / SAVED, sorted({*_saved(folder), sha256(save)}))


def _saved(folder: Path) -> list[str]:
    try:
        noted = parse_json((folder / SAVED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        noted = []
    return [text for text in noted if isinstance(text, str)] if isinstance(noted, list) else []


def newest_state(folder: Path) -> Path | None:
    """Returns the newest state in a folder of checkpoints."""
    return max(folder.glob(STATES), default=None)


def saved_epochs(folder: Path) -> int:
    """Returns how many epochs the checkpoint of a run has behind it."""
    state = newest_state(folder / "checkpoint")
    return int(state.name.split("-")[1].split(".")[0]) if state else 0


def open_run(
    folder: Path, settings: dict[str, Any], resume: bool, overwrite: bool, labels: str = ""
) -> list[dict[str, Any]]:
    """Prepares a run's folder and returns the log's rows of an earlier part of it.

    Args:
        folder: Of the run.
        settings: All that its result depends on.
        resume: Whether to go on with what is there.
        overwrite: Whether to start anew where there is something.
        labels: Of the data, see `digest_of`; empty if they may be any.

    Raises:
        HeadposeError: If the folder has results and neither resuming nor overwriting was
            asked for, or if it belongs to a run with other settings or labels.
    """
    log, notes = folder / LOG, folder / NOTES
    told = {k: str(v) for k, v in settings.items()}
    told |= {LABELS: labels} if labels else {}
    _check_results(folder, resume, overwrite)
    if resume and log.exists():
        # Runs of earlier versions did not note their labels, nor what their models hold.
        late = {name: told[name] for name in told if name.startswith((LABELS, CONTENT))}
        before = late | _read_notes(notes)
        changed = [k for k in told if before.get(k) != told[k]]
        if changed:
            read_otherwise = all(name.startswith(LABELS) for name in changed)
            older = ", or --overwrite if an earlier version began it: it read tables otherwise"
            raise HeadposeError(
                f"{folder} was run with other values of {', '.join(changed)}; give the same"
                f"{older if read_otherwise else ''}"
            )
        return read_log(log)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (LOG, *MODELS):  # models would be taken for this run's
        (folder / name).unlink(missing_ok=True)
    clear_states(folder)
    with atomic_write(notes) as temporary:
        temporary.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return []


def to_go_on(folder: Path, rows: list[dict[str, Any]], epochs: int) -> list[dict[str, Any]]:
    """Returns the log's rows of epochs that need not be done again.

    Of a run that has all its epochs but not the model of the last one, because it could not be
    written, the last epoch is done again.
    """
    lost = len(rows) >= epochs and not (folder / MODELS[1]).exists()
    return rows[: saved_epochs(folder)] if lost else rows


def digest_of(labels: Iterable[np.ndarray | str]) -> str:
    """Returns a digest of all labels of a run's data, in order, to notice that they changed."""
    digest = hashlib.sha256()
    for each in labels:
        if isinstance(each, str):
            digest.update(each.encode(errors="surrogatepass"))
        else:
            digest.update(each.tobytes())
        digest.update(b"\n")
    return digest.hexdigest()[:16]


def _check_results(folder: Path, resume: bool, overwrite: bool) -> None:
    # Of a name that is too long, pathlib would raise.
    found = [name for name in (LOG, *MODELS) if os.path.lexists(folder / name)]
    if overwrite:
        return
    if not found:
        _check_others(folder)
        return
    if not resume:
        raise HeadposeError(f"{folder} has results; use --resume, --overwrite or another --output")
    for name in (LOG, NOTES):
        if not os.path.lexists(folder / name):
            raise HeadposeError(
                f"{folder} has {found[-1]} but no {name}: no run to go on with; use --overwrite "
                "or another --output"
            )


def _check_others(folder: Path) -> None:
    """Refuses a folder whose files have a run's names, unless they are of one that began there.

    Raises:
        HeadposeError: If there are any and no notes of a run, which would be replaced.
    """
    others = [name for name in (NOTES, PICTURE, SAVED) if os.path.lexists(folder / name)]
    with contextlib.suppress(OSError):  # of a name that is too long
        others += [f"checkpoint/{state.name}" for state in (folder / "checkpoint").glob(STATES)]
    if others and not _has_begun(folder / NOTES):
        raise HeadposeError(
            f"{folder} has {others[0]}, which is of no training run and would be lost; choose "
            "another --output, or --overwrite"
        )


def _has_begun(notes: Path) -> bool:
    """Tells whether a run left notes: texts by their names, its seed among them."""
    try:
        told = _read_notes(notes)
    except HeadposeError:
        return False
    return "seed" in told and all(isinstance(value, str) for value in told.values())


def clear_states(folder: Path) -> None:
    """Removes the states of a run, and nothing that somebody else put beside them."""
    place = folder / "checkpoint"
    for state in place.glob(STATES):
        state.unlink()
    with contextlib.suppress(OSError):
        place.rmdir()


def clear_run(folder: Path, others: Iterable[str] = ()) -> None:
    """Removes a run's files, and the folder if nothing of somebody else's is in it.

    Args:
        folder: Of the run.
        others: Names of further files of it.
    """
    clear_states(folder)
    for name in (LOG, NOTES, *MODELS, PICTURE, SAVED, *others):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _read_notes(path: Path) -> dict[str, Any]:
    try:
        notes = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        notes = None
    if not isinstance(notes, dict):
        raise HeadposeError(f"{path}: damaged; use --overwrite or another --output")
    return notes
