"""How the library says how far it is and what it left out: a progress hook, and logging.

The library prints nothing and draws no bar. Whoever uses it may pass `show_progress` a
function that wraps an iterable, as the command line does with tqdm, and may set up the
logger `headpose` as any other.
"""

import logging
from collections.abc import Iterable
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
