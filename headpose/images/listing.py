"""Finding pictures and videos: names, folders with all that is below them, patterns, lists."""

import dataclasses
import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from headpose.errors import HeadposeError, install, reason
from headpose.files import check_readable, lines_of, plain_path, real_path
from headpose.images import heic
from headpose.images.patterns import is_folder_entry, matching_files
from headpose.images.pictures import SUFFIXES as PICTURE_SUFFIXES

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv"),
    *(".mts", ".m2ts", ".ts", ".3gp", ".ogv", ".vob"),
)
NAMED = 3  # files that a message about those left out names


@dataclasses.dataclass
class Found:
    """What was found.

    Attributes:
        files: Pictures and videos in order, each once.
        roots: The folder that was named, above each file that was found in one.
        named: Those of such files that were named themselves, too.
        lists: The text files that named others.
        problems: A message for each name that gave nothing.
        left_out: A message for each kind of thing in folders that was left out.
    """

    files: list[Path] = dataclasses.field(default_factory=list)
    roots: dict[Path, Path] = dataclasses.field(default_factory=dict)
    named: set[Path] = dataclasses.field(default_factory=set)
    lists: list[Path] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)
    left_out: list[str] = dataclasses.field(default_factory=list)

    def only_found(self, file: Path) -> bool:
        """Tells whether a file was found in a folder or by a pattern, and not named itself."""
        return file in self.roots and file not in self.named

    @property
    def pictures(self) -> list[Path]:
        """Those of the files that are no videos."""
        return [file for file in self.files if not is_video(file)]

    @property
    def videos(self) -> list[Path]:
        """Those of the files that are videos, by their suffix."""
        return [file for file in self.files if is_video(file)]


def is_folder(name: str | Path) -> bool:
    """Tells folders; pathlib's `is_dir` raises for names that are too long for any."""
    return os.path.isdir(name)  # noqa: PTH112


def is_there(name: str | Path) -> bool:
    """Tells whether there is something; pathlib's `exists` raises for names that are too long."""
    return os.path.exists(name)  # noqa: PTH110


def is_video(file: Path) -> bool:
    """Tells whether a file is a video, by its suffix."""
    return file.suffix.lower() in VIDEO_SUFFIXES


def find_inputs(
    names: Sequence[str],
    suffixes: Sequence[str] | None = None,
    skip: Iterable[Path] = (),
) -> Found:
    """Finds the files that names stand for.

    A name is a file, a folder, which is searched with all that is below it, a pattern
    (`**` is any number of folders), or `@LIST`, a text file with a name a line, which are
    seen from the working folder or else from the list's. What exists by a name is never
    taken for a pattern. Links to folders are followed, but never in a circle. Hidden files
    and folders are left out.

    Args:
        names: What to look for.
        suffixes: Of files to find in folders and by patterns, in lower case; None takes
            those of all pictures and videos that can be read. A file that is named is found
            whatever its suffix.
        skip: Folders to leave out where they are below another that is searched, by its name
            or by a pattern, for what is written there.
    """
    if suffixes is None:
        suffixes = PICTURE_SUFFIXES + VIDEO_SUFFIXES
        suffixes += heic.SUFFIXES if heic.is_available() else ()
    found = Found()
    seen: dict[str, Path] = {}
    others: dict[str, list[Path]] = {}
    skipped = {real_path(folder) for folder in skip}

    def add(file: Path, root: Path | None) -> None:
        # By whatever way it is named: ./a.jpg is a.jpg.
        if (known := plain_path(file)) not in seen:
            seen[known] = file
            found.files.append(file)
            if root is not None:
                found.roots[file] = root
        elif root is None:  # named itself, too, which counts
            found.named.add(seen[known])

    for name in expand_lists(names, found.problems, found.lists):
        path = Path(name)
        if not name:
            found.problems.append("an empty name is no file; name a file, a folder or a pattern")
        elif is_folder(path):
            before, any_file = len(found.problems), False
            for file in _below(path, skipped, found.problems, set()):
                if file.name.startswith("."):
                    others.setdefault("hidden", []).append(file)
                elif file.suffix.lower() in suffixes:
                    any_file = True
                    add(file, path)
                else:
                    kind = "HEIC" if file.suffix.lower() in heic.SUFFIXES else "of other kinds"
                    others.setdefault(kind, []).append(file)
            if not any_file and len(found.problems) == before:
                found.problems.append(f"{name}: no {_kinds(suffixes)} in this folder")
        elif os.path.lexists(path):
            add(path, None)  # a link that leads nowhere, too: reading it says so
        else:
            matching, root = matching_files(name, suffixes, found.problems), _fixed_part(name)
            files = [file for file in matching if not _is_skipped(file, root, skipped)]
            for file in files:
                add(file, root)
            if matching and not files:
                what = "all that matches is in the folder for results; name another --output"
                found.problems.append(f"{name}: {what}")
            elif not files:
                pattern = any(c in name for c in "*?[")
                what = f"no {_kinds(suffixes)} match" if pattern else "no such file or folder"
                found.problems.append(f"{name}: {what}")
    found.left_out = [told_left_out(kind, files) for kind, files in others.items()]
    return found


def expand_lists(
    names: Iterable[str], problems: list[str], lists: list[Path] | None = None
) -> Iterator[str]:
    """Yields names, those of `@LIST` in its place.

    Args:
        names: Of anything.
        problems: Gets a message for each list that gives none.
        lists: Gets the files of the lists that were read.
    """
    for name in names:
        if not name.startswith("@") or os.path.lexists(name):
            yield name
            continue
        file = Path(name[1:])
        try:
            check_readable(file)
            lines = lines_of(file.read_text(encoding="utf-8-sig"))
        except HeadposeError as error:
            problems.append(str(error))
            continue
        except OSError as error:
            problems.append(f"{name}: cannot read this list: {reason(error)}")
            continue
        except UnicodeDecodeError:
            problems.append(f"{name}: this list is not UTF-8 text; save it so")
            continue
        if lists is not None:
            lists.append(file)
        wanted = [line for line in lines if line.strip()]
        if not wanted:
            problems.append(f"{name}: this list is empty")
        for line in wanted:
            # A name may begin and end with spaces, too.
            places = (
                str(folder / spelling) if folder else spelling
                for spelling in (line, line.strip())
                for folder in (None, file.parent)
            )
            yield next(filter(_stands_for_something, places), line.strip())


def _stands_for_something(name: str) -> bool:
    """Tells whether there is a file or folder of that name, or that it matches as a pattern."""
    if os.path.lexists(name):
        return True
    try:
        return glob.has_magic(name) and any(True for _ in glob.iglob(name, recursive=True))  # noqa: PTH207
    except (OSError, ValueError, re.error):
        return False


def files_below(folder: Path) -> list[Path]:
    """Returns the files in a folder and those below, by name; hidden ones are left out.

    Links to folders are followed, but never in a circle.

    Raises:
        HeadposeError: If one of the folders cannot be read.
    """
    problems: list[str] = []
    found = sorted(_below(folder, set(), problems, set()))
    if problems:
        raise HeadposeError(problems[0])
    return [file for file in found if not file.name.startswith(".")]


def _below(
    folder: Path, skipped: set[Path], problems: list[str], above: set[Path]
) -> Iterator[Path]:
    """Yields the files in a folder and those below, in order.

    Args:
        above: The folders on the way here, without links: one of them is a circle.
    """
    here = real_path(folder)
    if here in above:
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        problems.append(f"{folder}: {reason(error)}")
        return
    folders = []
    for entry in entries:
        path = Path(entry.path)
        if not is_folder_entry(entry):
            yield path
        elif not entry.name.startswith(".") and real_path(path) not in skipped:
            folders.append(path)
    for path in folders:
        yield from _below(path, skipped, problems, above | {here})


def _is_skipped(file: Path, root: Path | None, skipped: set[Path]) -> bool:
    """Tells whether a file lies in a folder to leave out that is below the pattern's own."""
    if root is None or not skipped:
        return False
    top, folder = real_path(root), real_path(file.parent)
    return any(
        folder.is_relative_to(place) and place != top and place.is_relative_to(top)
        for place in skipped
    )


def _fixed_part(pattern: str) -> Path | None:
    """Returns the folder above the first part of a pattern that has a wildcard."""
    parts = Path(pattern).parts
    for i, part in enumerate(parts):
        if any(c in part for c in "*?["):
            return Path(*parts[:i]) if i else Path()
    return None


def _kinds(suffixes: Sequence[str]) -> str:
    pictures = any(s in PICTURE_SUFFIXES for s in suffixes)
    videos = any(s in VIDEO_SUFFIXES for s in suffixes)
    return " or ".join(["pictures"] * pictures + ["videos"] * videos)


def told_left_out(kind: str, files: list[Path]) -> str:
    """Returns a message that counts and names files of a kind, such as "hidden"."""
    named = ", ".join(str(file) for file in files[:NAMED])
    more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
    count = f"{len(files)} file{'' if len(files) == 1 else 's'}"
    text = f"left out {count} {kind}: {named}{more}"
    if kind == "HEIC":
        text += f"; {install('heic')} reads them"
    return text
