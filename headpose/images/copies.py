"""The mark in copies: what headpose wrote of a photo on which there was nothing to draw.

A copy is a photo as good as the other, from which may be learned. But where both are found its
heads, or that it has none, would count twice.
"""

import contextlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from headpose.files import sha256
from headpose.images.drawn_mark import ends_of, is_drawing, told_drawings
from headpose.images.listing import Found

COPY = b"copied by headpose of "
_MARK = re.compile(re.escape(COPY) + rb"(\d+)-([0-9a-f]{16})")
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
    copies = _copies_among(found.pictures, [f for f in found.pictures if f in found.roots])
    if copies:
        found.left_out.append(told_drawings(copies, "that headpose copied from others here"))
        left_out = set(copies)
        found.files = [file for file in found.files if file not in left_out]


def _copies_among(files: Sequence[Path], found: Iterable[Path]) -> list[Path]:
    """Returns files that are copies of others.

    Files are opened in folders alone whose first or last one, of those that share a name with
    others, headpose wrote.

    Args:
        files: All.
        found: Those among them that may be copies.
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
        if any(is_drawing(one) or _source(one) for one in (same[0], same[-1]))
        for file in same
    ]
    if not suspects:
        return []
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        by_stem[file.stem].append(file)
    return [file for file in suspects if _is_copy(file, by_stem)]


def _source(file: Path) -> tuple[int, bytes] | None:
    """Returns size and digest of the photo that a file is a copy of; None if it is none."""
    mark = _MARK.search(ends_of(file))
    return (int(mark[1]), mark[2]) if mark else None


def _is_copy(file: Path, by_stem: dict[str, list[Path]]) -> bool:
    source = _source(file)
    if source is None:
        return False
    for stem in {file.stem, _NUMBER.sub("", file.stem)}:
        for other in by_stem.get(stem, ()):
            with contextlib.suppress(OSError, ValueError):
                same = other != file and other.stat().st_size == source[0]
                if same and (copy_mark(other) or b"").endswith(source[1]):
                    return True
    return False
