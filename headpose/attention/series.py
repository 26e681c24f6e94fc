"""What each head looks at over time, read from a table of heads."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from headpose.attention.geometry import from_rays, positions, whole_heads
from headpose.attention.rows import ANGLES, moment, usable
from headpose.attention.targets import ELSEWHERE, UNKNOWN, Target
from headpose.errors import HeadposeError
from headpose.geometry.angles import angles_between, direction_vectors
from headpose.geometry.boxes import COLUMNS as BOX
from headpose.records.columns import SMOOTH, Row, has_head
from headpose.reporting import logger

SHORTEST = 0.3  # seconds: a shorter look, or one that is broken for less, is no event of its own
# Times the usual step between rows, of their times and of their frames' numbers: after more a
# head was out of sight. Of videos with uneven rates the times alone would not tell it.
LONGEST_GAP = 2.5


@dataclasses.dataclass(frozen=True)
class Looking:
    """How rows are judged.

    Attributes:
        targets: What can be looked at.
        max_error: Degrees of expected error above which nobody knows where a head looks.
        smooth: Whether to take the smoothed angles where a table has them.
        fov: Horizontal field of view in degrees; None for directions alone.
        shortest: Seconds, see `SHORTEST`.
    """

    targets: Sequence[Target]
    max_error: float | None = None
    smooth: bool = True
    fov: float | None = None
    shortest: float = SHORTEST


@dataclasses.dataclass
class Series:
    """One head through time, or all heads of a photo.

    Attributes:
        file, track: Which; track None for photos.
        times, steps: Seconds of each row, and until the next; of photos None and 1 each.
        azimuth, elevation: Degrees (N,), NaN where not known.
        looks: What each row looks at: a target's name, `ELSEWHERE` or `UNKNOWN`.
        places: (N, 3) in metres, see `headpose.attention.geometry.positions`, NaN where not
            known; None without a field of view.
        deviations: Standard deviations (N,) of the distances, as shares of these; None
            without a field of view.
        rows: Of the table.
    """

    file: str
    track: int | None
    times: np.ndarray | None
    steps: np.ndarray
    azimuth: np.ndarray
    elevation: np.ndarray
    looks: list[str]
    places: np.ndarray | None
    deviations: np.ndarray | None
    rows: list[Row]


def series_of(rows: Iterable[Row], looking: Looking) -> list[Series]:
    """Returns the heads of a table, each through time, with what they look at.

    Args:
        rows: Of `headpose.records.reading.read_table`.
        looking: How they are judged.

    Raises:
        HeadposeError: If a target or the field of view needs a column that the table lacks.
    """
    kept = usable(row for row in rows if has_head(row))
    sized = all(row.get("width") and row.get("height") for row in kept)
    if (looking.fov or any(target.region for target in looking.targets)) and not sized:
        raise HeadposeError("this table has no width and height of pictures; make it anew")
    groups: dict[tuple[str, int | None], list[Row]] = {}
    for row in kept:
        track = row.get("track")
        groups.setdefault((str(row["file"]), None if track is None else int(track)), []).append(row)
    for target in looking.targets:
        if target.track is not None and not any(track == target.track for _, track in groups):
            logger.warning(
                "%s: no head has the track %d in these tables, so nobody can look at it",
                target.name,
                target.track,
            )
    others = _others(kept)
    return [
        _series(file, track, _in_time(group), looking, others)
        for (file, track), group in groups.items()
    ]


def _others(rows: Iterable[Row]) -> Mapping[tuple, Row]:
    """Returns the rows of tracks by file, moment and track."""
    return {(row["file"], moment(row), row.get("track")): row for row in rows}


def _in_time(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.get("time") or 0.0)


def _series(
    file: str, track: int | None, rows: list[Row], looking: Looking, others: Mapping[tuple, Row]
) -> Series:
    azimuth, elevation = (_angles(rows, name, looking) for name in ANGLES)
    boxes = np.array([[row[name] for name in BOX] for row in rows], float)
    places = deviations = None
    if looking.fov:
        places, deviations = _places(boxes, _sizes(rows), looking.fov)
    times = None
    steps = np.ones(len(rows))
    missing = sum(row.get("time") is None for row in rows)
    if track is not None and not missing:
        times = np.array([row["time"] for row in rows], float)
        steps = _steps(times, np.array([row.get("frame") for row in rows], float))
    elif track is not None and missing < len(rows):
        told = "%s, track %s: %d of %d rows have no time, so it has neither seconds nor events"
        logger.warning(told, file, track, missing, len(rows))
    off = np.stack(
        [
            _angles_to(target, rows, boxes, places, azimuth, elevation, looking, others)
            for target in looking.targets
        ]
    )
    return Series(
        file,
        track,
        times,
        steps,
        azimuth,
        elevation,
        _looks(off, looking.targets, np.isnan(azimuth) | np.isnan(elevation)),
        places,
        deviations,
        rows,
    )


def _sizes(rows: Iterable[Row]) -> np.ndarray:
    """Returns width and height of each row's picture (N, 2), pixels."""
    return np.array([[row.get("width") or 1, row.get("height") or 1] for row in rows], float)


def _places(boxes: np.ndarray, sizes: np.ndarray, fov: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns where heads are, NaN where not known, and by which share distances are off."""
    whole, deviations = whole_heads(boxes, sizes)
    places = [
        positions(box[None], (width, height), fov)
        for box, (width, height) in zip(whole, sizes, strict=True)
    ]
    return np.concatenate(places), deviations


def _angles(rows: list[Row], name: str, looking: Looking) -> np.ndarray:
    """Returns an angle of each row, NaN where it is not known well enough."""
    values = []
    for row in rows:
        value = row.get(name)
        if looking.smooth and row.get(SMOOTH + name) is not None:
            value = row[SMOOTH + name]
        error = row.get("expected_error")
        limit = np.inf if looking.max_error is None else looking.max_error
        if value is None or (error is not None and float(error) > limit):
            value = np.nan
        values.append(float(value))
    return np.array(values)


def _steps(times: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Returns how long each row counts, seconds: until the next, unless that is far.

    Args:
        times: Seconds (N,).
        frames: Numbers of the rows' frames; where one is NaN, times alone tell what is far.
    """
    if len(times) < 2:
        return np.zeros(len(times))
    steps = np.diff(times)
    usual = float(np.median(steps))
    is_far = steps > LONGEST_GAP * usual
    passed = np.diff(frames)
    if not np.isnan(passed).any():
        is_far &= passed > LONGEST_GAP * np.median(passed)
    return np.append(np.where(is_far, usual, steps), usual)


def _angles_to(
    target: Target,
    rows: list[Row],
    boxes: np.ndarray,
    places: np.ndarray | None,
    azimuth: np.ndarray,
    elevation: np.ndarray,
    looking: Looking,
    others: Mapping[tuple, Row],
) -> np.ndarray:
    """Returns by how many degrees (N,) noses miss a target.

    Infinity where it is not there, NaN where it is and nobody knows the way to it.
    """
    noses = direction_vectors(azimuth, elevation)
    if target.direction is not None:
        return angles_between(noses, direction_vectors(*target.direction))
    goals = np.full((len(rows), 4), np.nan)
    for i, row in enumerate(rows):
        if target.region is not None:
            goals[i] = target.region
        elif row.get("track") != target.track:
            other = others.get((row["file"], moment(row), target.track))
            if other is not None:
                goals[i] = [other[name] for name in BOX]
    if places is None:
        # As if all were as far from the camera: from here to there within the picture.
        flat = _middles(goals) - _middles(boxes)
        wanted = np.concatenate([flat * [1, -1], np.zeros((len(flat), 1))], axis=1)
        return np.nan_to_num(angles_between(noses, wanted), nan=np.inf)
    if target.region is None:
        there, _ = _places(goals, _sizes(rows), looking.fov or 1)
    else:
        whole = zip(goals, _sizes(rows), strict=True)
        there = np.concatenate([positions(g[None], tuple(s), looking.fov or 1) for g, s in whole])
        there *= places[:, 2:] / there[:, 2:]
    off = np.nan_to_num(
        angles_between(from_rays(noses, places), there - places),
        nan=np.inf,
    )
    is_there = ~np.isnan(goals).any(axis=1)
    return np.where(is_there & np.isnan(there - places).any(axis=1), np.nan, off)


def _middles(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _looks(off: np.ndarray, targets: Sequence[Target], unknown: np.ndarray) -> list[str]:
    """Returns what each row looks at: of the targets that are near enough, the nearest.

    Args:
        off: Degrees by which each target is missed (targets, N), see `_angles_to`.
        targets: These.
        unknown: Rows (N,) of which nobody knows where they look.
    """
    reach = np.array([[target.within] for target in targets])
    share = np.where(np.isnan(off), np.inf, off / reach)
    best = share.argmin(axis=0)
    other = np.where(np.isnan(off).any(axis=0), UNKNOWN, ELSEWHERE)
    return [
        UNKNOWN if unknown[i] else targets[k].name if share[k, i] <= 1 else str(other[i])
        for i, k in enumerate(best)
    ]
