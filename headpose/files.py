"""Files that appear whole or not at all, and their digests."""

import contextlib
import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from headpose.errors import HeadposeError, reason


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Gives a temporary path beside `path` and moves it into place when the block ends.

    If the block fails, what stood at `path` stays as it was and nothing is left behind.
    The temporary name keeps the suffix, by which many libraries choose the format.

    Raises:
        HeadposeError: If the folder cannot be made or written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{''.join(path.suffixes[-2:])}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
    except OSError as error:
        raise HeadposeError(
            f"cannot write {path}: {reason(error)}; choose another place"
        ) from error
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def writable_folder(path: str | Path) -> Path:
    """Makes a folder and makes sure that files can be written there.

    Raises:
        HeadposeError: If not.
    """
    path = Path(path)
    probe = path / f".{secrets.token_hex(4)}"
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise HeadposeError(
            f"cannot write to folder {path}: {reason(error)}; choose another"
        ) from error
    return path


def sha256(path: str | Path) -> str:
    """Returns the SHA-256 of a file in hexadecimal digits.

    Raises:
        OSError: If it cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
