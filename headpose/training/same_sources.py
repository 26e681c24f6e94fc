"""Sources of training that are named more often than they should be."""

import os
from collections.abc import Iterable, Sequence

from headpose.datasets.label_tables import SourceName
from headpose.errors import HeadposeError
from headpose.reporting import logger


def check_each_once(sources: Iterable[SourceName]) -> None:
    """Refuses sources to learn from that are given twice.

    Raises:
        HeadposeError: If one is, and would be drawn from twice as often as it seems.
    """
    seen = set()
    for source in sources:
        known = (os.path.realpath(source.path), source.part, source.incomplete)
        if known in seen:
            raise HeadposeError(
                f"{source}: given twice to learn from; name it once, for more of the examples "
                f"as {source}@2"
            )
        seen.add(known)


def warn_of_the_same(learned: Sequence[SourceName], measured: Sequence[SourceName]) -> None:
    """Warns of sources that are measured on though they are learned from.

    Args:
        learned: Sources to learn from.
        measured: Sources to measure on; a part of a source is within the whole of it.
    """
    for source in measured:
        place = os.path.realpath(source.path)
        for other in learned:
            same = not source.part or not other.part or source.part == other.part
            if same and os.path.realpath(other.path) == place:
                logger.warning(
                    "%s is learned from and measured on: what is measured there will look better "
                    "than it is",
                    source,
                )
                break
