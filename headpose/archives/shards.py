"""Archives of pictures and videos: finding the files, and dividing them into shards."""

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from headpose.errors import reason
from headpose.images.listing import find_inputs
from headpose.reporting import logger


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
    """Finds pictures and videos; see `headpose.images.listing.find_inputs`.

    What is left out of folders is logged.

    Args:
        names: Files, folders, patterns, and lists of these.

    Returns:
        Pictures and videos, each in order of their paths and once, and a message for each
        name that gave none.
    """
    found = find_inputs(names)
    for line in found.left_out:
        logger.warning(line)
    return sorted(found.pictures), sorted(found.videos), found.problems


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
