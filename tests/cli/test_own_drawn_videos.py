"""Videos that headpose drew on are left out of folders and archives, told where they are named."""

import csv
import json
import tarfile

import cv2
import numpy as np
import pytest

pytest.importorskip("av", reason="PyAV is not installed (the extra video)")
from videos import evenly, make_video

from headpose.images.drawn_mark import marked
from headpose.video.drawn_mark import is_drawn_video

QUICK = ("--detector", "viola-jones", "--estimator", "fast")
FRAMES = 4
LEFT_OUT = "left out 1 file that headpose drew on or hid heads in: output/v.mp4; what is named"


@pytest.fixture
def here(tmp_path, monkeypatch, run_script):
    """The working folder: a video, and in `output` what was drawn of it."""
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "v.mp4", evenly(FRAMES))
    done = run_script("video", "v.mp4", "--output", "output/", *QUICK)
    assert done.status == 0, done.err
    return tmp_path


def files_in(table) -> list[str]:
    with table.open(newline="") as file:
        return [row["file"] for row in csv.DictReader(file)]


@pytest.mark.parametrize("command", ["image", "video"])
@pytest.mark.parametrize("given", [".", "**/*.mp4"])
def test_drawn_videos_that_are_found_are_left_out_and_told(run_script, here, command, given):
    done = run_script(command, given, "--output", "new/", "--csv", "t.csv", "--empty", *QUICK)
    assert done.status == 0, done.err
    assert LEFT_OUT in done.err
    assert files_in(here / "t.csv") == ["v.mp4"] * FRAMES
    assert [file.name for file in (here / "new").rglob("*")] == ["v.mp4"]


def test_the_drawings_of_photos_and_videos_are_told_in_one_sentence(run_script, here):
    photo = cv2.imencode(".png", np.full((40, 50, 3), 90, np.uint8))[1].tobytes()
    (here / "output" / "a.png").write_bytes(marked(photo))
    done = run_script("image", ".", "--output", "new", *QUICK)
    assert done.status == 0, done.err
    told = "left out 2 files that headpose drew on or hid heads in: output/a.png, output/v.mp4;"
    assert told in done.err


@pytest.mark.parametrize("command", ["image", "video"])
def test_a_folder_of_nothing_else_is_no_success(run_script, here, command):
    done = run_script(command, "output", "--output", "new/", "--csv", "t.csv", *QUICK)
    assert done.status == 1
    assert LEFT_OUT in done.err


@pytest.mark.parametrize("command", ["image", "video"])
def test_a_drawn_video_that_is_named_is_taken_and_told(run_script, here, command):
    given = "output/v.mp4", "--output", "new/", "--csv", "t.csv", "--empty"
    done = run_script(command, *given, *QUICK)
    assert done.status == 0, done.err
    assert "output/v.mp4: a drawing that headpose made of a video, which may hide" in done.err
    assert files_in(here / "t.csv") == ["output/v.mp4"] * FRAMES


def test_one_that_is_named_beside_its_folder_is_taken(run_script, here):
    done = run_script("video", ".", "output/v.mp4", "--csv", "t.csv", "--empty", *QUICK)
    assert done.status == 0, done.err
    assert "left out 1 file that headpose drew on" not in done.err
    assert set(files_in(here / "t.csv")) == {"v.mp4", "output/v.mp4"}


def test_archives_leave_drawn_videos_out(run_script, here):
    with tarfile.open(here / "shard.tar", "w") as shard:
        shard.add("output/v.mp4", "member.mp4")
    given = "v.mp4", "output", "shard.tar", "--output", "archive", "--empty"
    done = run_script("annotate", *given, *QUICK)
    assert done.status == 1
    lines = (here / "archive" / "failures.jsonl").read_text().splitlines()
    told = "a drawing that headpose made of a video; name the video"
    assert {failure["file"]: failure["reason"] for failure in map(json.loads, lines)} == {
        "output/v.mp4": f"output/v.mp4: {told}",
        "shard.tar/member.mp4": f"shard.tar/member.mp4: {told}",
    }
    tables = (here / "archive" / "heads").iterdir()
    rows = [json.loads(line) for table in tables for line in table.read_text().splitlines()]
    assert [row["file"] for row in rows] == ["v.mp4"] * FRAMES


@pytest.mark.parametrize(
    ("options", "marked"),
    [
        (("--draw", "none"), False),
        (("--draw", "none", "--blur"), True),
        (("--draw", "none", "--labels", "short"), True),
    ],
)
def test_a_copy_on_which_nothing_is_drawn_has_no_mark(run_script, here, options, marked):
    done = run_script("video", "v.mp4", "--output", "copy.mkv", *options, *QUICK)
    assert done.status == 0, done.err
    assert is_drawn_video(here / "copy.mkv") == marked


@pytest.mark.parametrize("command", ["image", "video", "annotate"])
def test_copies_are_left_out_where_the_video_is_found_too(run_script, here, command):
    (here / "output" / "v.mp4").unlink()
    copied = run_script("video", "v.mp4", "--draw", "none", "--output", "output/", *QUICK)
    assert copied.status == 0, copied.err
    (here / "other").mkdir()
    make_video(here / "other" / "v.mp4", evenly(FRAMES + 1))
    done = run_script(command, ".", "--output", "new/", *QUICK)
    told = "left out 1 file that headpose copied from others here: output/v.mp4; what is named"
    assert done.status == 0, done.err
    assert told in done.err
    alone = run_script(command, "output", "--output", "alone/", *QUICK)
    assert (alone.status, "copied" in alone.err) == (0, False), alone.err


@pytest.mark.parametrize("address", ["output/v.mp4", "file://{here}/output/v.mp4"])
def test_a_copy_of_a_drawing_is_a_drawing(run_script, here, address):
    name = address.format(here=here)
    done = run_script("video", name, "--draw", "none", "--output", "c.mkv", *QUICK)
    assert done.status == 0, done.err
    assert is_drawn_video(here / "c.mkv")


def test_a_copy_of_a_video_named_by_its_address_is_known(run_script, here):
    address = f"file://{here}/v.mp4"
    done = run_script("video", address, "--draw", "none", "--output", "output/v.mp4", "--overwrite")
    assert done.status == 0, done.err
    done = run_script("video", ".", "--output", "new/", "--csv", "t.csv", "--empty", *QUICK)
    assert "headpose copied from others here: output/v.mp4" in done.err
    assert files_in(here / "t.csv") == ["v.mp4"] * FRAMES
