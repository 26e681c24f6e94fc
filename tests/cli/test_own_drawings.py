"""What headpose drew on is no photo: left out of folders and archives, told where it is named."""

import csv
import json

import cv2
import numpy as np
import pytest

from headpose.images.drawn_mark import marked

QUICK = ("--detector", "viola-jones", "--estimator", "fast")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder: a photo, and in `output` what was drawn of it."""
    photo = cv2.imencode(".png", np.full((40, 50, 3), 90, np.uint8))[1].tobytes()
    (tmp_path / "output").mkdir()
    (tmp_path / "a.png").write_bytes(photo)
    (tmp_path / "output" / "a.png").write_bytes(marked(photo))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_in(table) -> list[str]:
    with table.open(newline="") as file:
        return [row["file"] for row in csv.DictReader(file)]


@pytest.mark.parametrize("given", [".", "**/*.png"])
def test_drawings_that_are_found_are_left_out_and_told(run_script, here, given):
    more = ("--output", "new", "--csv", "t.csv", "--empty")
    done = run_script("image", given, *more, *QUICK)
    assert done.status == 0, done.err
    assert "left out 1 file that headpose drew on or hid heads in: output/a.png" in done.err
    assert files_in(here / "t.csv") == ["a.png"]


def test_a_folder_of_nothing_else_is_no_success(run_script, here):
    done = run_script("image", "output", "--output", "new", *QUICK)
    assert done.status == 1
    assert "left out 1 file that headpose drew on" in done.err


def test_a_drawing_that_is_named_is_taken_and_told(run_script, here):
    more = ("--output", "new", "--csv", "t.csv", "--empty")
    done = run_script("image", "output/a.png", *more, *QUICK)
    assert done.status == 0, done.err
    assert "output/a.png: a drawing that headpose made of a photo, which may hide" in done.err
    assert files_in(here / "t.csv") == ["output/a.png"]


def test_archives_leave_drawings_out(run_script, here):
    done = run_script("annotate", ".", "--output", "archive", "--empty", *QUICK)
    assert done.status == 1
    (failure,) = map(json.loads, (here / "archive" / "failures.jsonl").read_text().splitlines())
    assert failure["reason"].endswith("a drawing that headpose made of a photo; name the photo")
    (table,) = (here / "archive" / "heads").iterdir()
    assert [json.loads(line)["file"] for line in table.read_text().splitlines()] == ["a.png"]


def test_a_video_of_drawings_is_told(run_script, here):
    pytest.importorskip("av", reason="PyAV is not installed (the extra video)")
    done = run_script("video", "output", "--csv", "t.csv", "--empty", *QUICK)
    assert done.status == 0, done.err
    assert "output: headpose drew on 1 of its pictures before" in done.err
