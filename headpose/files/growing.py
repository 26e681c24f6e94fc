"""Tables that grow row by row and can be found whatever becomes of the run."""

import contextlib
import itertools
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, cast

from headpose.errors import HeadposeError
from headpose.files.places import (
    beside,
    destination,
    disk_errors,
    keep_permissions,
    put_beside,
    refusals,
)

UNFINISHED = "unfinished"  # in the name of a table whose run has not ended
# `headpose.reporting` stands above this module.
_logger = logging.getLogger("headpose")


@contextlib.contextmanager
def growing_table(path: str | Path, header: int = 0, replace: bool = True) -> Iterator[TextIO]:
    r"""Opens a table that grows row by row and can be found whatever becomes of the run.

    `heads.csv` grows as `heads.unfinished.csv`, each line given to the system as it ends, and
    gets its own name when the block ends well. If the block fails, or the process is killed,
    the rows so far stay in `heads.unfinished.csv`. The next run moves them aside
    (`heads.unfinished-1.csv`) and says so.

    Args:
        path: Where the table belongs; links, pipes and devices as for `atomic_write`.
        header: Lines that are no rows: a table of these alone is not kept.
        replace: See `headpose.files.atomic_write`.

    Yields:
        A text file, UTF-8 on every system; what UTF-8 has no character for (bytes in file
        names of older systems) is written as `\udc..`.

    Raises:
        HeadposeError: If `path` is a folder or cannot be written, another process writes
            the same table, or the disk fails or is full.
    """
    path = Path(path)
    target = destination(path)
    if target is None:
        with disk_errors(path, path), _open_text(path, path, "w") as file:
            yield file
        return
    growing = beside(target, UNFINISHED, hidden=False)
    file = _claim(path, growing, header)
    try:
        with disk_errors(path, growing):
            keep_permissions(target, growing)
            yield file
            file.flush()
            if os.name == "nt":  # which moves no open file
                file.close()
            with refusals(path):
                if replace:
                    growing.replace(target)
                else:
                    put_beside(growing, target)
                    growing.unlink(missing_ok=True)
    except BaseException:
        with contextlib.suppress(OSError):
            file.close()
        if _has_rows(growing, header):
            _logger.warning("%s: the rows up to here are in %s", path, growing)
        else:
            growing.unlink(missing_ok=True)
        raise
    file.close()


def growing_place(path: str | Path) -> Path | None:
    """Returns where a table grows, see `growing_table`; None if it is written straight.

    Raises:
        HeadposeError: If `path` is a folder or cannot be written.
    """
    target = destination(Path(path), make_folder=False)
    return None if target is None else beside(target, UNFINISHED, hidden=False)


def _claim(path: Path, growing: Path, header: int) -> TextIO:
    """Opens the growing file empty; rows of an earlier run get a name of their own."""
    while True:
        file = _open_text(path, growing, "a")
        _lock(file, path)
        try:
            still_there = os.path.samestat(os.fstat(file.fileno()), growing.stat())
        except OSError:
            still_there = False
        if still_there and not _has_rows(growing, header):
            with refusals(path):
                file.truncate(0)
            return file
        if still_there:
            kept = _free_name(growing)
            with refusals(path):
                growing.replace(kept)
            _logger.warning("%s: rows of a run that was cut short are kept in %s", path, kept)
        file.close()


def _free_name(growing: Path) -> Path:
    names = (
        growing.with_name(f"{growing.stem}-{number}{growing.suffix}")
        for number in itertools.count(1)
    )
    return next(name for name in names if not name.exists())


def _open_text(path: Path, place: Path, mode: str) -> TextIO:
    with refusals(path):
        file = place.open(mode, 1, encoding="utf-8", errors="backslashreplace", newline="")
    return cast(TextIO, file)


def _lock(file: TextIO, path: Path) -> None:
    """Claims a table for this process until the file is closed.

    Raises:
        HeadposeError: If another one has it.
    """
    try:
        import fcntl
    except ImportError:  # Windows: left to the user's care
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise HeadposeError(
            f"{path}: another process writes it; wait for its end or name another output"
        ) from error
    except OSError:  # a file system without locks
        return


def _has_rows(path: Path, header: int) -> bool:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return next(itertools.islice(file, header, None), None) is not None
    return False
