"""Pictures that are measured on: each once, none replaced, a bad one costs no other."""

import json

import cv2
import numpy as np
import pytest
from drawn_heads import disc_pictures, spot_heads

from headpose.cli.detector_pictures import empty_pictures
from headpose.cli.left_out import LeftOut
from headpose.errors import HeadposeError
from headpose.images.copies import mark_of_copy
from headpose.images.drawn_mark import write_drawing
from headpose.images.pictures import read_image

QUICK = ("evaluate-detector", "viola-jones", "--data")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder: `t.csv` with boxes, and `empty` with four pictures, one by a link."""
    disc_pictures(tmp_path, 2, 1).rename(tmp_path / "t.csv")
    (tmp_path / "empty").mkdir()
    for i in range(3):
        cv2.imwrite(str(tmp_path / "empty" / f"{i}.png"), np.full((60, 60, 3), 40 * i, np.uint8))
    (tmp_path / "empty" / "link.png").symlink_to("0.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_bad_picture_without_heads_costs_no_other(run_script, here):
    (here / "empty" / "z.png").write_text("no picture")
    names = ["empty", "./empty/1.png", "empty/1.png", str(here / "empty" / "2.png")]
    done = run_script(*QUICK, "t.csv", "--json", "out.json", "--empty", *names)
    assert done.status == 1, done.err
    assert "--empty: left out: unreadable picture: 1 (empty/z.png)" in done.err
    report = json.loads((here / "out.json").read_text())
    assert report["left out"] == {"unreadable picture": 1}
    told = report["false heads"]
    assert told["pictures without heads"]["pictures"] == 3
    done = run_script(*QUICK, "t.csv", "--strict", "--empty", *names)
    assert done.status == 1
    assert "unreadable picture: 1 (empty/z.png)" in done.err
    done = run_script(*QUICK, "t.csv", "--empty", "empty/z.png")
    assert done.status == 1
    assert "--empty: no picture of 1 can be read" in done.err


def test_folders_without_heads_are_searched_with_all_that_is_below_them(here):
    below = here / "empty" / "a" / "b"
    below.mkdir(parents=True)
    cv2.imwrite(str(below / "9.png"), np.zeros((8, 8, 3), np.uint8))
    found = sorted(str(path) for path in empty_pictures(["empty", "empty/a"], LeftOut()))
    assert found == ["empty/0.png", "empty/1.png", "empty/2.png", "empty/a/b/9.png"]
    assert [str(path) for path in empty_pictures(["empty/**/9.png"], LeftOut())] == [
        "empty/a/b/9.png"
    ]


def test_what_headpose_wrote_among_pictures_without_heads_is_left_out_and_told(here, caplog):
    of = here / "empty" / "1.png"
    picture = read_image(of)
    (here / "empty" / "output").mkdir()
    copied, drawn = (here / "empty" / "output" / name for name in ("1.png", "2.png"))
    write_drawing(copied, picture, picture, lambda: mark_of_copy(of))
    write_drawing(drawn, 255 - picture, picture)
    found = sorted(str(path) for path in empty_pictures(["empty"], LeftOut()))
    assert found == ["empty/0.png", "empty/1.png", "empty/2.png"]
    assert "headpose copied from others here: empty/output/1.png" in caplog.text
    assert "drawing that headpose made of a photo: 1 (empty/output/2.png)" in caplog.text
    for name in ("nothing", "empty/*.gif"):
        with pytest.raises(HeadposeError, match=r"no such file or folder|no pictures match"):
            empty_pictures([name], LeftOut())


@pytest.mark.parametrize(
    "command",
    [
        "evaluate-detector viola-jones --data t.csv --plot 1.png",
        "evaluate-detector viola-jones --data t.csv --worst ./1.png",
        "evaluate-detector viola-jones --data t.csv --empty empty/*.png --plot empty/1.png",
        "evaluate-detector viola-jones --data t.csv --backgrounds b.csv --plot empty/1.png",
        "evaluate ours heads.csv --plot 1.png",
        "evaluate ours heads.csv#train --reliability 1.png",
        "compare heads.csv --figure 1.png",
    ],
)
def test_no_picture_that_is_measured_on_is_replaced(run_script, here, command):
    spot_heads(here, 2, 1)
    (here / "b.csv").write_text("file,xmin,ymin,xmax,ymax\nempty/1.png,5,5,30,30\n")
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    done = run_script(*command.split(), "--overwrite")
    assert done.status == 1
    assert "1.png is an input and would be lost" in done.err
    assert {p: p.read_bytes() for p in here.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("evaluate ours heads.csv heads.csv#train", "given whole and in part"),
        ("evaluate ours heads.csv#train heads.csv#Train", "given twice"),
        ("trust heads.csv#train heads.csv", "given whole and in part"),
        ("evaluate-detector ours --data t.csv --backgrounds t.csv@0.5", "a share is for training"),
        ("evaluate ours heads.csv --part test", "heads.csv: --part is for clean folders"),
        ("compare heads.csv --part test", "heads.csv: --part is for clean folders"),
    ],
)
def test_what_would_be_misread_is_told(run_script, here, command, told):
    spot_heads(here, 2, 1)
    done = run_script(*command.split())
    assert done.status == 1
    assert told in done.err


def test_sheets_of_sets_with_like_names_are_kept_apart(run_script, here):
    """No cascade finds the discs, so that each set has something to show."""
    (here / "t").mkdir()
    disc_pictures(here / "t", 1, 1).rename(here / "t" / "x.csv")
    (here / "t-x.csv").write_text((here / "t.csv").read_text())
    for _ in range(2):
        given = (*QUICK, "t/x.csv", "t-x.csv", "--worst", "w.png", "--overwrite")
        done = run_script(*given)
        assert done.status == 0, done.err
        sheets = sorted(path.name for path in here.glob("w-*.png"))
        assert sheets == ["w-t-x-csv-viola-jones-2.png", "w-t-x-csv-viola-jones.png"]


@pytest.mark.parametrize(
    "command",
    [
        "evaluate ours heads.csv",
        "trust heads.csv",
        "compare heads.csv",
        "evaluate-detector viola-jones --data heads.csv",
    ],
)
def test_heads_whose_picture_is_gone_are_counted_and_the_status_says_so(run_script, here, command):
    spot_heads(here, 3, 1)
    assert run_script(*command.split(), "--json", "whole.json").status == 0
    assert json.loads((here / "whole.json").read_text())["left out"] == {}
    first = (here / "heads.csv").read_text().splitlines()[1].split(",")[0]
    (here / first).unlink()
    done = run_script(*command.split(), "--json", "out.json")
    assert done.status == 1, done.err
    (kind,) = json.loads((here / "out.json").read_text())["left out"].items()
    assert kind in (("missing picture", 1), ("unreadable or missing picture", 1))
