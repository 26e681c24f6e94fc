"""The mark in videos on which heads were drawn or hidden, by which none is taken for a recording.

It is the comment that all kinds of files hold which are written here, next to a title: FFmpeg
reads it with the beginning of a file, and keeps it where it copies or encodes a file anew.
"""

from pathlib import Path

from headpose.errors import HeadposeError
from headpose.images import drawn_mark

MARK = drawn_mark.MARK.decode()
DRAWING = "drawing that headpose made of a video"


class DrawnVideoError(HeadposeError):
    """A video that has the mark where only recordings are taken; the text names the file."""


def add_mark(container) -> None:
    """Marks a container of PyAV into which nothing was written yet."""
    container.metadata["comment"] = MARK


def has_mark(container) -> bool:
    """Tells whether a container of PyAV that was opened for reading has the mark."""
    return any(
        key.lower() == "comment" and MARK in text for key, text in container.metadata.items()
    )


def is_drawn_video(path: str | Path) -> bool:
    """Tells whether a file has the mark; one that cannot be read has none."""
    try:
        from headpose.video.file import open_container
        from headpose.video.writer import ENCODERS
    except ImportError:
        return False  # which is told where it is to be read
    # Others are not written here, and some of them take FFmpeg long to open.
    if Path(path).suffix.lower() not in ENCODERS:
        return False
    try:
        if not Path(path).is_file():  # a pipe would be waited for
            return False
        with open_container(str(path)) as container:
            return has_mark(container)
    except (HeadposeError, OSError, ValueError):
        return False
