"""The mark in copies: what headpose wrote of a photo on which there was nothing to draw.

A copy is a photo as good as the other, from which may be learned. But where both are found its
heads, or that it has none, would count twice.
"""

import contextlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from headpose.files import sha256
from headpose.images.drawn_mark import MARK, ends_of, told_drawings
from headpose.images.listing import Found

COPY = b"copied by headpose of "
_MARK = re.compile(re.escape(COPY) + rb"(\d+)-([0-9a-f]{16})")
_WRITTEN = re.compile(b"|".join(map(re.escape, (MARK, COPY))))
_NUMBER = re.compile(r"-\d+$")  # of names that were taken, see `headpose.files.numbered`


def copy_mark(photo: Path) -> bytes | None:
    """Returns the mark of copies of a file: its size and a digest; None if it cannot be read."""
    try:
        if not photo.is_file():  # a pipe, which was read
            return None
        return COPY + f"{photo.stat().st_size}-{sha256(photo)[:16]}".encode()
    except OSError:
        return None


def leave_copies_out(found: Found) -> None:
    """Leaves copies out of what was found where the photos are found, too, and notes it.

    What was named itself stays.
    """
    leave_out(found, found.pictures, ends_of)


def leave_out(found: Found, files: Sequence[Path], marks: Callable[[Path], bytes]) -> None:
    """Leaves copies out.

    Args:
        found: What was found, of which they are taken.
        files: Those of it that are of one kind.
        marks: Reads what of a file may have a mark in it.
    """
    copies = set(_copies_among(files, [file for file in files if file in found.roots], marks))
    if copies:
        told = [file for file in found.files if file in copies]
        found.left_out.append(told_drawings(told, "that headpose copied from others here"))
        found.files = [file for file in found.files if file not in copies]


def _copies_among(
    files: Sequence[Path], found: Iterable[Path], marks: Callable[[Path], bytes]
) -> list[Path]:
    """Returns files that are copies of others.

    Files are opened in folders alone whose first or last one, of those that share a name with
    others, headpose wrote.

    Args:
        files: All.
        found: Those among them that may be copies.
        marks: Reads what of a file may have a mark in it.
    """
    stems = Counter(file.stem for file in files)
    folders: dict[Path, list[Path]] = defaultdict(list)
    for file in found:
        title = _NUMBER.sub("", file.stem)
        if stems[file.stem] > 1 or (title != file.stem and title in stems):
            folders[file.parent].append(file)
    suspects = [
        file
        for same in folders.values()
        if any(_WRITTEN.search(marks(one)) for one in (same[0], same[-1]))
        for file in same
    ]
    if not suspects:
        return []
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        by_stem[file.stem].append(file)
    return [file for file in suspects if _is_copy(file, marks(file), by_stem)]


def _is_copy(file: Path, marks: bytes, by_stem: dict[str, list[Path]]) -> bool:
    if not (mark := _MARK.search(marks)):
        return False
    size, digest = int(mark[1]), mark[2]
    for stem in {file.stem, _NUMBER.sub("", file.stem)}:
        for other in by_stem.get(stem, ()):
            with contextlib.suppress(OSError, ValueError):
                same = other != file and other.stat().st_size == size
                if same and (copy_mark(other) or b"").endswith(digest):
                    return True
    return False
