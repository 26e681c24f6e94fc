"""Pictures of `headpose evaluate-detector`: those without heads, and sheets of the worst."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from headpose.cli.left_out import LeftOut
from headpose.datasets.problem_kinds import UNREADABLE_PICTURE
from headpose.errors import HeadposeError, PictureError
from headpose.files import atomic_write, numbered
from headpose.reporting import logger

WORST_COUNT = 30
WORST_NAME = 100  # letters of a set and a detector in the name of a sheet


def empty_pictures(names: Sequence[str], left_out: LeftOut, strict: bool = False) -> list[Path]:
    """Returns the pictures without heads that names stand for, each once.

    Each is read once before the work: what cannot be read is told and left out.

    Args:
        names: Files, folders with all that is below them, patterns.
        left_out: Gets those that cannot be read.
        strict: Whether to stop at the first that cannot be read.

    Raises:
        HeadposeError: If a name gives none, or no picture can be read.
    """
    from headpose.datasets.label_tables import Problems
    from headpose.images.copies import leave_copies_out
    from headpose.images.drawn_mark import DRAWING, is_drawing
    from headpose.images.listing import find_inputs
    from headpose.images.pictures import SUFFIXES, read_image
    from headpose.parallel.prefetch import ahead

    found = find_inputs(names, SUFFIXES)
    leave_copies_out(found)
    if found.problems:
        raise HeadposeError(found.problems[0])
    for line in found.left_out:
        logger.warning("--empty: %s", line)
    # A link counts as what it leads to.
    files = list({os.path.realpath(file): file for file in reversed(found.files)}.values())[::-1]
    problems = Problems()

    def check(file: Path) -> Path | None:
        try:
            read_image(file)
        except PictureError:
            problems.add(UNREADABLE_PICTURE, str(file))
            return None
        if is_drawing(file):
            problems.add(DRAWING, str(file))
            return None
        return file

    readable = [file for file in ahead(check, files) if file is not None]
    left_out.report("--empty", problems, strict)
    if files and not readable:
        raise HeadposeError(f"--empty: no picture of {len(files)} can be read")
    return readable


def false_heads(detectors: dict, pictures, confidence: float | None) -> tuple[int, dict[str, int]]:
    """Returns how many pictures there were and how many false heads each detector saw."""
    counts = dict.fromkeys(detectors, 0)
    total = 0
    for picture in pictures:
        total += 1
        for name, detector in detectors.items():
            counts[name] += len(detector.detect([picture], confidence)[0][0])
    return total, counts


def report_false_heads(
    silent: Iterable[tuple[str, Iterable]], detectors: dict, confidence: float | None
) -> dict:
    """Counts what detectors find where nobody is, and prints it.

    Args:
        silent: What pictures show, and these, of each kind.
        detectors: By name.
        confidence: Their threshold; None takes each one's own.

    Returns:
        The numbers of pictures and of false heads by detector, of each kind.
    """
    false = {}
    for what, seen in silent:
        total, counts = false_heads(detectors, seen, confidence)
        false[what] = {"pictures": total, **counts}
        print(f"\nFalse heads on {total} {what}:")
        print("\n".join(f"- {name}: {count}" for name, count in counts.items()))
    return false


class WorstSheets:
    """Sheets of the worst pictures, one for each set and detector.

    Args:
        target: Before its suffix come the names of the set and the detector.
        count: Pictures on each.
        replace: Whether sheets replace those of an earlier run; in one run none does.
    """

    def __init__(self, target: Path, count: int, replace: bool):
        self._target, self._count, self._replace = target, count, replace
        self._drawn: set[Path] = set()

    def draw(self, name: str, found, threshold: float) -> None:
        """Draws the sheet of a set and a detector, if there is anything to show."""
        from headpose.images.pictures import write_image
        from headpose.training.contact_sheet import contact_sheet, worst_pictures

        chosen = worst_pictures(found, threshold, self._count)
        if not chosen:
            print(f"{name}: no picture shows an error; no sheet is drawn")
            return
        plain = "".join(c if c.isalnum() and c.isascii() else "-" for c in name)
        stem = f"{self._target.stem}-{plain.strip('-')[-WORST_NAME:]}"
        number, suffix = 1, self._target.suffix
        while (path := numbered(self._target.parent, stem, suffix, number)) in self._drawn:
            number += 1
        self._drawn.add(path)
        placed: list[Path] = []
        with atomic_write(path, self._replace, placed) as temporary:
            write_image(temporary, contact_sheet(found, threshold, chosen))
        print(f"wrote {placed[-1]}")
