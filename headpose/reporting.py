"""How the library says how far it is, what it left out and what a run is about: hooks, logging.

The library prints nothing and draws no bar. Whoever uses it may pass `show_progress` a
function that wraps an iterable, as the command line does with tqdm, may set up the logger
`headpose` as any other, and may pass `show_announcements` a function that shows the lines
of a training run, which are logged otherwise.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from headpose.errors import HeadposeError

T = TypeVar("T")
logger = logging.getLogger("headpose")
# In problems for which nothing was left out.
FOUND, USED = "found all the same", "labelled box used"


class ProgressBar(Protocol):
    """Wraps an iterable and shows how far it is."""

    def __call__(self, items: Iterable[T], unit: str, total: int | None) -> Iterable[T]: ...


def _no_bar(items: Iterable[T], unit: str, total: int | None) -> Iterable[T]:
    return items


_bar: ProgressBar = _no_bar


def show_progress(bar: ProgressBar | None) -> None:
    """Has long work wrapped in a progress bar from now on; None shows none."""
    global _bar
    _bar = bar or _no_bar


def progress(items: Iterable[T], unit: str, total: int | None = None) -> Iterable[T]:
    """Iterates over items, shown by what `show_progress` was given.

    Args:
        items: What to iterate over.
        unit: What an item is, in plural.
        total: Their number, where `items` has no length.
    """
    return _bar(items, unit, total)


def _log(line: str) -> None:
    logger.info("%s", line)


_announce: Callable[[str], object] = _log


def show_announcements(show: Callable[[str], object] | None) -> Callable[[str], object]:
    """Has what `announce` is given shown by a function from now on; None logs it.

    Returns:
        What showed it until now, to be put back.
    """
    global _announce
    before, _announce = _announce, show or _log
    return before


def shows_announcements() -> bool:
    """Tells whether `show_announcements` was given a function: somebody wants to see lines."""
    return _announce is not _log


def announce(line: str) -> None:
    """Tells of the run itself: its data, its steps, its figures, where its files are.

    The command line shows this on standard output, a library logs it (level INFO).
    """
    _announce(line)


class Problems(Protocol):
    """What was left out of a source of data: see `headpose.datasets.label_tables`."""

    notes: list[str]

    def lines(self) -> list[str]: ...


def report(source: object, problems: Problems, strict: bool = False) -> None:
    """Logs what was left out of a source of data.

    Args:
        source: Its name.
        problems: What was left out, a line for each kind.
        strict: Whether any problem is an error.

    Raises:
        HeadposeError: If `strict` and there is a problem.
    """
    for note in problems.notes:
        logger.warning("%s: %s", source, note)
    for line in problems.lines():
        if strict:
            raise HeadposeError(f"{source}: {line}; mend it or leave out --strict")
        logger.warning(
            "%s: %s%s", source, "" if FOUND in line or USED in line else "left out: ", line
        )
