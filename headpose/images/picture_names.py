"""What names of pictures stand for: files, folders without what lies below them, patterns.

`headpose.images.listing` finds videos, too, and what lies below folders.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from headpose.errors import reason
from headpose.files import plain_path
from headpose.images.pictures import SUFFIXES


def find_pictures(names: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Expands files, folders and glob patterns (`**` included) to picture files.

    Hidden files of folders are left out, as those that macOS puts beside pictures.

    Returns:
        The files in order, each once by whatever way it is named, and a message for each name
        that gave none.
    """
    import glob2

    found: dict[str, Path] = {}
    problems = []
    for name in names:
        if not name:
            problems.append("an empty name is no picture; name a file, a folder or a pattern")
            continue
        path = Path(name)
        if os.path.isdir(path):  # noqa: PTH112 - pathlib's raises for names that are too long
            try:
                files = sorted(filter(_is_picture_of_folder, path.iterdir()))
            except OSError as error:
                problems.append(f"{name}: {reason(error)}")
                continue
            if not files:
                problems.append(f"{name}: no pictures in this folder")
        elif os.path.lexists(path):
            files = [path]  # a link that leads nowhere, too: reading it says so
        else:
            try:
                hits = [Path(f) for f in sorted(glob2.glob(name))]
            except (OSError, ValueError, re.error):  # of names that no file can have
                hits = []
            files = [f for f in hits if f.is_file() and f.suffix.lower() in SUFFIXES]
            if not files:
                pattern = any(c in name for c in "*?[")
                problems.append(f"{name}: {'no pictures match' if pattern else 'no such file'}")
        for file in files:
            found.setdefault(plain_path(file), file)
    return list(found.values()), problems


def _is_picture_of_folder(file: Path) -> bool:
    hidden = file.name.startswith(".")
    return file.suffix.lower() in SUFFIXES and not hidden and not os.path.isdir(file)  # noqa: PTH112
