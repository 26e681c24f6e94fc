"""Finds picture files by the names that label files give, whatever wrote these names."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from headpose.datasets.box_rows import slashed
from headpose.datasets.label_tables import Problems
from headpose.images.drawn_mark import is_drawing
from headpose.reporting import FOUND

LOOKED_FOR = 50  # names of a data set that tell in which folder its pictures are
OTHER_NAME = f"name differs from the file's in case or slash, {FOUND}"


def with_found_files(table: pd.DataFrame, folder: Path, problems: Problems) -> pd.DataFrame:
    """Returns a table whose column `file` has the names that its pictures have below a folder."""
    told = [str(name) for name in table["file"].unique()]
    finder, names = PictureFinder(folder, told), {}
    for name in told:
        found = finder.find(name, problems)
        if found is not None and found != folder / name:
            names[name] = os.path.relpath(found, folder)  # which may lead up
    if not names:
        return table
    return table.assign(file=[names.get(str(name), name) for name in table["file"]])


def folder_of_most(folders: Sequence[Path], names: Iterable[str]) -> Path:
    """Returns the folder in which most of some names are photos; drawings of them are none.

    Where none has a photo, it is the one with most drawings, which who reads them tells.
    """
    some = sorted(names)
    some = some[:: max(1, len(some) // LOOKED_FOR)]

    def counts(folder: Path) -> tuple[int, int]:
        finder = PictureFinder(folder)
        found = [path for name in some if (path := finder.find(name, Problems())) is not None]
        return sum(not is_drawing(path) for path in found), len(found)

    return max(folders, key=counts)


class PictureFinder:
    """Looks names up below a folder.

    Windows writes names with backslashes and does not tell upper from lower case; both are
    forgiven where nothing else fits. Folders are listed once.

    Args:
        folder: What names are relative to.
        names: All that are looked up: a file that one of them has exactly is not that of
            another in other letters, which is missing.
    """

    def __init__(self, folder: str | Path, names: Iterable[str] = ()):
        self.folder = Path(folder)
        self._taken = {os.path.normpath(self.folder / slashed(name)) for name in names}
        self._listed: dict[Path, dict[str, Path]] = {}

    def find(self, name: str, problems: Problems) -> Path | None:
        """Returns the file of that name, or None.

        Args:
            name: Relative, with slashes or backslashes.
            problems: Is told of a name that is not exactly the file's.
        """
        path = self.folder / name
        if os.path.isfile(path):  # pathlib's raises for names that are too long  # noqa: PTH113
            return path
        path = self.folder
        for part in slashed(name).split("/"):
            if part in ("", "."):
                continue
            if part == "..":
                path = path / ".."  # of ".", the parent is "."
                continue
            entry = self._entries(path).get(part.lower())
            if entry is None:
                return None
            path = entry
        if not os.path.isfile(path):  # noqa: PTH113
            return None
        asked = os.path.normpath(self.folder / slashed(name))
        if os.path.normpath(path) != asked and os.path.normpath(path) in self._taken:
            return None
        problems.add(OTHER_NAME, name)
        return path

    def _entries(self, folder: Path) -> dict[str, Path]:
        """Returns what is in a folder by lower-case name."""
        if folder not in self._listed:
            files = sorted(folder.iterdir()) if folder.is_dir() else []
            self._listed[folder] = {file.name.lower(): file for file in files}
        return self._listed[folder]
