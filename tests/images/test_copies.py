"""Copies that headpose wrote count once with their photos, and are photos where they are alone."""

import csv
import functools
import json
import os
import re

import cv2
import numpy as np
import pytest

from headpose.images.copies import COPY, copy_mark, leave_copies_out, mark_of_copy
from headpose.images.drawn_mark import is_drawing, marked, read_photo, write_drawing
from headpose.images.listing import find_inputs
from headpose.images.pictures import read_image, write_image

QUICK = ("--detector", "viola-jones", "--estimator", "fast")


def photo(path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((40, 50, 3), grey, np.uint8))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder: photos without a head, two of one name."""
    for number, name in enumerate(("a.png", "b.jpg", "sub/a.png", "c.webp")):
        photo(tmp_path / name, 60 + 20 * number)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_in(table) -> list[str]:
    with table.open(newline="") as file:
        return sorted(row["file"] for row in csv.DictReader(file))


PHOTOS = ["a.png", "b.jpg", "c.webp", "sub/a.png"]


@pytest.mark.parametrize("options", [(), ("--draw", "none")])
def test_a_second_run_counts_no_photo_twice(run_script, here, options):
    assert run_script("image", ".", *options, *QUICK).status == 0
    given = ("image", ".", "--output", "new", "--csv", "t.csv", "--empty")
    done = run_script(*given, *QUICK)
    assert done.status == 0, done.err
    assert "left out 4 files that headpose copied from others here: output/a.png," in done.err
    assert files_in(here / "t.csv") == PHOTOS
    done = run_script("annotate", ".", "--output", "heads", "--empty", *QUICK)
    assert done.status == 0, done.err
    assert "left out 8 files that headpose copied from others here" in done.err
    (table,) = (here / "heads" / "heads").iterdir()
    rows = [json.loads(line)["file"] for line in table.read_text().splitlines()]
    assert sorted(rows) == PHOTOS


def test_copies_alone_are_photos(run_script, here):
    assert run_script("image", ".", *QUICK).status == 0
    given = ("image", "output", "--output", "new", "--csv", "t.csv", "--empty")
    done = run_script(*given, *QUICK)
    assert (done.status, "copied" in done.err) == (0, False), done.err
    assert files_in(here / "t.csv") == [f"output/{name}" for name in PHOTOS]


def test_a_copy_that_is_named_is_taken(run_script, here):
    assert run_script("image", ".", *QUICK).status == 0
    given = ("image", "a.png", "output/a.png", "--output", "new", "--csv", "t.csv", "--empty")
    done = run_script(*given, *QUICK)
    assert (done.status, "copied" in done.err) == (0, False), done.err
    assert files_in(here / "t.csv") == ["a.png", "output/a.png"]


def left(*names: str) -> list[str]:
    found = find_inputs(names)
    leave_copies_out(found)
    return sorted(file.as_posix() for file in found.files)


def copy(path, of) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = read_image(of)
    write_drawing(path, picture, picture, lambda: mark_of_copy(of))


def test_only_a_copy_of_what_is_there_is_left_out(here):
    """Not of another photo of that name, nor of one that has changed since."""
    copy(here / "out" / "a.png", here / "a.png")
    copy(here / "out" / "b-2.png", here / "b.jpg")
    copy(here / "out" / "c.png", here / "c.webp")
    photo(here / "c.webp", 10)
    assert left(".") == [*PHOTOS[:3], "out/c.png", "sub/a.png"]
    assert left("out", "sub") == ["out/a.png", "out/b-2.png", "out/c.png", "sub/a.png"]


def test_many_pictures_of_one_name_are_looked_at_once(here, monkeypatch):
    for number in range(30):
        photo(here / f"in{number}" / "a.png", number)
        copy(here / f"out{number}" / "a.png", here / f"in{number}" / "a.png")
    from headpose.images import copies

    read = []
    copy_mark = copies.copy_mark
    monkeypatch.setattr(copies, "copy_mark", lambda file: read.append(file) or copy_mark(file))
    assert left(".") == sorted([*PHOTOS, *(f"in{number}/a.png" for number in range(30))])
    assert len(read) == len(set(read))


def test_a_copy_of_a_drawing_is_a_drawing(here):
    picture = read_image("a.png")
    write_drawing(here / "drawn.png", picture // 2, picture)
    copy(here / "out" / "drawn.png", here / "drawn.png")
    assert is_drawing(here / "out" / "drawn.png")


def test_copies_among_other_pictures_are_known(here):
    """Though the first and the last picture of their folder are others of a name."""
    for name in ("0.png", "z.png"):
        photo(here / name, 5)
        photo(here / "out" / name, 9)
    copy(here / "out" / "a.png", here / "a.png")
    assert left(".") == sorted([*PHOTOS, "0.png", "z.png", "out/0.png", "out/z.png"])


@pytest.mark.parametrize("name", ["a.png", "b.jpg", "c.webp"])
def test_a_copy_that_was_changed_is_a_photo(here, name):
    place = here / "out" / name
    copy(place, here / name)
    assert left(".") == PHOTOS
    mark = re.search(rb"copied by headpose of [0-9a-f-]+", place.read_bytes())[0]
    changed = cv2.circle(read_image(place), (20, 20), 9, (0, 0, 200), -1)
    write_image(place, changed, functools.partial(marked, mark=mark))
    assert mark in place.read_bytes()
    assert left(".") == sorted([*PHOTOS, f"out/{name}"])


def test_the_mark_changes_nothing_that_is_seen(tmp_path, noise_picture):
    of = tmp_path / "a.png"
    cv2.imwrite(str(of), noise_picture(60, 41))
    for suffix in (".png", ".jpg", ".webp"):
        place, plain = tmp_path / f"copy{suffix}", tmp_path / f"plain{suffix}"
        copy(place, of)
        write_drawing(plain, read_image(of), read_image(of))
        np.testing.assert_array_equal(read_photo(place), read_image(plain))
        assert COPY in place.read_bytes()
        assert not is_drawing(place)
    assert marked(b"BM", COPY) == b"BM"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_was_read_from_a_pipe_has_none(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert copy_mark(tmp_path / "a.png") is None
    assert copy_mark(tmp_path / "gone.png") is None
