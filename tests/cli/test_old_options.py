"""Options by the names of earlier versions."""

import pytest

from headpose.cli import common as cl


@pytest.fixture
def parser():
    parser = cl.parser("What it does.")
    parser.add_argument("--backend")
    parser.add_argument("--incomplete-labels", nargs="*")
    return parser


@pytest.mark.parametrize("given", [["--runtime", "opencv"], ["--runtime=opencv"]])
def test_an_old_name_works_and_warns(parser, capsys, given):
    assert parser.parse_args(given).backend == "opencv"
    assert "--runtime is called --backend now" in capsys.readouterr().err


def test_new_names_are_taken_in_silence(parser, capsys):
    arguments = parser.parse_args(["--backend", "keras", "--incomplete-labels", "a", "b"])
    assert (arguments.backend, arguments.incomplete_labels) == ("keras", ["a", "b"])
    assert capsys.readouterr().err == ""


def test_an_old_name_of_another_command_is_unknown(parser, capsys):
    with pytest.raises(SystemExit) as end:
        parser.parse_args(["--min-certainty", "3"])
    assert end.value.code == 2
    assert "unrecognized arguments: --min-certainty" in capsys.readouterr().err


@pytest.mark.parametrize("old", cl.OLD_OPTIONS)
def test_every_old_name_is_of_an_option_that_there_is(run_script, old):
    """A name that no command has today would be translated in vain."""
    commands = ("image", "train-detector")
    helps = [run_script(command, "--help").out for command in commands]
    assert any(cl.OLD_OPTIONS[old] in text for text in helps)
