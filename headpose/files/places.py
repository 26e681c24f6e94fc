"""Where a file really goes, names beside it, and refusals of the system as sentences."""

import contextlib
import errno
import hashlib
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from headpose.errors import HeadposeError, reason

MAX_NAME = 255  # bytes of a file's name, on all file systems in use
# Errors of a disk, not of what is written to it.
_DISK = {errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG, errno.EROFS}
# `headpose.reporting` stands above this module.
_logger = logging.getLogger("headpose")


def destination(path: Path, make_folder: bool = True) -> Path | None:
    """Returns the file that is replaced, its folder made; None if `path` is written straight.

    Raises:
        HeadposeError: If it is a folder or cannot be written.
    """
    with refusals(path):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            mode = None
        if mode is not None and stat.S_ISDIR(mode):
            raise HeadposeError(f"cannot write {path}: it is a folder; name a file in it")
        if mode is not None and (not stat.S_ISREG(mode) or is_lent(path)):
            return None
        if mode is not None and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        target = Path(os.path.realpath(path))
        _check_folder(target.parent)
        if make_folder and not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            _logger.info("%s: made folder %s", path, target.parent)
    return target


def is_lent(path: str | Path) -> bool:
    """Tells files that the system only lends, such as /dev/stdout."""
    return str(Path(path).absolute()).startswith(("/dev/std", "/dev/fd/", "/proc/"))


def _check_folder(folder: Path) -> None:
    """Raises OSError where the nearest folder that exists cannot be written to."""
    for place in (folder, *folder.parents):
        if place.exists():
            if not place.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            if not os.access(place, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return


def identity(path: Path) -> object:
    """Returns what is equal for two names of one file, whether it exists or not."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return os.path.normcase(os.path.realpath(path)) if "\0" not in str(path) else str(path)
    return found.st_dev, found.st_ino


def real_path(path: Path) -> Path:
    """Returns a path without links; pathlib's `resolve` raises for links in a circle."""
    return Path(os.path.realpath(path))


def plain_path(path: str | Path) -> str:
    """Returns the absolute path of a name, without `.` and `..`, by which it is known again.

    Links are left in it, but where `..` follows one: what is meant is above where it leads.
    """
    parts = Path(path).parts
    if ".." not in parts:
        return os.path.abspath(path)  # noqa: PTH100
    place = os.getcwd()  # noqa: PTH109
    for part in parts:
        if part == "..":
            # pathlib's `is_symlink` raises for names that are too long for any.
            place = os.path.dirname(os.path.realpath(place) if os.path.islink(place) else place)  # noqa: PTH114, PTH120
        else:
            place = os.path.join(place, part)  # noqa: PTH118
    return place


def beside(target: Path, mark: str, hidden: bool = True) -> Path:
    """Returns a name beside `target` with its suffix and a mark, within `MAX_NAME`."""
    suffix = "".join(target.suffixes[-2:])
    if len(os.fsencode(suffix)) > MAX_NAME // 4 or not hidden:
        suffix = target.suffix if len(os.fsencode(target.suffix)) <= MAX_NAME // 4 else ""
    stem = target.name.removesuffix(suffix) if suffix != target.name else target.name
    dot = "." if hidden else ""
    room = MAX_NAME - len(os.fsencode(f"{dot}.{mark}{suffix}"))
    kept = os.fsencode(stem)
    if len(kept) > room:
        digest = hashlib.sha256(kept).hexdigest()[:8]
        # Cut at a character; a name that is cut stays one of its own by its digest.
        kept = os.fsencode(os.fsencode(stem)[: room - 9].decode("utf-8", "ignore") + f"~{digest}")
    return target.with_name(f"{dot}{os.fsdecode(kept)}.{mark}{suffix}")


def numbered(folder: Path, stem: str, suffix: str, number: int = 1) -> Path:
    """Returns a name in a folder with a number from 2 on, cut to `MAX_NAME` at a character."""
    ending = f"-{number}{suffix}" if number > 1 else suffix
    room = MAX_NAME - len(os.fsencode(ending))
    kept = os.fsencode(stem)
    if len(kept) > room:
        stem = kept[:room].decode("utf-8", "ignore")
    return folder / f"{stem}{ending}"


def put_beside(temporary: Path, target: Path) -> Path:
    """Puts a file where nothing is, and returns that: `target`, or its name with a number.

    An empty file is nothing. `temporary` may be there still.
    """
    number = 1
    place = target
    while True:
        if _is_empty(place):
            temporary.replace(place)
            break
        try:
            os.link(temporary, place)  # unlike a move it fails where there is something
            break
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            if not os.path.lexists(place):
                temporary.replace(place)
                break
        number += 1
        place = numbered(target.parent, target.stem, target.suffix, number)
    if place != target:
        _logger.warning("%s was put there meanwhile and stays; this one is %s", target, place)
    return place


def _is_empty(place: Path) -> bool:
    with contextlib.suppress(OSError):
        return place.is_file() and not place.stat().st_size
    return False


def keep_permissions(target: Path, temporary: Path) -> None:
    """Gives the file that replaces `target` its permissions."""
    with contextlib.suppress(OSError):
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))


@contextlib.contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Makes the system's refusal to write `path` one sentence."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise HeadposeError(f"cannot write {path}: {why(error)}; choose another place") from error


@contextlib.contextmanager
def disk_errors(path: Path, temporary: Path) -> Iterator[None]:
    """Makes a disk that fails or is full one sentence that names `path`, not the temporary."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise HeadposeError(
            f"cannot write {path}: {reason(error)}; make room or choose another place"
        ) from error
    except HeadposeError as error:
        if path == temporary or str(temporary) not in str(error):
            raise
        raise type(error)(str(error).replace(str(temporary), str(path))) from error


def why(error: OSError | ValueError) -> str:
    return reason(error) if isinstance(error, OSError) else str(error)
