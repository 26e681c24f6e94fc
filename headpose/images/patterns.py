"""What patterns match: `*`, `?`, `[...]`, and `**` for any number of folders."""

import contextlib
import errno
import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from headpose.errors import reason
from headpose.files import plain_path, real_path

NO_FOLDER = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}


def matching_files(pattern: str, suffixes: Sequence[str], problems: list[str]) -> list[Path]:
    """Returns the files that a pattern matches, in order.

    Links to folders are followed, but never in a circle.

    Args:
        pattern: As of `glob`.
        suffixes: Of files, in lower case.
        problems: Gets a message for each folder that cannot be read.
    """
    try:
        hits = {Path(hit) for hit in _Expansion(problems).matches(pattern)}
    except (OSError, ValueError, re.error):  # of names that no file can have
        return []
    known: dict[Path, bool] = {}
    result = []
    for hit in sorted(hits):
        try:
            if hit.suffix.lower() in suffixes and hit.is_file():
                result += [] if _is_circle(hit.parent, known) else [hit]
        except OSError as error:
            problems.append(f"{hit}: {reason(error)}")
    return result


class _Expansion:
    """What patterns match; folders that cannot be read, which `glob` passes by, are told.

    Args:
        problems: Gets a message for each of these.
    """

    def __init__(self, problems: list[str]):
        self._problems = problems
        self._looked: set[str] = set()

    def matches(self, pattern: str) -> Iterator[str]:
        """Yields what a pattern matches, `**` without following links in a circle, for ever."""
        if Path(pattern).name == "**":
            pattern = os.path.join(pattern, "*")  # noqa: PTH118
        before, deep, behind = pattern.partition(f"**{os.sep}")
        if not deep or (before and not before.endswith(os.sep)):
            self._look_into(pattern)
            yield from glob.iglob(pattern, recursive=True)  # noqa: PTH207
            return
        self._look_into(before)
        for top in glob.iglob(before) if before else [""]:  # noqa: PTH207
            for folder in self._folders(top, frozenset()):
                yield from self.matches(os.path.join(glob.escape(folder), behind))  # noqa: PTH118

    def _look_into(self, pattern: str) -> None:
        """Looks at the folders in which a pattern looks for names."""
        above, name = os.path.split(pattern)
        while name or (above and above != pattern):
            if glob.has_magic(name):
                for folder in glob.iglob(above) if above else [""]:  # noqa: PTH207
                    if folder not in self._looked:
                        self._entries(folder)
            elif name and glob.has_magic(above):
                for folder in glob.iglob(above):  # noqa: PTH207
                    with self._told(folder):
                        os.lstat(os.path.join(folder, name))  # noqa: PTH118
            pattern, (above, name) = above, os.path.split(above)

    def _folders(self, top: str, above: frozenset[Path]) -> Iterator[str]:
        """Yields a folder and those below that are not hidden, see `headpose.images.listing`."""
        here = real_path(Path(top))
        if here in above:
            return
        entries = self._entries(top)
        yield top
        for entry in entries:
            if is_folder_entry(entry) and not entry.name.startswith("."):
                yield from self._folders(os.path.join(top, entry.name), above | {here})  # noqa: PTH118

    def _entries(self, folder: str) -> list[os.DirEntry]:
        """Returns what is in a folder; nothing where it cannot be read, or is none."""
        self._looked |= {folder, os.path.join(folder, "")}  # noqa: PTH118
        with self._told(folder), os.scandir(folder or ".") as entries:
            return list(entries)
        return []

    @contextlib.contextmanager
    def _told(self, folder: str) -> Iterator[None]:
        """Tells that a folder cannot be read, once; that it is none says nothing."""
        try:
            yield
        except OSError as error:
            line = f"{folder or '.'}: {reason(error)}"
            if error.errno not in NO_FOLDER and line not in self._problems:
                self._problems.append(line)


def is_folder_entry(entry: os.DirEntry) -> bool:
    """Tells folders, those that cannot be read among them: reading them says why.

    A link that leads in a circle is none.
    """
    try:
        return entry.is_dir()
    except OSError as error:
        return error.errno != errno.ELOOP


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
