"""Finds picture files by the names that label files give, whatever wrote these names."""

import os
from pathlib import Path

from headpose.datasets.box_rows import slashed
from headpose.datasets.label_tables import Problems

OTHER_NAME = "name differs from the file's in case or slash, found all the same"


class PictureFinder:
    """Looks names up below a folder.

    Windows writes names with backslashes and does not tell upper from lower case; both are
    forgiven where nothing else fits. Folders are listed once.

    Args:
        folder: What names are relative to.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
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
                path = path.parent
                continue
            entry = self._entries(path).get(part.lower())
            if entry is None:
                return None
            path = entry
        if not os.path.isfile(path):  # noqa: PTH113
            return None
        problems.add(OTHER_NAME, name)
        return path

    def _entries(self, folder: Path) -> dict[str, Path]:
        """Returns what is in a folder by lower-case name."""
        if folder not in self._listed:
            files = sorted(folder.iterdir()) if folder.is_dir() else []
            self._listed[folder] = {file.name.lower(): file for file in files}
        return self._listed[folder]
