"""Ways that take turns, and their medians in cells."""

import itertools
import math
from collections import Counter

import pytest
from measuring import cell, in_turns, median

from headpose.errors import HeadposeError


def test_ways_take_turns_and_the_first_rounds_do_not_count():
    called = []
    ways = {name: lambda name=name: called.append(name) or len(called) for name in "abc"}
    given = in_turns(ways, repeats=4, unit="rounds", warm_up=2)
    rounds = [called[i : i + 3] for i in range(0, 18, 3)]
    assert all(Counter(one) == Counter("abc") for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1  # in another order
    assert {name: len(answers) for name, answers in given.items()} == dict.fromkeys("abc", 4)
    assert sorted(itertools.chain(*given.values())) == list(range(7, 19))


def test_a_way_that_fails_is_told_and_called_no_more(capsys):
    calls = Counter()

    def fail():
        calls["fail"] += 1
        raise HeadposeError("no such model")

    assert in_turns({"a": fail, "b": lambda: 1}, 3, "rounds") == {"b": [1, 1, 1]}
    assert calls["fail"] == 1
    assert "a: dropped: no such model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "form", "factor", "shown"),
    [(0.0125, ".1f", 1000, "12.5"), (1234, ",", 1, "1,234"), (None, ".1f", 1, "-"),
     (math.nan, ".0f", 1, "-")],
)  # fmt: skip
def test_a_cell_is_a_number_or_a_dash(value, form, factor, shown):
    assert cell(value, form, factor) == shown


def test_no_values_have_no_median():
    assert median([]) is median(None) is None
    assert median([3.0, 1.0, 2.0]) == 2.0
