"""Measurements on labelled heads: what is no photo, or not told, is left out and said so."""

from pathlib import Path

import cv2
import frmdb_rig
import numpy as np
import pandas as pd
import pytest
from drawn_heads import spot_heads
from lively_networks import lively
from rig_labels import Rig
from small_models import saved, small_detector, small_estimator

from headpose.datasets.label_tables import Problems
from headpose.images.drawn_mark import marked


@pytest.fixture
def table(tmp_path):
    """Six heads: of a drawing, of a picture of another size, outside theirs, without a roll."""
    table = spot_heads(tmp_path, 6, 0)
    rows = pd.read_csv(table).drop(columns="part").assign(roll=0.0, width=80, height=80)
    drawing = tmp_path / "0.png"
    drawing.write_bytes(marked(drawing.read_bytes()))
    cv2.imwrite(str(tmp_path / "1.png"), np.full((160, 160, 3), 90, np.uint8))
    rows.loc[2, ["xmin", "xmax"]] = 200, 260
    rows.loc[3, "roll"] = None
    rows.to_csv(table, index=False)
    return table


@pytest.fixture
def estimator(tmp_path):
    return saved(lively(6), tmp_path / "estimator.keras")


@pytest.mark.parametrize(
    ("script", "given", "count"),
    [
        ("profile_turn.py", ["{estimator}", "--data", "{table}"], 3),
        ("hard_crops.py", ["{table}", "{estimator}"], 2),
        ("out_of_plane_turns.py", ["{estimator}", "--data", "{table}", "--every", "1"], 2),
    ],
)
def test_what_cannot_be_measured_on_is_told(run_script, table, estimator, script, given, count):
    words = [word.format(table=table, estimator=estimator) for word in given]
    done = run_script(f"benchmarks/{script}", *words)
    assert done.status == 0, done.err
    assert f"{count} heads" in done.out
    told = ["a drawing that headpose made", "picture of another size", "box outside the picture"]
    assert all(what in done.err for what in [*told, *["no roll"] * (count == 2)])
    assert "nan" not in done.out


def test_what_tells_no_rotations_is_told(run_script, table, tmp_path):
    detector = saved(small_detector(), tmp_path / "detector.keras")
    done = run_script("benchmarks/profile_turn.py", detector, "--data", table)
    assert done.status == 1
    assert "detector.keras: tells no rotations" in done.err


def test_what_tells_too_little_is_told(run_script, table, tmp_path):
    two = saved(small_estimator(2), tmp_path / "two.keras")
    done = run_script("benchmarks/hard_crops.py", table, two)
    assert done.status == 1
    assert "two.keras: tells no expected error; name one that does" in done.err
    done = run_script("benchmarks/out_of_plane_turns.py", two, "--data", table, "--every", 1)
    assert done.status == 1
    assert "tells no roll; name one that does" in done.err


def test_a_head_of_which_a_cut_leaves_nothing_is_told(run_script, table, estimator):
    rows = pd.read_csv(table)
    rows.loc[4, ["xmin", "xmax"]] = 75, 140
    rows.drop(columns=["width", "height"]).to_csv(table, index=False)
    done = run_script("benchmarks/hard_crops.py", table, estimator)
    assert done.status == 0, done.err
    assert "left out: too far outside the picture: 1 (4.png)" in done.err


def test_a_rig_is_judged_by_what_can_be_seen(tmp_path, monkeypatch):
    """Neither drawings nor pictures of another size say what is wrong with labels."""
    table = spot_heads(tmp_path, 3, 0)
    rows = pd.read_csv(table).assign(roll=0.0, person="1", width=80, height=80)
    rows["file"] = [str(tmp_path / f"001_+0{i:02d}_+00.png") for i in range(3)]
    for i, file in enumerate(rows["file"]):
        picture = (tmp_path / f"{i}.png").read_bytes()
        Path(file).write_bytes(marked(picture) if i == 1 else picture)
    rows.loc[2, ["width", "height"]] = 160, 160
    problems = Problems()
    rig = Rig.of(rows, problems)
    for loader in ("PeerEstimator", "PoseEstimator"):
        monkeypatch.setattr(frmdb_rig, loader, _Nothing)
    told = np.tile(np.eye(3), (1, 4, 1, 1))
    monkeypatch.setattr(frmdb_rig, "answers", lambda *given: told)
    arguments = frmdb_rig.options().parse_args(
        ["labels.csv", "--fsa-net", "a", "b", "--whenet", "c"]
    )
    seen, answered = frmdb_rig.read_answers(arguments, rig, problems)
    assert list(seen.table["file"]) == [rows["file"][0]]
    assert {len(one) for one in answered.values()} == {1} == {len(seen.labels)}
    assert [len(some) for some in problems.by_kind.values()] == [1, 1]


class _Nothing:
    """Stands in for estimators that are not asked."""

    def __init__(self, *_given: object):
        pass

    @classmethod
    def load(cls, _path: str) -> "_Nothing":
        return cls()


def test_faces_without_a_box_are_told(run_script, tmp_path, portrait):
    (tmp_path / "p.jpg").write_bytes(portrait.read_bytes())
    names = [f"{kind}{side}" for kind in ("", "face_") for side in ("xmin", "ymin", "xmax", "ymax")]
    rows = [",".join(["file", *names]), "p.jpg,150,30,360,320,180,90,330,310"]
    rows += ["p.jpg,150,30,360,320,,,,", "p.jpg,,,,,180,90,330,310", "p.jpg,1,2,9,9,90,90,20,99"]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    done = run_script("benchmarks/close_ups.py", "fast", "--data", tmp_path / "t.csv")
    assert done.status == 0, done.err
    assert "bad box: 3" in done.err
    assert "| 1 | 1 |" in " ".join(done.out.split())
