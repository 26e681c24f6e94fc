"""The front page: each of its commands is run as it is typed there."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from headpose.cli.main import COMMANDS
from headpose.images.pictures import read_image

ROOT = Path(__file__).resolve().parents[2]

PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
PEOPLE = ROOT / "docs" / "people.jpg"
# Installing is what tests/install does, in an environment of its own.
INSTALLING = ("pip install",)
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def typed(kind: str = "sh") -> list[str]:
    return [
        line
        for found, text in FENCE.findall(PAGE)
        if found == kind
        for line in text.splitlines()
        if line and not line.startswith("#") and not line.startswith(INSTALLING)
    ]


@pytest.fixture(scope="module")
def desk(tmp_path_factory, portrait) -> Path:
    """A folder as a reader has it: photos, a clip, labels; and `headpose` on the path."""
    desk = tmp_path_factory.mktemp("desk")
    (desk / "photos" / "below").mkdir(parents=True)
    shutil.copy(portrait, desk / "photo.jpg")
    shutil.copy(portrait, desk / "photos" / "one.jpg")
    shutil.copy(PEOPLE, desk / "photos" / "below")
    picture = read_image(portrait)[20:404, 40:488]
    clip = cv2.VideoWriter(str(desk / "clip.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 10, (448, 384))
    for i in range(8):
        clip.write(np.roll(picture, 3 * i, axis=1))
    clip.release()
    with (desk / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "xmin", "ymin", "xmax", "ymax", "tilt", "pan", "roll", "part"])
        for i in range(12):
            part = "validation" if i % 3 == 0 else "train"
            table.writerow(["photo.jpg", 150 + i, 80, 370 + i, 350, i - 9, 3 * i - 15, 4 - i, part])
    programs = desk / "bin"
    programs.mkdir()
    program = programs / "headpose"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m headpose "$@"\n')
    program.chmod(0o755)
    return desk


def run(line: str, desk: Path) -> str:
    environment = os.environ | {
        "PATH": f"{desk / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        line, shell=True, cwd=desk, capture_output=True, text=True, env=environment, timeout=900,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout[-1000:]}{done.stderr[-2000:]}"
    return done.stdout


TRAINING = ("evaluate", "train", "compare")


def is_training(line: str) -> bool:
    """Tells whether a command is of what was trained, as are TRAINING and who uses the result."""
    return shlex.split(line)[1] in TRAINING or "mine.keras" in line


def lines_of(training: bool) -> list[str]:
    """Returns the commands that want the extra `train`, or the others."""
    return [line for line in typed() if is_training(line) == training]


def test_the_page_is_short_and_begins_with_a_picture():
    lines = PAGE.splitlines()
    assert len(lines) < 200
    assert any(line.startswith("![") for line in lines[:8])


def test_its_commands_work_as_typed(desk):
    """In their order: some read what others wrote."""
    for package in ("av", "scipy", "matplotlib"):
        pytest.importorskip(package, reason="the extra video is not installed")
    lines = lines_of(training=False)
    assert len(lines) == 6
    for line in lines:
        run(line, desk)
    made = ["output/grace_hopper.jpg", "output/below/people.jpg", "followed.mp4", "hidden.mp4"]
    for name in [*made, "clip.csv", "attention/positions.csv", "archive"]:
        assert (desk / name).exists(), name
    with (desk / "heads.csv").open(newline="") as file:
        files = {Path(row["file"]).name for row in csv.DictReader(file)}
    assert files == {"one.jpg", "people.jpg"}


def test_its_training_commands_work_as_typed(desk):
    for package in ("tensorflow", "pandas", "sklearn"):
        pytest.importorskip(package, reason="the extra train is not installed")
    lines = lines_of(training=True)
    assert [shlex.split(line)[1] for line in lines] == [*TRAINING, "image"]
    for line in lines:
        run(line, desk)
    assert (desk / "mine.keras").stat().st_size > 1e6


def test_its_python_works(desk):
    (code,) = [text for kind, text in FENCE.findall(PAGE) if kind == "python"]
    (desk / "program.py").write_text(code)
    out = run(f"{shlex.quote(sys.executable)} program.py", desk)
    assert len(out.splitlines()) == 1


def test_the_commands_that_its_tables_name_are_there():
    named = set(re.findall(r"`headpose ([a-z][a-z-]*)", PAGE))
    assert len(named) > 10
    assert named <= set(COMMANDS)


def test_the_picture_is_what_the_command_draws(tmp_path, run_script):
    options = ["--detector-size", "256", "--confidence", "0.08"]
    done = run_script("image", PEOPLE, *options, "--output", tmp_path, "--json", "-")
    assert done.status == 0
    heads = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
    drawn, shown = (
        cv2.imread(str(path)).astype(int)
        for path in (tmp_path / "people.jpg", ROOT / "docs" / "people_annotated.jpg")
    )
    assert drawn.shape == shown.shape
    # Other weights move arrows a little; a picture of another drawing differs everywhere.
    assert np.abs(drawn - shown).mean() < 10
    assert len(heads) >= 8
    pans = np.array([head["pan"] for head in heads])
    assert pans.max() > 40
    assert pans.min() < -30
