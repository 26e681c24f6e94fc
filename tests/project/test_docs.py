import argparse
import importlib
import re
import shlex
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from headpose.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = [
    file
    for pattern in ("*.md", "docs/*.md", "models/*.md", "benchmarks/*.md", "comparison/*.md")
    for file in sorted(ROOT.glob(pattern))
]
FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def commands(document: Path) -> list[str]:
    """Returns the command lines of `headpose` in a document, as a shell would join them."""
    lines = [
        re.split(r"[|>&]", line)[0].strip()
        for text in FENCE.findall(document.read_text())
        for line in text.replace("\\\n", " ").splitlines()
    ]
    return [line for line in lines if line.startswith("headpose ")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_pictures_and_files_that_documents_link_to_are_there(document):
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_scripts_that_documents_name_are_there(document):
    named = re.findall(r"\bpython ([\w/]+\.py)", document.read_text())
    for name in named:
        assert (ROOT / name).is_file(), name


class Parsed(Exception):
    """A command line was understood."""


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if commands(d)], ids=name_of)
def test_command_lines_in_documents_are_understood(document, monkeypatch, capsys):
    """By the parser of each command; nothing is run."""

    def parse(parser, given=None, *_):
        words = sys.argv[1:] if given is None else given
        found, rest = parser.parse_known_args(words)
        if rest:
            parser.error(f"unrecognized arguments: {rest}")
        if given is None or given == sys.argv[1:]:
            raise Parsed
        return found

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
    for line in commands(document):
        words = shlex.split(line, comments=True)[1:]
        if not words or words[0].startswith("-"):
            continue
        assert words[0] in COMMANDS, line
        monkeypatch.setattr(sys, "argv", [f"headpose {words[0]}", *words[1:]])
        module = importlib.import_module(f"headpose.cli.{COMMANDS[words[0]][0]}")
        try:
            module.main()
        except Parsed:
            continue
        except SystemExit:
            pytest.fail(f"{line}\n{capsys.readouterr().err}")
        pytest.fail(f"{line}: nothing was parsed")


def test_pages_of_the_site_are_all_in_its_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2]
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name in navigation, page.name


def test_the_drawing_of_angles_shows_positive_pan_toward_the_left(run_script, tmp_path):
    target = tmp_path / "angles.png"
    assert run_script("docs/draw_angles.py", "--output", target).status == 0
    picture = cv2.imread(str(target)).astype(int)
    assert picture.shape == (4 * 234, 130 + 5 * 200, 3)
    blue, _, red = np.moveaxis(picture, -1, 0)
    skin = (red - blue > 40) & (red > 120)
    # The second row: pan 60, 30, 0, -30, -60; eyes and nose pull skin toward where it looks.
    middles = []
    for column in range(5):
        left = 130 + 200 * column
        cell = skin[234 + 60 : 234 + 190, left + 30 : left + 170]
        middles.append(np.nonzero(cell)[1].mean() - 70)
    assert middles[0] < middles[1] < middles[2] < middles[3] < middles[4]
    assert middles[0] < -10
    assert abs(middles[2]) < 5
    assert middles[4] > 10
