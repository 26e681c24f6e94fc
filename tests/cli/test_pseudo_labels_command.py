"""Heads labelled by published estimators, by the command line; the estimators are made up."""

import csv
import os
from pathlib import Path

import cv2
import numpy as np
import pytest


class Estimator:
    """Says of every head that it looks straight ahead."""

    asked = 0

    def __init__(self, *given):
        self.crop_options = {"size": 32, "side": "short", "margin": 1.0, "grey": False}

    def estimate_all(self, crops):
        type(self).asked += 1
        return np.zeros((len(crops), 3), np.float32)


@pytest.fixture
def data(tmp_path, monkeypatch, noise_picture):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("headpose.baselines.registry.PeerEstimator", Estimator)
    monkeypatch.setattr(Estimator, "asked", 0)
    for name in ("one", "two"):
        rows = ["file,xmin,ymin,xmax,ymax,ignore"]
        for i in range(2):
            cv2.imwrite(f"{name}{i}.png", noise_picture(160, 120, i))
            rows.append(f"{name}{i}.png,40,30,100,90,")
        Path(f"{name}.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


COMMAND = ["pseudo-labels", "--fsa-net", "a.onnx", "--whenet", "b.onnx", "--output", "out.csv"]


def labelled():
    with Path("out.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_tables_become_one_with_whole_paths(run_script, data):
    with Path("two.csv").open("a") as file:
        file.write("two0.png,10,10,80,80,True\ntwo1.png,900,9,990,99,\n")
    ran = run_script(*COMMAND, "one.csv", "two.csv")
    assert ran.status == 0, ran.err
    assert "one.csv: 2 of 2 heads labelled" in ran.out
    assert "box outside the picture: 1 (two1.png)" in ran.err
    rows = labelled()
    names = [f"{name}{i}.png" for name in ("one", "two") for i in range(2)]
    assert sorted(row["file"] for row in rows) == [str(data / name) for name in names]
    for row in rows:
        assert [float(row[c]) for c in ("xmin", "ymin", "xmax", "ymax")] == [40, 30, 100, 90]
        # Straight ahead, raised by the degree that both are known to read too low.
        told = [float(row[c]) for c in ("tilt", "pan", "roll", "disagreement")]
        np.testing.assert_allclose(told, (1, 0, 0, 0), atol=0.01)


def test_where_no_head_can_be_labelled_no_table_stays(run_script, data):
    for picture in data.glob("one*.png"):
        picture.write_bytes(b"")
    ran = run_script(*COMMAND, "one.csv")
    assert ran.status == 1
    assert "no head could be labelled" in ran.err
    assert not list(data.glob("out*"))
    Path("out.csv").write_text("precious")
    assert run_script(*COMMAND, "one.csv", "--overwrite").status == 1
    assert Path("out.csv").read_text() == "precious"


def test_heads_twice_and_in_pictures_of_another_size_are_left_out(run_script, data):
    lines = Path("one.csv").read_text().splitlines()
    rows = [lines[1], "./" + lines[1], lines[2]]
    told = [f"{lines[0]},width,height", *(f"{row},," for row in rows)]
    Path("one.csv").write_text("\n".join([*told, f"{lines[2]},9000,6000"]) + "\n")
    ran = run_script(*COMMAND, "one.csv")
    assert ran.status == 0, ran.err
    assert "head that is there twice: 2" in ran.err
    told[-1] = f"{lines[2]},9000,6000"
    Path("one.csv").write_text("\n".join(told) + "\n")
    ran = run_script(*COMMAND, "one.csv", "--overwrite")
    assert "picture of another size than the table says: 1 (one1.png)" in ran.err
    assert len(labelled()) == 1


def test_a_word_that_says_neither_yes_nor_no_is_told(run_script, data):
    with Path("one.csv").open("a") as file:
        file.write("one0.png,10,10,80,80,maybe\n")
    ran = run_script(*COMMAND, "one.csv")
    assert ran.status == 0, ran.err
    assert "bad row: 1 (one.csv line 4)" in ran.err
    assert len(labelled()) == 2


def test_a_picture_that_cannot_be_read_costs_only_its_heads(run_script, data):
    Path("one1.png").write_bytes(b"no picture")
    ran = run_script(*COMMAND, "one.csv", "two.csv")
    assert ran.status == 1, ran.err
    assert "unreadable or missing picture: 1" in ran.err
    assert len(labelled()) == 3


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        (["one.csv", "nowhere.csv"], "nowhere.csv: no such file"),
        (["one.csv", "other.csv"], "other.csv: no column file"),
        (["one.csv", "small.csv"], "small.csv: no head to label"),
        (["one.csv", "./one.csv"], "given twice, its heads would count twice"),
        (["one.csv", "--seed", str(2**32)], "is not a whole number from 0 to"),
    ],
)
def test_what_is_wrong_with_the_last_is_told_before_the_first_is_worked_on(
    run_script, data, tables, told
):
    Path("other.csv").write_text("a,b\n1,2\n")
    Path("small.csv").write_text("file,xmin,ymin,xmax,ymax\none0.png,1,1,9,9\n")
    ran = run_script(*COMMAND, *tables)
    assert ran.status in (1, 2)
    assert told in ran.err
    assert Estimator.asked == 0
    assert not os.path.lexists("out.csv")


def test_labels_up_to_an_interruption_are_kept(run_script, data, monkeypatch):
    def estimate(self, crops):
        Estimator.asked += 1
        if Estimator.asked > 4:  # FSA-Net is asked twice a picture, WHENet once
            raise KeyboardInterrupt
        return np.zeros((len(crops), 3), np.float32)

    monkeypatch.setattr(Estimator, "estimate_all", estimate)
    ran = run_script(*COMMAND, "one.csv", "two.csv")
    assert ran.status == 130
    assert "the rows up to here are in" in ran.err
    assert not os.path.lexists("out.csv")
    assert len(Path("out.unfinished.csv").read_text().splitlines()) == 2
