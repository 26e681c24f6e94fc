"""What patterns match: `*`, `?`, `[...]`, and `**` for any number of folders."""

import contextlib
import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from headpose.files import plain_path, real_path


def matching_files(pattern: str, suffixes: Sequence[str]) -> list[Path]:
    """Returns the files that a pattern matches, in order.

    Links to folders are followed, but never in a circle.
    """
    try:
        hits = {Path(hit) for hit in _expanded(pattern)}
    except (OSError, ValueError, re.error):  # of names that no file can have
        return []
    found = (hit for hit in hits if hit.suffix.lower() in suffixes and hit.is_file())
    known: dict[Path, bool] = {}
    return sorted(hit for hit in found if not _is_circle(hit.parent, known))


def _expanded(pattern: str) -> Iterator[str]:
    """Yields what a pattern matches, `**` without following links in a circle, for ever."""
    if Path(pattern).name == "**":
        pattern = os.path.join(pattern, "*")  # noqa: PTH118
    before, deep, behind = pattern.partition(f"**{os.sep}")
    if not deep or (before and not before.endswith(os.sep)):
        yield from glob.iglob(pattern, recursive=True)  # noqa: PTH207
        return
    for top in glob.iglob(before) if before else [""]:  # noqa: PTH207
        for folder in _folders(top, frozenset()):
            yield from _expanded(os.path.join(glob.escape(folder), behind))  # noqa: PTH118


def _folders(top: str, above: frozenset[Path]) -> Iterator[str]:
    """Yields a folder and those below that are not hidden, see `headpose.images.listing`."""
    here = real_path(Path(top))
    if here in above:
        return
    yield top
    with contextlib.suppress(OSError), os.scandir(top or ".") as entries:
        for entry in entries:
            if entry.is_dir() and not entry.name.startswith("."):
                yield from _folders(os.path.join(top, entry.name), above | {here})  # noqa: PTH118


def _is_circle(folder: Path, known: dict[Path, bool]) -> bool:
    """Tells whether a link on the way to a folder leads back to one above it.

    Args:
        folder: Its path, links in it.
        known: What was found out before.
    """
    if folder not in known:
        plain = Path(plain_path(folder))
        way = [real_path(place) for place in (plain, *plain.parents)]
        known[folder] = len(set(way)) < len(way)
    return known[folder]
