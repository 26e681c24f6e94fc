"""What looks add up to: events, shares of time, and who faces whom."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from headpose.attention.geometry import from_rays
from headpose.attention.rows import moment
from headpose.attention.series import SHORTEST, Series
from headpose.attention.targets import ELSEWHERE, UNKNOWN, Target
from headpose.geometry.angles import angles_between, direction_vectors


@dataclasses.dataclass(frozen=True)
class Event:
    """A head that looks at one thing for a while.

    Attributes:
        file, track: Which head.
        target: What it looks at.
        start, end: Seconds.
        before: What it looked at before; None at the beginning or after it was out of sight.
    """

    file: str
    track: int
    target: str
    start: float
    end: float
    before: str | None


def events_of(series: Series, shortest: float = SHORTEST) -> list[Event]:
    """Returns what a head looked at, one thing after the other.

    A look that lasts less than `shortest` counts to the one before it, or, where none is, to
    the one after it. Several such looks in a row that last as long together are one event, of
    what is looked at longest in them. A head that was out of sight begins anew.

    Args:
        series: Of a video; photos have no events.
        shortest: Seconds.
    """
    if series.times is None or series.track is None:
        return []
    usual = float(np.median(np.diff(series.times))) if len(series.times) > 1 else 0.0
    sights: list[list[_Look]] = []  # without a gap between two looks
    last = -np.inf
    for target, time, step in zip(series.looks, series.times, series.steps, strict=True):
        # A step ends where the next begins, unless the head was out of sight between.
        if time - last > usual / 2:
            sights.append([])
        if sights[-1] and sights[-1][-1].target == target:
            sights[-1][-1].end = time + step
        else:
            sights[-1].append(_Look(target, time, time + step))
        last = time + step
    events = []
    for sight in sights:
        before = None
        for look in _long_looks(sight, shortest):
            times = round(float(look.start), 4), round(float(look.end), 4)
            events.append(Event(series.file, series.track, look.target, *times, before))
            before = look.target
    return events


@dataclasses.dataclass
class _Look:
    target: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def _long_looks(looks: Sequence[_Look], shortest: float) -> list[_Look]:
    """Returns looks of at least so many seconds that last as long as all of them together.

    There is none where all are shorter together.
    """
    almost = shortest - 1e-9  # times are no whole numbers
    result: list[_Look] = []
    start = None  # of short looks that nothing is before
    for is_short, group in itertools.groupby(looks, lambda look: look.seconds < almost):
        some = list(group)
        if is_short and some[-1].end - some[0].start < almost:
            if result:
                result[-1].end = some[-1].end
            else:
                start = some[0].start
            continue
        for look in [_together(some)] if is_short else some:
            begin = look.start if start is None else start
            if result and result[-1].target == look.target:
                result[-1].end = look.end
            else:
                result.append(_Look(look.target, begin, look.end))
            start = None
    return result


def _together(looks: Sequence[_Look]) -> _Look:
    """Returns one look for several: at what is looked at longest in them."""
    seconds: dict[str, float] = {}
    for look in looks:
        seconds[look.target] = seconds.get(look.target, 0.0) + look.seconds
    return _Look(max(seconds, key=lambda name: seconds[name]), looks[0].start, looks[-1].end)


def shares_of(series: Series, targets: Sequence[Target]) -> list[dict]:
    """Returns how long a head looks at each target, and elsewhere.

    Returns:
        A row for each: file, track, target, seconds (None for photos), rows, and the share
        of the time, or of the rows of photos and of heads that were seen at one moment alone,
        in which it is known where the head looks.
    """
    looks = np.array(series.looks)
    # A head that was seen at one moment alone has no time to be shared out.
    weights = series.steps if series.steps.sum() else np.ones(len(looks))
    known = weights[looks != UNKNOWN].sum()
    rows = []
    for name in (*(target.name for target in targets), ELSEWHERE, UNKNOWN):
        there = looks == name
        spent = float(series.steps[there].sum())
        weight = float(weights[there].sum())
        share = None if name == UNKNOWN or not known else round(weight / float(known), 4)
        rows.append(
            {
                "file": series.file,
                "track": series.track,
                "target": name,
                "seconds": None if series.times is None else round(spent, 3),
                "rows": int(there.sum()),
                "share": share,
            }
        )
    return rows


def facing_pairs(all_series: Sequence[Series], within: float) -> list[dict]:
    """Returns who faces whom: both noses point at the other's head within so many degrees.

    Args:
        all_series: With places.
        within: Degrees.

    Returns:
        A row for each two heads that are seen together: file, their tracks, seconds
        together, seconds of these in which it is known where both are and look, seconds
        facing each other, the share of what is known, and their mean distance in metres.
        Seconds are None without times; where nothing is known, seconds facing and share are,
        too, and the distance where no places are.
    """
    rows = []
    for first, second, pairs in _seen_together(all_series):
        if first.places is None or second.places is None:
            continue
        here, there = map(np.array, zip(*pairs, strict=True))
        way = second.places[there] - first.places[here]
        one, other = (
            from_rays(direction_vectors(s.azimuth[k], s.elevation[k]), places[k])
            for s, places, k in ((first, first.places, here), (second, second.places, there))
        )
        off = np.stack([angles_between(one, way), angles_between(other, -way)])
        known = ~np.isnan(off).any(axis=0)
        facing = (off <= within).all(axis=0)
        steps = first.steps[here]
        distances = np.linalg.norm(way, axis=1)
        distances = distances[~np.isnan(distances)]
        together, seconds_known, seconds = (
            float(steps[which].sum()) for which in (slice(None), known, facing)
        )
        timed = first.times is not None
        rows.append(
            {
                "file": first.file,
                "track": first.track,
                "other": second.track,
                "seconds_together": round(together, 3) if timed else None,
                "seconds_known": round(seconds_known, 3) if timed else None,
                "seconds_facing": round(seconds, 3) if timed and known.any() else None,
                "share": round(seconds / seconds_known, 4) if seconds_known else None,
                "distance_m": round(float(distances.mean()), 2) if len(distances) else None,
            }
        )
    return rows


def _seen_together(
    all_series: Sequence[Series],
) -> Iterator[tuple[Series, Series, list[tuple[int, int]]]]:
    """Yields each two tracks of a video that are seen at one moment, with their rows of these.

    Of a long video few of all pairs are, so that these are found by their moments.
    """
    there: dict[tuple, list[tuple[int, int]]] = {}
    for number, series in enumerate(all_series):
        for i, row in enumerate(series.rows):
            # Without a frame's number and a time nobody knows who was there together.
            if series.track is not None and (when := moment(row)) is not None:
                there.setdefault((series.file, when), []).append((number, i))
    together: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for seen in there.values():
        for (first, i), (second, k) in itertools.combinations(seen, 2):
            together.setdefault((first, second), []).append((i, k))
    for (first, second), pairs in sorted(together.items()):
        yield all_series[first], all_series[second], sorted(pairs)
