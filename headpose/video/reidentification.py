"""Heads that come back: which of them had a number before.

The tracker follows heads by place and motion and gives a head that was out of sight a new
number. Here it gets its old one where it looks like it: enough, and clearly more than like
anybody else, see `headpose.video.appearance`. Frames wait until that is decided.
"""

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from headpose.video.appearance import SIZE, appearance
from headpose.video.frames import Frame
from headpose.video.pipeline import FollowedHead
from headpose.video.tracking import LOST_DETECTIONS, LOST_SECONDS

# Chosen with `python benchmarks/returning_heads.py`: of newcomers 5 % or fewer take a number.
ALIKE = 0.95  # least similarity of a head and the one that it was
CLEARLY = 0.6  # how far it may be from that one at most, as a share of the way to the next
MEMORY = 30.0  # seconds for which a head is remembered
ENOUGH, FEWEST = 8, 4  # sights after which a new head is decided on, and without which it is new
MAX_HELD, MAX_BYTES = 24, 256 << 20  # frames that wait at most, and what they may take


@dataclasses.dataclass
class Look:
    """The mean appearance of a head.

    Attributes:
        total: float64 (SIZE,), the sum of all vectors.
        sights: How many there were.
    """

    total: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(SIZE))
    sights: int = 0

    def add(self, vector: np.ndarray | None, sights: int = 1) -> None:
        """Adds a vector, or a sum of several; None changes nothing."""
        if vector is not None:
            self.total += vector
            self.sights += sights

    def like(self, other: "Look") -> float:
        """Returns the cosine between both means; 0 without any."""
        lengths = np.linalg.norm(self.total) * np.linalg.norm(other.total)
        return float(self.total @ other.total / lengths) if lengths else 0.0


@dataclasses.dataclass(eq=False)
class _Person:
    """Somebody with a number, when and in which frame last seen."""

    number: int
    time: float
    frame: int
    look: Look = dataclasses.field(default_factory=Look)


@dataclasses.dataclass(eq=False)
class _New:
    """A number of the tracker, since when, seen last when and in which frame; who it may be."""

    since: float
    since_frame: int
    time: float
    frame: int
    lost: list[_Person]
    look: Look = dataclasses.field(default_factory=Look)


def who(look: Look, lost: list[Look], others: Iterable[Look] = ()) -> int | None:
    """Says which of those who are out of sight a head is.

    Args:
        look: Of the head.
        lost: Of those that it may be.
        others: Of those that it is not: if it looks like them, too, colours tell nothing.

    Returns:
        An index of `lost`; None for nobody.
    """
    if look.sights < FEWEST:
        return None
    near = [look.like(one) if one.sights >= FEWEST else -1.0 for one in lost]
    if not near or max(near) < ALIKE:
        return None
    best = int(np.argmax(near))
    rest = near[:best] + near[best + 1 :]
    rest += [look.like(one) for one in others if one.sights >= FEWEST]
    next_best = max(rest, default=-1.0)
    return best if 1 - near[best] <= CLEARLY * (1 - next_best) else None


class Reidentifier:
    """Gives heads that come back their old numbers.

    Nobody has a number twice in a frame: only who is out of sight, and given up by the
    tracker, can come back. For one video.

    Args:
        detect_every: Heads are detected in one frame of so many.
    """

    def __init__(self, detect_every: int = 1):
        self._gap = (LOST_DETECTIONS + 1) * detect_every
        self._people: list[_Person] = []
        self._known: dict[int, _Person] = {}  # by the tracker's numbers
        self._new: dict[int, _New] = {}
        self._held: deque[tuple[Frame, list[FollowedHead]]] = deque()

    def __call__(
        self, followed: Iterable[tuple[Frame, list[FollowedHead]]]
    ) -> Iterator[tuple[Frame, list[FollowedHead]]]:
        """Yields all frames in order, with the numbers that heads have then."""
        for count, (frame, heads) in enumerate(followed):
            self._forget(frame.time)
            self._held.append((frame, heads))
            for head in heads:
                self._see(frame, count, head)
            for track, new in list(self._new.items()):
                if new.look.sights >= ENOUGH or count - new.since_frame >= MAX_HELD:
                    self._decide(track)
            room = max(ENOUGH, min(MAX_HELD, MAX_BYTES // max(1, frame.picture.nbytes)))
            yield from self._ready(room)
        yield from self._ready(0)

    def _forget(self, time: float) -> None:
        self._people = [p for p in self._people if time - p.time <= MEMORY]
        if not self._held:
            self._known = {t: p for t, p in self._known.items() if time - p.time <= MEMORY}

    def _see(self, frame: Frame, count: int, head: FollowedHead) -> None:
        """Notes a head; one whose number is new and can be nobody's is decided on at once."""
        track, vector = head.track, appearance(frame.picture, head.head.box)
        if person := self._known.get(track):
            person.time, person.frame = frame.time, count
            person.look.add(vector)
            return
        if track not in self._new:
            lost = [p for p in self._people if self._is_gone(p, frame.time, count)]
            self._new[track] = _New(frame.time, count, frame.time, count, lost)
        new = self._new[track]
        new.look.add(vector)
        new.time, new.frame = frame.time, count
        if not new.lost:
            self._decide(track)

    def _is_gone(self, person: _Person, time: float, count: int) -> bool:
        """Says whether the tracker had given somebody up by then, and not only lost sight."""
        return time - person.time > LOST_SECONDS and count - person.frame > self._gap

    def _decide(self, track: int) -> None:
        """Gives a new number of the tracker to somebody."""
        new = self._new.pop(track)
        # Another may have taken the number since.
        lost = [p for p in new.lost if self._is_gone(p, new.since, new.since_frame)]
        others = [person.look for person in self._people if person not in lost]
        found = who(new.look, [person.look for person in lost], others)
        if found is None:
            person = _Person(track, new.time, new.frame)
            self._people.append(person)
        else:
            person = lost[found]
            person.time, person.frame = new.time, new.frame
        person.look.add(new.look.total, new.look.sights)
        self._known[track] = person

    def _ready(self, room: int) -> Iterator[tuple[Frame, list[FollowedHead]]]:
        """Yields frames in which all is decided; decides where more than `room` would wait."""
        while self._held:
            frame, heads = self._held[0]
            waiting = [head.track for head in heads if head.track in self._new]
            if waiting and len(self._held) <= room:
                return
            for track in waiting:
                self._decide(track)
            self._held.popleft()
            yield (
                frame,
                [dataclasses.replace(head, track=self._known[head.track].number) for head in heads],
            )
