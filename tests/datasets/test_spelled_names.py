"""Tables of posed heads whose names are spelled as Windows forgives it."""

import types

import pandas as pd
import pytest
from posed_heads import write_heads

from headpose.baselines import pseudo_labels
from headpose.baselines.heads import read_table_heads
from headpose.datasets.label_tables import Problems
from headpose.datasets.picture_finder import OTHER_NAME
from headpose.datasets.pose_data import read_heads
from headpose.export import calibration
from headpose.geometry.boxes import COLUMNS


@pytest.fixture(params=["sub\\{}.png", "SUB/{}.PNG", "./sub/{}.png"])
def spelled(request, tmp_path, noise_picture):
    """A table of heads in `sub`, and how many of its pictures are there by another name."""
    folder = tmp_path / "sub"
    folder.mkdir()
    frame = pd.read_csv(write_heads(folder, noise_picture))
    frame["file"] = [request.param.format(name[:1]) for name in frame["file"]]
    frame.to_csv(tmp_path / "heads.csv", index=False)
    return tmp_path / "heads.csv", 0 if request.param.startswith(".") else 2


def test_training_finds_them(spelled):
    table, count = spelled
    heads, problems = read_heads(str(table))
    assert len(heads) == 3
    assert len(problems.by_kind.get(OTHER_NAME, [])) == count


def test_evaluation_finds_them(spelled):
    table, count = spelled
    heads, problems = read_table_heads(str(table))
    there = [path for path in heads.pictures if path.is_file()]
    assert (len(there), len(heads)) == (3, 4)  # the fourth is of a picture that is missing
    assert len(problems.by_kind.get(OTHER_NAME, [])) == count


def test_calibration_finds_them(spelled):
    table, _ = spelled
    spec = types.SimpleNamespace(kind="estimator", channels=1, size=64, side="short", margin=1.0)
    assert len(calibration.samples(str(table), spec)) == 3  # two rows are of one head


def test_pseudo_labels_find_them(spelled, monkeypatch):
    table, count = spelled
    problems, seen = Problems(), []

    def label(told):
        seen.append(len(told))
        return pd.DataFrame({"tilt": [0.0] * len(told)})

    monkeypatch.setattr(pseudo_labels, "answers", lambda *given: given[-1])
    monkeypatch.setattr(pseudo_labels, "label", label)
    monkeypatch.setattr(pseudo_labels, "FIELDS", ("file", *COLUMNS))
    rows = pd.read_csv(table, dtype={"file": str})
    found = pd.concat(pseudo_labels.label_pictures(table, rows, None, None, None, problems))
    assert sum(seen) == 4
    assert {name.rpartition("/")[2] for name in found["file"]} == {"0.png", "1.png"}
    assert len(problems.by_kind.get(OTHER_NAME, [])) == count
