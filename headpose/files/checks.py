"""What is wrong with outputs, found before the work; kinds and digests of files."""

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.files.places import destination, identity, is_lent

STANDARD_OUTPUT = "-"
SNIFFED = 8192  # bytes of a file in which pictures, videos and models all have a zero
# What a name with such an end promises is packed or a workbook, which no text is.
NO_TEXT = (".gz", ".bz2", ".xz", ".zst", ".zip", ".xls", ".xlsx", ".ods", ".parquet", ".feather")
HDF5 = b"\x89HDF\r\n\x1a\n"  # how its files begin


def check_outputs(
    outputs: Iterable[str | Path | None],
    inputs: Iterable[str | Path | None] = (),
    overwrite: bool = True,
    texts: Iterable[str | Path | None] = (),
) -> None:
    """Refuses outputs that would fail after the work, or destroy something. Call before it.

    Args:
        outputs: Files that will be written; "-" is standard output; None is passed over.
        inputs: Files that are read, which must not be written.
        overwrite: Whether files that stand there may be replaced; empty ones always may.
        texts: Those of the outputs that are text. They replace no file that is something
            else: whoever names a picture or a model there has mistaken it for an input; nor
            are they called as what is packed or no text, which no program would then read.

    Raises:
        HeadposeError: If an output is a folder, cannot be written, names an input, a file
            in a folder that is an input, or another output, or exists and must not be
            replaced.
    """
    inputs, texts = list(inputs), {str(given) for given in texts if given is not None}
    folders = [os.path.realpath(given) for given in inputs if given and os.path.isdir(given)]  # noqa: PTH112
    sources = {identity(Path(given)): given for given in inputs if given}
    seen: dict[object, str | Path] = {}
    for given in outputs:
        if given is None:
            continue
        if str(given) == STANDARD_OUTPUT:
            if STANDARD_OUTPUT in seen:
                raise HeadposeError("two outputs cannot go to standard output; name a file")
            seen[STANDARD_OUTPUT] = given
            continue
        path = Path(given)
        if str(given) in texts and path.suffix.lower() in NO_TEXT:
            raise HeadposeError(f"{given} will be text, not {path.suffix}; name it otherwise")
        target = destination(path, make_folder=False)
        known = identity(path)
        if known in sources:
            raise HeadposeError(f"{given} is an input and would be lost; name another output")
        if known in seen:
            raise HeadposeError(f"two outputs cannot go to the same place, {given}; name another")
        seen[known] = given
        if target is None or not target.exists():
            continue
        if not overwrite and target.stat().st_size:
            raise HeadposeError(f"{given} exists; use --overwrite or name another output")
        if any(target.is_relative_to(folder) for folder in folders):
            raise HeadposeError(f"{given} is in a folder that is read; name another output")
        if str(given) in texts and _is_binary(target):
            raise HeadposeError(f"{given} is no text file and would be lost; name another output")


def _is_binary(path: Path) -> bool:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return b"\0" in file.read(SNIFFED)
    return False


def sha256(path: str | Path) -> str:
    """Returns the SHA-256 of a file in hexadecimal digits.

    Raises:
        OSError: If it cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_readable(path: str | Path) -> None:
    """Refuses what opening would wait for, or never end: named pipes, sockets, devices.

    What the shell lends (`/dev/stdin`, the `/dev/fd/63` of `<(...)`) is somebody's output and
    may be read. What is missing is left to whoever opens it.

    Raises:
        HeadposeError: If it is such a thing, or a folder.
    """
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return
    if stat.S_ISDIR(mode):
        raise HeadposeError(f"{path}: it is a folder; name a file")
    if not stat.S_ISREG(mode) and not is_lent(path):
        raise HeadposeError(f"{path}: no regular file (a pipe or a device); name a file")


def text_of(path: Path, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Returns a file's text, as `Path.read_text`, but waits for no pipe and no device.

    Raises:
        OSError: If it cannot be read, or is what `check_readable` refuses.
        UnicodeDecodeError: If it is not in that encoding.
    """
    try:
        check_readable(path)
    except HeadposeError as error:
        raise OSError(errno.EINVAL, str(error).removeprefix(f"{path}: ")) from error
    return path.read_text(encoding=encoding, errors=errors)


def is_hdf5(path: str | Path) -> bool:
    """Tells HDF5 by a file's first bytes; what cannot be read is none."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(HDF5)) == HDF5
    except OSError:
        return False


def is_regular(path: str | Path) -> bool:
    """Tells regular files (links to them included) from folders, pipes, devices and nothing."""
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False
