"""How `--help` of the commands is laid out."""

import pytest

from headpose.cli import common as cl

TEXT = """Measures what it is given.

The first paragraph is longer than a line and goes on
in the next one.

    headpose evaluate ours    FOLDER

The last."""


@pytest.mark.parametrize(
    ("columns", "first"),
    [
        ("42", "The first paragraph is longer than a"),
        ("200", "The first paragraph is longer than a line and goes on in the next one."),
    ],
)
def test_paragraphs_stay_apart_and_are_as_wide_as_the_terminal(monkeypatch, columns, first):
    monkeypatch.setenv("COLUMNS", columns)
    parser = cl.parser(TEXT, epilog="One.\n\nTwo.")
    lines = parser.format_help().splitlines()
    assert max(map(len, lines)) <= int(columns)
    start = lines.index("Measures what it is given.")
    assert lines[start + 1 : start + 3] == ["", first]
    # An indented paragraph is an example.
    example = lines.index("    headpose evaluate ours    FOLDER")
    assert lines[example - 1] == ""
    assert lines[example + 1 : example + 4] == ["", "The last.", ""]
    assert lines[-3:] == ["One.", "", "Two."]


@pytest.mark.parametrize("command", ["train", "evaluate", "evaluate-detector", "pseudo-labels"])
def test_commands_keep_the_paragraphs_of_their_descriptions(run_script, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "70")
    done = run_script(command, "--help")
    assert done.status == 0
    described = done.out.partition("\npositional arguments:")[0].partition("\n\n")[2]
    assert described.count("\n\n") >= 1
    assert max(map(len, described.splitlines())) <= 68
