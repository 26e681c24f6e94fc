"""Tables of posed heads whose names are spelled as Windows forgives it."""

import types

import cv2
import pandas as pd
import pytest
from posed_heads import write_heads

from headpose.baselines import pseudo_labels
from headpose.baselines.heads import read_table_heads
from headpose.datasets.detection_annotations import read_detection_annotations
from headpose.datasets.label_tables import Problems, SourceName
from headpose.datasets.picture_finder import OTHER_NAME, with_found_files
from headpose.datasets.pose_data import read_heads
from headpose.export import calibration
from headpose.geometry.boxes import COLUMNS
from headpose.training import pose_sources
from headpose.training.same_sources import warn_of_shared_pictures


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


def test_a_file_that_another_row_names_exactly_is_not_found_again(tmp_path, noise_picture):
    """On file systems that tell upper from lower case P1.png is another picture, and lost."""
    cv2.imwrite(str(tmp_path / "p1.png"), noise_picture(300, 200))
    table = pd.DataFrame({"file": ["P1.png", "./p1.png", "p1.png"]})
    problems = Problems()
    found = with_found_files(table, tmp_path, problems)
    assert list(found["file"]) == ["P1.png", "./p1.png", "p1.png"]
    assert not problems.by_kind
    rows = "P1.png,9,9,60,60\np1.png,70,70,120,120\n"
    (tmp_path / "t.csv").write_text(f"file,xmin,ymin,xmax,ymax\n{rows}")
    (picture,), problems = read_detection_annotations(tmp_path / "t.csv")
    assert len(picture.boxes) == 1
    assert problems.by_kind == {"missing picture": ["P1.png"]}


def test_a_picture_that_is_spelled_otherwise_is_told_as_shared(spelled, tmp_path, caplog):
    """Of what is learned from and measured on."""
    table, count = spelled
    frame = pd.read_csv(table)
    frame["file"] = [f"sub/{name[4]}.png" for name in frame["file"].str.replace("./", "")]
    frame.to_csv(tmp_path / "others.csv", index=False)
    sources = [[SourceName(path)] for path in (table, tmp_path / "others.csv")]
    warn_of_shared_pictures(*(pose_sources._pictures(some, []) for some in sources))
    assert "2 of its 3 pictures are learned from" in caplog.text or not count


@pytest.mark.parametrize("above", [True, False])
def test_names_may_lead_up(tmp_path, noise_picture, monkeypatch, above):
    """As programs of Windows write them; the table may be named from elsewhere."""
    for folder in ("lab", "pics"):
        (tmp_path / folder).mkdir()
    frame = pd.read_csv(write_heads(tmp_path / "pics", noise_picture))
    frame["file"] = [f"..\\pics\\{name}" for name in frame["file"]]
    frame.to_csv(tmp_path / "lab" / "t.csv", index=False)
    monkeypatch.chdir(tmp_path if above else tmp_path / "lab")
    table = "lab/t.csv" if above else "t.csv"
    assert len(read_heads(table)[0]) == 3
    heads, _ = read_table_heads(table)
    assert [path.is_file() for path in heads.pictures] == [True, True, True, False]
    found, problems = read_detection_annotations(table)
    assert len(found) == 2 - ("picture with a row that cannot be read" in problems.by_kind)
    assert len(problems.by_kind["missing picture"]) == 1
