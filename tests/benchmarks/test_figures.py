"""Figures of documents: marked with the command that prints them, and compared with it."""

import shlex
import sys
from pathlib import Path

import figures
import pytest

from headpose.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]

STATED = """
| heads | headpose | other |
| --- | ---: | ---: |
| HELEN | **4.2** | 3.8 |
| SCUT-HEAD | 1,234 | - |
"""


def test_what_is_printed_agrees():
    printed = "text\n\n| heads | headpose | other |\n|---|---|---|\n| HELEN | 4.2 | 3.8 |\n"
    printed += "| SCUT-HEAD | 1,234 | - |\n| further | 9 | 9 |\n"
    assert figures.differences(STATED, printed) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("| HELEN | 4.2 | 3.8 |", "| HELEN | 4.3 | 3.8 |", ["HELEN: 4.2 is now 4.3"]),
        ("| HELEN | 4.2 | 3.8 |", "", ["HELEN: no such row is printed"]),
        ("| HELEN | 4.2 | 3.8 |", "| HELEN | 4.2 |", ["HELEN: 3 cells, 2 printed"]),
        ("| 1,234 | - |", "| 1,233 | 7 |", ["SCUT-HEAD: 1,234 is now 1,233, - is now 7"]),
    ],
)
def test_what_differs_is_told(old, new, told):
    printed = STATED.replace("**", "")
    assert old in printed
    assert figures.differences(STATED, printed.replace(old, new)) == told


def test_of_rows_with_one_name_the_nearest_counts():
    stated = "| of |\n| --- |\n| none | 10.7 | 6.4 |\n"
    printed = "| of |\n| --- |\n| none | 1.0 | 1.0 |\n\n| of |\n| --- |\n| none | 10.7 | 6.5 |\n"
    assert figures.differences(stated, printed) == ["none: 6.4 is now 6.5"]


def test_documents_may_leave_out_columns():
    printed = "| of | ms | AP | heads |\n| --- | --- | --- | --- |\n| all | 31 | .8 | 7 |\n"
    assert figures.differences("| of | AP |\n| --- | --- |\n| all | .8 |\n", printed) == []
    told = figures.differences(
        "| of | heads | AP |\n| --- | --- | --- |\n| all | 7 | .9 |\n", printed
    )
    assert told == ["all: .9 is now .8"]
    told = figures.differences("| of | F1 |\n| --- | --- |\n| all | .8 |\n", printed)
    assert told == ["all: 2 cells, 4 printed"]


def test_numbers_may_differ_by_a_share():
    stated, printed = "| a | 100 ms |\n", "| a | 104 ms |\n"
    assert figures.differences(stated, printed, tolerance=0.05) == []
    assert figures.differences(stated, printed, tolerance=0.03) == ["a: 100 ms is now 104 ms"]
    assert figures.differences(stated, "| a | 104 s |\n", tolerance=0.05) != []


def test_numbers_in_sentences_are_looked_for():
    assert figures.differences("3 of 40 were found\n", "40 heads, 3 found") == []
    assert figures.differences("3 of 40 were found\n", "41 heads, 3 found") == ["40 is not printed"]


def test_a_mark_without_an_end_is_told(tmp_path):
    document = tmp_path / "a.md"
    document.write_text("<!-- printed by: headpose doctor -->\n| a | 1 |\n")
    with pytest.raises(figures.HeadposeError, match="without"):
        figures.find_figures([document])


def test_marks_in_the_documents_name_commands_that_are_there():
    found = figures.find_figures()
    assert len(found) >= 5
    for one in found:
        words = shlex.split(one.command)
        if words[0] == "headpose":
            assert words[1] in COMMANDS, one.place
        else:
            assert words[0] == "python", one.place
            assert words[1] == "-c" or (ROOT / words[1]).is_file(), one.place


def test_the_script_runs_commands_and_says_what_differs(tmp_path, run_fresh, monkeypatch):
    command = "python -c \"print('| a | 1 |'); print('| b | 2 |')\""
    document = ROOT / "docs" / "conventions.md"
    done = run_fresh("benchmarks/figures.py", document)
    assert done.status == 0, done.out
    assert "1 agree, 0 differ, 0 fail, 0 left out" in done.out
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["figures.py", str(tmp_path / "b.md")])
    (tmp_path / "b.md").write_text(
        f"<!-- printed by: {command} -->\n| a | 1 |\n| b | 3 |\n<!-- end of printed -->\n\n"
        "<!-- printed by: python -c 'raise SystemExit(3)' -->\n| c | 1 |\n<!-- end of printed -->\n"
        "<!-- printed by: headpose trust DATA/x.csv -->\n| d | 1 |\n<!-- end of printed -->\n"
        "<!-- by hand: headpose web -->\n| e | 1 |\n<!-- end of printed -->\n"
    )
    lines = []
    monkeypatch.setattr("builtins.print", lambda text, **_: lines.append(text))
    assert figures.main() == 1
    told = "\n".join(lines)
    assert "    b: 3 is now 2" in told
    assert "b.md:6: fails" in told
    assert "left out (DATA not given)" in told
    assert "left out (by hand)" in told
    assert lines[-1] == "0 agree, 1 differ, 1 fail, 2 left out"
