"""The mark in copies: what headpose wrote of a photo on which there was nothing to draw.

A copy is a photo as good as the other, from which may be learned. But where both are found its
heads, or that it has none, would count twice. A copy that was changed since is none any more.
"""

import contextlib
import functools
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.files import sha256
from headpose.images.drawn_mark import body_of, ends_of, marked, told_drawings
from headpose.images.listing import Found

COPY = b"copied by headpose of "
_MARK = re.compile(re.escape(COPY) + rb"(\d+)-([0-9a-f]{16})(?:-([0-9a-f]{16}))?")
_NUMBER = re.compile(r"-\d+$")  # of names that were taken, see `headpose.files.numbered`


def copy_mark(photo: Path) -> bytes | None:
    """Returns the mark of copies of a file: its size and a digest; None if it cannot be read."""
    try:
        if not photo.is_file():  # a pipe, which was read
            return None
        return COPY + f"{photo.stat().st_size}-{sha256(photo)[:16]}".encode()
    except OSError:
        return None


def mark_of_copy(photo: Path) -> Callable[[bytes], bytes] | None:
    """Returns what marks the content of a copy of a photo, also by a digest of that content.

    None if the photo cannot be read.
    """
    mark = copy_mark(photo)
    return None if mark is None else functools.partial(_with_digest, mark)


def _with_digest(mark: bytes, encoded: bytes) -> bytes:
    return marked(encoded, mark + b"-" + _digest(body_of(encoded)))


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest()[:16].encode()


def leave_copies_out(found: Found) -> None:
    """Leaves copies out of what was found where the photos are found, too, and notes it.

    What was named itself stays.
    """
    leave_out(found, found.pictures, ends_of, _is_unchanged)


def _is_unchanged(copy: Path, _photo: Path) -> bool:
    """Tells whether a copy is as it was written: programs that edit photos keep comments."""
    content = copy.read_bytes()
    mark = _MARK.search(content)
    return bool(mark and mark[3] == _digest(body_of(content, mark[0])))


def leave_out(
    found: Found,
    files: Sequence[Path],
    marks: Callable[[Path], bytes],
    is_unchanged: Callable[[Path, Path], bool],
) -> None:
    """Leaves copies out.

    Args:
        found: What was found, of which they are taken.
        files: Those of it that are of one kind.
        marks: Reads what of a file may have a mark in it.
        is_unchanged: Told a copy and what it is of; whether it still is.
    """
    copies = set(
        _copies_among(files, [file for file in files if file in found.roots], marks, is_unchanged)
    )
    if copies:
        told = [file for file in found.files if file in copies]
        found.left_out.append(told_drawings(told, "that headpose copied from others here"))
        found.files = [file for file in found.files if file not in copies]


def _copies_among(
    files: Sequence[Path],
    found: Iterable[Path],
    marks: Callable[[Path], bytes],
    is_unchanged: Callable[[Path, Path], bool],
) -> list[Path]:
    """Returns files that are copies of others.

    Only files that share a name with others are opened.

    Args:
        files: All.
        found: Those among them that may be copies.
        marks, is_unchanged: See `leave_out`.
    """
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        by_stem[file.stem].append(file)
    copies = []
    for file in found:
        title = _NUMBER.sub("", file.stem)
        if len(by_stem[file.stem]) > 1 or (title != file.stem and title in by_stem):
            mark = _MARK.search(marks(file))
            if mark and _is_copy(file, mark, by_stem, is_unchanged):
                copies.append(file)
    return copies


def _is_copy(
    file: Path,
    mark: re.Match[bytes],
    by_stem: dict[str, list[Path]],
    is_unchanged: Callable[[Path, Path], bool],
) -> bool:
    size, digest = int(mark[1]), mark[2]
    for stem in {file.stem, _NUMBER.sub("", file.stem)}:
        for other in by_stem.get(stem, ()):
            with contextlib.suppress(OSError, ValueError, HeadposeError):
                same = other != file and other.stat().st_size == size
                if same and (copy_mark(other) or b"").endswith(digest):
                    return is_unchanged(file, other)
    return False
