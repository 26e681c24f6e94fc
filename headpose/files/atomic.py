"""Files that appear whole or not at all."""

import contextlib
import hashlib
import itertools
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.files.places import (
    beside,
    destination,
    disk_errors,
    keep_permissions,
    put_beside,
    refusals,
    why,
)

STALE = 60.0  # seconds without a change after which a dead process's file is removed
_TEMPORARY = re.compile(r"^\..*\.part-([0-9a-f]{6})-(\d+)-\d+\b")


def _process_space() -> str:
    """Returns a digest of where the numbers of processes mean what they mean in this one.

    Several machines, and containers on one of them, may have one name and share a disk.
    """
    told = [platform.node().encode()]
    with contextlib.suppress(OSError):
        told.append(Path("/etc/machine-id").read_bytes())
    with contextlib.suppress(OSError):
        told.append(os.fsencode(os.readlink("/proc/self/ns/pid")))  # noqa: PTH115 - no file
    return hashlib.sha256(b"\n".join(told)).hexdigest()[:6]


PROCESS_SPACE = _process_space()
_counter = itertools.count()
_swept: set[tuple[int, Path]] = set()


@contextlib.contextmanager
def atomic_write(
    path: str | Path, replace: bool = True, placed: list[Path] | None = None
) -> Iterator[Path]:
    """Gives a temporary path and moves it to `path` when the block ends.

    If the block fails, what stood at `path` stays as it was and nothing is left behind.
    A symbolic link is followed: what it names is replaced, the link stays. A pipe or a
    device is given itself. The temporary name keeps the suffix, by which many libraries
    choose the format; what is replaced keeps its permissions. A folder that is missing is
    made, and told.

    Args:
        path: Where the file belongs.
        replace: Whether to replace what stands there when the block ends, perhaps because
            another process put it there meanwhile; else the new file gets a number more,
            and it is told.
        placed: Gets where the file is in the end: `path`, or that with a number more.

    Raises:
        HeadposeError: If `path` is a folder or cannot be written, or the disk fails or is
            full in the block.
    """
    path = Path(path)
    target = destination(path)
    if target is None:
        with disk_errors(path, path):
            yield path
        return
    _remove_stale(target.parent)
    temporary = beside(target, f"part-{PROCESS_SPACE}-{os.getpid()}-{next(_counter)}")
    try:
        with disk_errors(path, temporary):
            with refusals(path):
                temporary.touch()
                keep_permissions(target, temporary)
            yield temporary
            with refusals(path):
                moved = path
                if replace:
                    temporary.replace(target)
                elif (place := put_beside(temporary, target)) != target:
                    moved = path.with_name(place.name)
                if placed is not None:
                    placed.append(moved)
    finally:
        try:
            _remove(temporary)
        except KeyboardInterrupt:  # in just this moment
            _remove(temporary)
            raise


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink()


@contextlib.contextmanager
def temporary_folder(path: str | Path) -> Iterator[Path]:
    """Gives a hidden folder beside `path` for what belongs to it, and removes it at the end.

    One that a killed process left is removed as its files are, see `atomic_write`.

    Raises:
        HeadposeError: If it cannot be made.
    """
    path = Path(path)
    _remove_stale(path.parent)
    folder = beside(path, f"part-{PROCESS_SPACE}-{os.getpid()}-{next(_counter)}")
    with refusals(path):
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def writable_folder(path: str | Path) -> Path:
    """Makes a folder and makes sure that files can be written there.

    Raises:
        HeadposeError: If not.
    """
    path = Path(path)
    probe = path / f".part-{PROCESS_SPACE}-{os.getpid()}-{next(_counter)}"
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except (OSError, ValueError) as error:
        raise HeadposeError(
            f"cannot write to folder {path}: {why(error)}; choose another"
        ) from error
    return path


def _remove_stale(folder: Path) -> None:
    """Removes what processes that were killed left in a folder, once; see `_process_space`."""
    key = (os.getpid(), folder)
    if key in _swept:
        return
    _swept.add(key)
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            made = _TEMPORARY.match(entry.name)
            if not made or made[1] != PROCESS_SPACE or _is_alive(int(made[2])):
                continue
            with contextlib.suppress(OSError):
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > STALE:
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry.path, ignore_errors=True)
                    else:
                        os.unlink(entry.path)  # noqa: PTH108


def _is_alive(process: int) -> bool:
    if os.name != "posix":  # elsewhere signal 0 is Ctrl-C
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
