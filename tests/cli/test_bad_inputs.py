"""Some of the bad inputs whose answers tests/README.md lists."""

import sys

import pytest
from bad_input_table import BEGIN, END, README, run_all
from bad_inputs import cases

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux")


def test_there_is_a_table_of_them():
    every = list(cases())
    assert len(every) >= 300
    text = README.read_text(encoding="utf-8")
    assert BEGIN in text
    assert END in text


def test_every_fiftieth_is_told_and_changes_nothing(tmp_path):
    chosen = list(cases())[::50]
    outcomes = run_all(chosen, tmp_path, lanes=2, minutes=5)
    assert len(outcomes) == len(chosen)
    assert [outcome for outcome in outcomes if outcome.fault] == []
