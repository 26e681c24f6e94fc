"""Sources of training that are named more often than they should be."""

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from headpose.datasets.label_tables import SourceName
from headpose.datasets.repeated_rows import place_of
from headpose.errors import HeadposeError
from headpose.reporting import logger
from headpose.training.run_folder import LABELS

# Among a run's notes: a digest of what is drawn from its labels. Runs of earlier versions lack it.
TAKEN = f"{LABELS}: their boxes, pictures and shares"
SHARED = (
    "%s: %d of its %d pictures are learned from in another source, as %s: what is measured there "
    "will look better than it is"
)
ALIKE = (
    "%s: %d of its %d pictures have names of pictures of the same data set that are learned "
    "from, as %s: if they are the same, what is measured there will look better than it is"
)


@dataclasses.dataclass(frozen=True)
class Shown:
    """A picture that a source shows.

    Attributes:
        file: Where it is; None where only a crop of it is there.
        name: Its data set and what it is called there; empty where that is not known.
    """

    file: Path | None = None
    name: str = ""

    @property
    def place(self) -> str:
        """The file without links; empty where it is not known."""
        return place_of(self.file) if self.file else ""


Pictures = Sequence[tuple[SourceName, Iterable[Shown]]]


def check_each_once(sources: Iterable[SourceName]) -> None:
    """Refuses sources to learn from that are given twice.

    Raises:
        HeadposeError: If one is, and would be drawn from twice as often as it seems.
    """
    seen = set()
    for source in sources:
        known = (os.path.realpath(source.path), source.known_part, source.incomplete)
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
        if any(_is_the_same(source, other) for other in learned):
            logger.warning(
                "%s is learned from and measured on: what is measured there will look better "
                "than it is",
                source,
            )


def _is_part_of_one(source: SourceName, other: SourceName) -> bool:
    """Tells whether two names are of one clean folder, which was divided as it was asked to."""
    same = os.path.realpath(source.path) == os.path.realpath(other.path)
    return same and source.path.is_dir()


def _is_the_same(source: SourceName, other: SourceName) -> bool:
    """Tells whether two names are of one source, and of one part of it."""
    parts = not source.part or not other.part or source.known_part == other.known_part
    return parts and os.path.realpath(source.path) == os.path.realpath(other.path)


def warn_of_shared_pictures(learned: Pictures, measured: Pictures) -> None:
    """Warns of pictures that are measured on in one source and learned from in another.

    Args:
        learned: Sources to learn from, with their pictures, each once.
        measured: Sources to measure on; `warn_of_the_same` has told of those that are both.
    """
    for source, pictures in measured:
        others = [
            more
            for other, more in learned
            if not (_is_the_same(source, other) or _is_part_of_one(source, other))
        ]
        known = {shown.place for more in others for shown in more}
        # Files of one name may be different ones; where one is not known the name tells.
        named = {shown.name for more in others for shown in more}
        crops = {shown.name for more in others for shown in more if not shown.file}
        every = list(pictures)
        shared = [shown.place for shown in every if shown.file and shown.place in known]
        alike = [
            shown.name
            for shown in every
            if shown.name and shown.name in (crops if shown.file else named)
        ]
        for found, told in ((shared, SHARED), (alike, ALIKE)):
            if found:
                example = os.path.basename(min(found))  # noqa: PTH119 - of a text
                logger.warning(told, source, len(found), len(every), example)
