"""Heads of two clean folders matched."""

from pathlib import Path

import pandas as pd
import pytest

from headpose.datasets import matching


def clean_table(*rows, **summary) -> matching.CleanTable:
    """Heads of (source, box, tilt, pan) in one data set."""
    heads = pd.DataFrame(
        [
            dict(
                file=f"crops/x-00000-{i}.png", source=source, dataset="x", mirrored=0,
                tilt=tilt, pan=pan, part="test",
                **dict(zip(("xmin", "ymin", "xmax", "ymax"), map(float, box), strict=True)),
            )
            for i, (source, box, tilt, pan) in enumerate(rows)
        ]
    )  # fmt: skip
    return matching.CleanTable(Path("some"), heads, heads, summary)


def pairs(matches) -> list[tuple[int, int]]:
    return [tuple(int(f[-5]) for f in pair) for pair in matches.pairs.items()]


LEFT, RIGHT = (0, 0, 10, 10), (6, 0, 16, 10)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        # Boxes drawn to the neighbour's place go by their labels.
        ([("a", (5, 0, 15, 10), 1, 1), ("a", (1, 0, 11, 10), 2, 2)], [(0, 0), (1, 1)]),
        ([("a", RIGHT, 2, 2), ("a", LEFT, 1, 1)], [(0, 1), (1, 0)]),
        ([("a", LEFT, 2, 2), ("a", RIGHT, 1, 1)], []),  # too far away
        ([("b", LEFT, 1, 1)], []),
        ([("a", LEFT, 1, 1.005), ("a", LEFT, 1, 1.02)], [(0, 0)]),
        ([("a", LEFT, 1, 1), ("a", (1, 0, 11, 10), 1, 1)], [(0, 0)]),
    ],
)
def test_place_and_label_must_agree(second, expected):
    reference = clean_table(("a", LEFT, 1, 1), ("a", RIGHT, 2, 2))
    matches = matching.match_by_box(reference, clean_table(*second))
    assert pairs(matches) == expected
    assert matches.counts["matched"] == len(expected)


def test_what_is_at_another_place_is_counted():
    reference = clean_table(("a", LEFT, 1, 1), ("b", LEFT, 1, 1))
    second = clean_table(("a", (20, 0, 30, 10), 1, 1), ("b", LEFT, 1, 1))
    matches = matching.match_by_box(reference, second)
    assert pairs(matches) == [(1, 1)]
    assert matches.counts["same picture and labels, but at another place"] == 1


def test_angles_that_several_heads_have_are_counted():
    reference = clean_table(
        ("a", LEFT, 1, 1), ("b", LEFT, 0, 0), ("c", LEFT, 0, 0), ("d", LEFT, 5, 5)
    )
    second = clean_table(
        ("c", LEFT, 0, 0), ("b", LEFT, -0.0, 0), ("x", LEFT, 0, 0), ("a", LEFT, 1, 1)
    )
    matches = matching.match_by_angles(reference, second)
    assert pairs(matches) == [(0, 3), (1, 0), (2, 1)]
    assert matches.counts == {
        "heads of the reference": 4,
        "heads of the second": 4,
        "matched": 3,
        "only in the reference": 1,
        "only in the second": 1,
        "matched by angles that one head of each has": 1,
        "matched by chance, of several heads with these angles": 2,
        "pairs of angles in both": 2,
        "pairs of angles that several heads have": 1,
        "matched, but of different pictures": 2,
    }
