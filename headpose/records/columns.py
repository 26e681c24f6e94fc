"""The columns of every table of heads, and heads as rows of them.

A row is one head in one picture, or in one frame of a video. A picture or a frame without
heads has a row, too, without a box: tables leave it out unless they are asked for it.
"""

from collections.abc import Iterable, Sequence

from headpose.files import decoded
from headpose.geometry.boxes import COLUMNS as BOX
from headpose.models.specs import MEASURES
from headpose.pipeline import Head

Row = dict[str, str | int | float | None]
Size = tuple[int | None, int | None]  # width and height, pixels; None where nobody asked

PLACE = ("file", "head", "track", "frame", "time", "width", "height")
HEAD_FIELDS = (*BOX, "score", *MEASURES)
FIELDS = (*PLACE, *HEAD_FIELDS)
ANGLES = MEASURES[:-1]
SMOOTH = "smooth_"  # of the columns of angles that were smoothed over time
SMOOTH_FIELDS = tuple(SMOOTH + name for name in ANGLES)
VIDEO_FIELDS = (*FIELDS, *SMOOTH_FIELDS)
ORIGIN = ("key", "url")  # of archives: a name in it, and where the picture was first
ARCHIVE_FIELDS = (*VIDEO_FIELDS, *ORIGIN)

TEXTS = ("file", *ORIGIN)
INTEGERS = ("head", "track", "frame", "width", "height")
# Names that earlier versions wrote, and what they are called now.
OLD_NAMES = {"certainty": "expected_error"}


def head_row(head: Head) -> Row:
    """Returns a head as a flat row of `HEAD_FIELDS`; what is not known is None."""
    row: Row = dict(zip(BOX, (round(v, 1) for v in head.box), strict=True))
    row["score"] = round(head.score, 4)
    for name in MEASURES:
        value = getattr(head, name)
        row[name] = None if value is None else round(value, 2)
    return row


def place_row(file: str, size: Size, frame: int | None = None, time: float | None = None) -> Row:
    """Returns a row without a head: where one could be.

    Args:
        file: Name of the picture or video, see `headpose.files.decoded`.
        size: Width and height of the picture or frame, pixels.
        frame: The frame's number, from 0; None for a picture.
        time: Seconds from the video's first frame; None for a picture.
    """
    row: Row = dict.fromkeys(FIELDS)
    row |= {"file": decoded(file), "frame": frame, "width": size[0], "height": size[1]}
    row["time"] = None if time is None else round(time, 4)
    return row


def picture_rows(file: str, size: Size, heads: Sequence[Head]) -> list[Row]:
    """Returns a row for each head of a picture, or one without a head.

    Args:
        file: Name of the picture.
        size: Its width and height, pixels.
        heads: In the order in which they are numbered, from 1.
    """
    place = place_row(file, size)
    rows = [place | head_row(head) | {"head": i} for i, head in enumerate(heads, 1)]
    return rows or [place]


def has_head(row: Row) -> bool:
    """Tells rows of heads from those of pictures and frames without any."""
    return row[BOX[0]] is not None


def fields_for(videos: bool) -> tuple[str, ...]:
    """Returns the columns of a table: those of smoothed angles only where videos are in it."""
    return VIDEO_FIELDS if videos else FIELDS


def renamed(columns: Iterable[str]) -> dict[str, str]:
    """Returns new names of the columns that an earlier version named otherwise."""
    given = set(columns)
    return {old: new for old, new in OLD_NAMES.items() if old in given and new not in given}
