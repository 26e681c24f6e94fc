"""Archives of pictures and videos: finding the files, and dividing them into shards."""

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from headpose.errors import reason
from headpose.images.pictures import SUFFIXES, find_pictures

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv")


@dataclasses.dataclass(frozen=True)
class Shard:
    """Files that one worker does in one go.

    Attributes:
        name: Of its files of results.
        files: Pictures, or one video.
        is_video: Which.
        fingerprint: Changes when the files do.
    """

    name: str
    files: tuple[str, ...]
    is_video: bool
    fingerprint: str


def find_files(names: Sequence[str]) -> tuple[list[Path], list[Path], list[str]]:
    """Finds pictures and videos; folders are searched with all that is below them.

    Args:
        names: Files, folders, and patterns of pictures.

    Returns:
        Pictures and videos, each in order of their paths and once, and a message for each
        name that gave none.
    """
    pictures, videos, problems = set(), set(), []
    for name in names:
        path = Path(name)
        if path.is_dir():
            found = list(_below(path, problems))
            if not found:
                problems.append(f"{name}: no pictures or videos in this folder")
        elif path.suffix.lower() in VIDEO_SUFFIXES and path.exists():
            found = [path]
        else:
            found, told = find_pictures([name])
            problems += told
        for file in found:
            (videos if file.suffix.lower() in VIDEO_SUFFIXES else pictures).add(file)
    return sorted(pictures), sorted(videos), problems


def _below(folder: Path, problems: list[str]) -> Iterator[Path]:
    """Yields pictures and videos in a folder and its folders, hidden ones left out."""

    def note(error: OSError) -> None:
        problems.append(f"{error.filename}: {reason(error)}")

    for place, folders, files in os.walk(folder, onerror=note):
        folders[:] = [f for f in folders if not f.startswith(".")]
        for file in files:
            if not file.startswith(".") and Path(file).suffix.lower() in SUFFIXES + VIDEO_SUFFIXES:
                yield Path(place, file)


def make_shards(pictures: Sequence[Path], videos: Sequence[Path], size: int) -> list[Shard]:
    """Divides files into shards: `size` pictures, or a video each."""
    parts = [pictures[i : i + size] for i in range(0, len(pictures), size)]
    named = [(f"pictures-{i:06d}", part, False) for i, part in enumerate(parts)]
    named += [(f"video-{i:06d}", [video], True) for i, video in enumerate(videos)]
    return [
        Shard(name, tuple(map(str, files)), is_video, _fingerprint(files))
        for name, files, is_video in named
    ]


def _fingerprint(files: Iterable[Path]) -> str:
    """Returns a digest of names, sizes and times of change."""
    digest = hashlib.sha256()
    for file in files:
        try:
            status = file.stat()
            state = f"{status.st_size} {status.st_mtime_ns}"
        except OSError as error:
            state = reason(error)  # it will be listed as a failure
        digest.update(f"{file}\0{state}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]
