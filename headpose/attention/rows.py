"""Rows of a table of heads: which of them tell where a head looks, and when."""

from collections.abc import Iterable

import numpy as np

from headpose.errors import HeadposeError
from headpose.geometry.boxes import COLUMNS as BOX
from headpose.records.columns import SMOOTH, Row
from headpose.reporting import logger

ANGLES = ("azimuth", "elevation")
WHOLE_TURN = 360.0  # degrees; more is no direction
NEEDED = ("file", *BOX, *ANGLES)


def usable(rows: Iterable[Row]) -> list[Row]:
    """Leaves rows out whose box or angles cannot be, and tells so.

    Raises:
        HeadposeError: If a head is there twice: its looks would count twice.
    """
    kept: list[Row] = []
    seen: set[tuple] = set()
    wrong: list[Row] = []
    for row in rows:
        angles = [row.get(prefix + name) for prefix in ("", SMOOTH) for name in ANGLES]
        if not (_has_area(row) and all(map(_is_angle, angles))):
            wrong.append(row)
            continue
        track, head = row.get("track"), row.get("head")
        place = (row["file"], row.get("frame"), row.get("time"), track, head)
        # Pictures of an archive may be of one file, and have keys, which may be there twice.
        told_apart = track is not None or (head is not None and row.get("key") is None)
        if told_apart and place in seen:
            raise HeadposeError(f"{row['file']}: {_told_again(row)}")
        seen.add(place)
        kept.append(row)
    if wrong:
        logger.warning(
            "%d rows are left out, whose boxes or angles cannot be; the first of %s",
            len(wrong),
            wrong[0]["file"],
        )
    return kept


def _told_again(row: Row) -> str:
    """Says what is wrong with a row of a head that is there already."""
    track = row.get("track")
    if track is None:
        return f"head {row.get('head')} is twice; give each table once"
    if moment(row) is None:
        return f"track {track}, but no column frame or time that tells its rows apart"
    return f"track {track} is twice in a frame; give each table once"


def _has_area(row: Row) -> bool:
    # What is empty is no number, and no side of a box.
    xmin, ymin, xmax, ymax = (float(v) if (v := row[name]) is not None else np.nan for name in BOX)
    return xmin < xmax and ymin < ymax


def _is_angle(degrees: str | float | None) -> bool:
    return degrees is None or abs(float(degrees)) <= WHOLE_TURN


def moment(row: Row) -> object:
    """Returns what is the same for rows of one frame: its number, else its time."""
    frame = row.get("frame")
    return row.get("time") if frame is None else frame
