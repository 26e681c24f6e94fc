"""One progress bar for what worker processes do: they count, this process shows."""

import os
from collections.abc import Iterable, Iterator
from typing import TypeVar

from headpose.reporting import progress

T = TypeVar("T")
SLOTS = 1021  # a prime number, so that workers started one after the other have one each


class SharedCount:
    """Counts of all workers together.

    To workers it is handed when they start; they count in it by `counted`, which is of the
    form that `headpose.reporting.show_progress` takes. No lock guards it, as one that a
    worker holds when it is killed would stop the others: each counts in a place of its own,
    and where two meet a few may be lost, which a progress bar can bear.

    Args:
        context: Of `multiprocessing`, whose processes count.
        unit: What is counted, in plural; what else goes on in a worker is not.
    """

    def __init__(self, context, unit: str):
        self.unit = unit
        self._counts = context.RawArray("q", SLOTS)

    @property
    def value(self) -> int:
        """How many, so far."""
        return sum(self._counts)

    def counted(self, items: Iterable[T], unit: str, total: int | None = None) -> Iterable[T]:
        """Iterates over items and counts them, if they are of the unit."""
        return self._counted(items) if unit == self.unit else items

    def _counted(self, items: Iterable[T]) -> Iterator[T]:
        slot = os.getpid() % SLOTS
        for item in items:
            self._counts[slot] += 1
            yield item


class CountBar:
    """A bar of what is counted elsewhere; it appears with the first one.

    Args:
        count: What to show.
    """

    def __init__(self, count: SharedCount):
        self._count, self._shown, self._ended = count, 0, False
        self._bar: Iterator | None = None

    def __enter__(self) -> "CountBar":
        return self

    def __exit__(self, *error) -> None:
        self._ended = True
        if self._bar is not None:
            next(self._bar, None)  # at the end of its items a bar goes away

    def update(self) -> None:
        """Goes on to the present count."""
        now = self._count.value
        if self._bar is None and now:
            self._bar = iter(progress(self._ticks(), self._count.unit))
        while self._bar is not None and self._shown < now:
            next(self._bar)
            self._shown += 1

    def _ticks(self) -> Iterator[None]:
        while not self._ended:
            yield
