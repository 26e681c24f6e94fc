"""Tables in Markdown."""

import math
from collections.abc import Sequence
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.files import atomic_write


def cell(value: float, form: str = ".2f") -> str:
    """Returns a number as a cell; a dash for NaN, where there is nothing to tell."""
    return "-" if math.isnan(value) else format(value, form)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Lays cells out, so many columns to the left, the others to the right."""
    lines = [head, [*["---"] * left, *["---:"] * (len(head) - left)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def replaced(path: Path, marks: tuple[str, str], text: str) -> str:
    """Returns a file's content with other text between two marks.

    Raises:
        HeadposeError: If the file or a mark is missing.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read; --write needs it") from error
    begin, end = marks
    first, last = content.find(begin), content.find(end)
    if first < 0 or last < first:
        raise HeadposeError(f"{path}: has no {begin} and {end} to write between; add these lines")
    return f"{content[: first + len(begin)]}\n{text.strip()}\n{content[last:]}"


def write_between(path: Path, marks: tuple[str, str], text: str) -> None:
    """Replaces what a file has between two marks; see `replaced`."""
    content = replaced(path, marks, text)
    with atomic_write(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
