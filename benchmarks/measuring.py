"""What all benchmarks share: ways that take turns, medians, and cells of tables.

It is imported before `headpose`, which it finds where nothing is installed, too.
"""

# ruff: noqa: E402
import random
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from headpose.cli import common as cl
from headpose.errors import HeadposeError
from headpose.reporting import report

T = TypeVar("T")
NOTHING = "-"  # in a cell


def in_turns(
    ways: Mapping[str, Callable[[], T]], repeats: int, unit: str, warm_up: int = 0
) -> dict[str, list[T]]:
    """Calls ways in turns, so that whatever else the machine does hits all alike.

    Each round has another order: what one leaves in the caches meets all.

    Args:
        ways: By name. One that raises `HeadposeError` is told, and called no more.
        repeats: Rounds that count.
        unit: What the bar calls a round.
        warm_up: Rounds before, that do not count.

    Returns:
        What each gave in the rounds that count; nothing of those that failed.
    """
    rng, given = random.Random(0), {name: [] for name in ways}
    for turn in cl.progress(range(-warm_up, repeats), unit):
        for name in rng.sample(list(given), len(given)):
            try:
                answer = ways[name]()
            except HeadposeError as failure:
                cl.warn(f"{name}: dropped: {failure}")
                del given[name]
                continue
            if turn >= 0:
                given[name].append(answer)
    return given


def median(values: Sequence[float] | None) -> float | None:
    return statistics.median(values) if values else None


def cell(value: float | None, form: str, factor: float = 1) -> str:
    """Returns a number as a cell; a dash where it is not known."""
    return NOTHING if value is None or value != value else format(value * factor, form)


def each_so_many_th(total: int, count: int) -> range:
    """Returns which of all rows are taken: each so many-th from the first on, so many at most.

    Unless `total` is a multiple of `count`, the last ones are left out. Published figures are of
    this choice; `told_choice` says what it is.
    """
    return range(0, total, max(1, total // count))[:count]


def told_choice(chosen: range, total: int, unit: str) -> str:
    """Says which rows are taken, such as "60 of 327 photos: in steps of 5 from number 1 to 296"."""
    if len(chosen) == total:
        return f"all {total} {unit}"
    if len(chosen) < 2:
        return f"the first of {total} {unit}"
    last = chosen[-1] + 1
    return f"{len(chosen)} of {total} {unit}: in steps of {chosen.step} from number 1 to {last}"


def shown_heads(
    table: str, every: int = 1, hidden: float = 0.0
) -> tuple[list, np.ndarray, np.ndarray]:
    """Reads the heads of a table whose roll is known; what is left out is told.

    Args:
        table: See `headpose.baselines.heads.read_table_heads`.
        every: Takes each so many-th head.
        hidden: Share of the boxes' widths, from the left, that will be cut off: heads of which
            that leaves nothing in the picture are left out.

    Returns:
        The picture of each head, its box (N, 4) and its angles (N, 3).

    Raises:
        HeadposeError: If there is none.
    """
    from headpose.baselines.heads import read_table_heads, select_heads, usable_pictures

    heads, problems = read_table_heads(table)
    whole = np.isfinite(heads.angles).all(axis=1)
    for path in heads.pictures[~whole]:
        problems.add("no roll", path.name)
    heads = select_heads(select_heads(heads, whole), slice(None, None, every))
    found = []
    for rows, picture in usable_pictures(heads, problems):
        left, right = heads.boxes[rows][:, [0, 2]].T
        remains = left + hidden * (right - left) < picture.shape[1] - 1
        for path in heads.pictures[rows[~remains]]:
            problems.add("too far outside the picture", path.name)
        found += [(row, picture) for row in rows[remains]]
    report(table, problems)
    if not found:
        raise HeadposeError(f"{table}: no head with a roll in a picture that can be read")
    rows = [row for row, _ in found]
    return [picture for _, picture in found], heads.boxes[rows], heads.angles[rows]
