"""The mark in videos on which heads were drawn or hidden, by which none is taken for a recording.

It is the comment that all kinds of files hold which are written here, next to a title: FFmpeg
reads it with the beginning of a file, and keeps it where it copies or encodes a file anew.
"""

from pathlib import Path

from headpose.errors import HeadposeError
from headpose.images import drawn_mark
from headpose.images.copies import leave_out
from headpose.images.listing import Found
from headpose.video.encoders import ENCODERS

MARK = drawn_mark.MARK.decode()
LONGER = 0.5  # seconds by which a copy may last longer, or less long, than its video
DRAWING = "drawing that headpose made of a video"


class DrawnVideoError(HeadposeError):
    """A video that has the mark where only recordings are taken; the text names the file."""


def add_mark(container, mark: str) -> None:
    """Marks a container of PyAV into which nothing was written yet."""
    container.metadata["comment"] = mark


def has_mark(container) -> bool:
    """Tells whether a container of PyAV that was opened for reading has the mark."""
    return _is_mark(_comment(container))


def _is_mark(comment: str) -> bool:
    return comment.strip() == MARK


def _comment(container) -> str:
    found = (text for key, text in container.metadata.items() if key.lower() == "comment")
    return next(found, "")


def leave_copies_out(found: Found) -> None:
    """Leaves videos on which nothing was drawn out where those that they show are found, too."""
    leave_out(found, found.videos, lambda file: _comment_of(file).encode(), _last_as_long)


def _last_as_long(copy: Path, video: Path) -> bool:
    """Tells whether two videos last as long; one that was cut since is no copy any more.

    Some files do not tell it, as what a browser records: then they may.
    """
    import av

    from headpose.video.file import open_container

    seconds: list[float] = []
    for file in (copy, video):
        with open_container(str(file)) as container:
            if container.duration:
                seconds.append(container.duration / av.time_base)
    return len(seconds) < 2 or abs(seconds[0] - seconds[1]) <= LONGER


def is_drawn_video(path: str | Path) -> bool:
    """Tells whether a file has the mark; one that cannot be read has none."""
    return _is_mark(_comment_of(path))


def _comment_of(path: str | Path) -> str:
    """Returns the comment of a video; nothing if it cannot be read or has none."""
    # Others are not written here, and some of them take FFmpeg long to open.
    if Path(path).suffix.lower() not in ENCODERS:
        return ""
    try:
        from headpose.video.file import open_container
    except ImportError:
        return ""  # which is told where it is to be read
    try:
        if not Path(path).is_file():  # a pipe would be waited for
            return ""
        with open_container(str(path)) as container:
            return _comment(container)
    except (HeadposeError, OSError, ValueError):
        return ""
