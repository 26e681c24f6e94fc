"""The mark in copies: what headpose wrote of a photo on which there was nothing to draw.

A copy is a photo as good as the other, from which may be learned. But where both are found its
heads, or that it has none, would count twice. A copy that was changed since is none any more.
"""

import contextlib
import functools
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from headpose.errors import HeadposeError
from headpose.files import sha256
from headpose.images.drawn_mark import body_of, ends_of, is_drawing, marked, told_drawings
from headpose.images.listing import Found

K = TypeVar("K")
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

    A copy of what headpose drew on is as little a photo. None if the photo cannot be read.
    """
    if is_drawing(photo):
        return marked
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
        _copies_among(
            files, [file for file in files if found.only_found(file)], marks, is_unchanged
        )
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

    Only files that share a name with others are opened, and those of the size that a copy tells
    are read once.

    Args:
        files: All.
        found: Those among them that may be copies.
        marks, is_unchanged: See `leave_out`.
    """
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        by_stem[file.stem].append(file)
    originals = _Originals(by_stem)
    copies = []
    for file in found:
        title = _NUMBER.sub("", file.stem)
        if len(by_stem[file.stem]) > 1 or (title != file.stem and title in by_stem):
            mark = _MARK.search(marks(file))
            if mark is None:
                continue
            for original in originals({file.stem, title}, int(mark[1]), mark[2]):
                with contextlib.suppress(OSError, ValueError, HeadposeError):
                    if original != file and is_unchanged(file, original):
                        copies.append(file)
                        break
    return copies


class _Originals:
    """Finds files by name, size and digest; each is looked at once.

    Args:
        by_stem: The files, by their names.
    """

    def __init__(self, by_stem: Mapping[str, Sequence[Path]]):
        self._by_stem = by_stem
        self._by_size: dict[str, dict[int, list[Path]]] = {}
        self._by_digest: dict[tuple[str, int], dict[bytes, list[Path]]] = {}

    def __call__(self, stems: Iterable[str], size: int, digest: bytes) -> Iterator[Path]:
        """Yields the files of these names that have this size and digest."""
        for stem in stems:
            if stem not in self._by_size:
                self._by_size[stem] = _grouped(self._by_stem.get(stem, ()), _size_of)
            if (stem, size) not in self._by_digest:
                alike = self._by_size[stem].get(size, ())
                self._by_digest[stem, size] = _grouped(alike, _digest_of)
            yield from self._by_digest[stem, size].get(digest, ())


def _grouped(files: Iterable[Path], key: Callable[[Path], K]) -> dict[K, list[Path]]:
    groups: dict[K, list[Path]] = defaultdict(list)
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            groups[key(file)].append(file)
    return groups


def _size_of(file: Path) -> int:
    return file.stat().st_size


def _digest_of(file: Path) -> bytes:
    return (copy_mark(file) or b"")[-16:]
