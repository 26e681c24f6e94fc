"""Locks between processes: on a folder of results, a cache, a table that several add to."""

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from headpose.errors import HeadposeError
from headpose.files.places import beside, refusals

POLL = 0.2  # seconds between looks whether another process has ended
# `headpose.reporting` stands above this module.
_logger = logging.getLogger("headpose")


@contextlib.contextmanager
def sole_user(folder: str | Path, part: str = "") -> Iterator[None]:
    """Makes sure that no other process works in a folder of results.

    Args:
        folder: The folder.
        part: Of the work there: other parts may be done at the same time, but not all of it.

    Raises:
        HeadposeError: If one does, or the folder cannot be written to.
    """
    whole, busy = Path(folder) / ".lock", f"{folder}: another process works there"
    if not part:
        with _locked(whole, wait=None, busy=busy):
            yield
        return
    with (
        _locked(whole, wait=None, busy=busy, shared=True),
        _locked(whole.with_name(f".lock-{part}"), wait=None, busy=busy),
    ):
        yield


@contextlib.contextmanager
def in_turn(path: str | Path, what: str) -> Iterator[None]:
    """Has processes that write the same file do so one after the other.

    The lock is a hidden file beside it, gone when nobody has it. Where the file system knows
    no locks there is no waiting.

    Args:
        path: The file that they write.
        what: What is said while another process is waited for; nothing if it is empty.

    Raises:
        HeadposeError: If the folder cannot be written to.
    """
    path = Path(path)
    with _locked(beside(path, "lock"), wait=what, busy=""):
        yield


@contextlib.contextmanager
def _locked(lock: Path, wait: str | None, busy: str, shared: bool = False) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows: left to the user's care
        yield
        return
    told = False
    while True:
        with refusals(lock):
            file = lock.open("a", encoding="utf-8")
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            if wait is None:
                raise HeadposeError(f"{busy}; wait for its end or name another folder") from error
            if wait and not told:
                _logger.info("%s", wait)
            told = True
            time.sleep(POLL)
            continue
        except OSError:  # a file system without locks
            break
        if _is_in_place(file, lock):
            break
        file.close()  # whoever had it before has just removed it
    try:
        yield
    finally:
        # Removed while it is still locked: who opened it meanwhile looks again. What is shared
        # stays, as others may have it, too.
        if not shared and _is_in_place(file, lock):
            with contextlib.suppress(OSError):
                lock.unlink()
        file.close()


def _is_in_place(file: TextIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False
