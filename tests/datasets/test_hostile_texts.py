"""JSON, TOML and tables as strangers may write them: one sentence, or what they mean."""

import json
import os

import pytest
from field_sets import write_biwi_frame

from headpose.attention.targets import load_targets
from headpose.datasets.biwi import read_biwi
from headpose.datasets.clean_folder import CleanFolder
from headpose.datasets.crop_dataset import read_summary
from headpose.datasets.dad3dheads import read_dad3dheads
from headpose.datasets.detection_annotations import read_detection_annotations
from headpose.datasets.direct_mhp import read_direct_mhp, read_json
from headpose.datasets.source_lists import read_configuration
from headpose.errors import HeadposeError
from headpose.records.reading import read_table
from headpose.training.sweep.spaces import read_space

DEEP_JSON = "[" * 100_000
HUGE = "9" * 400  # more than a float holds


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("a.json", DEEP_JSON, lambda path: read_detection_annotations(str(path))),
        ("a.odgt", DEEP_JSON, lambda path: read_detection_annotations(str(path))),
        ("val.json", DEEP_JSON, read_dad3dheads),
        ("a.json", DEEP_JSON, read_direct_mhp),
        ("a.jsonl", DEEP_JSON, read_table),
        ("a.toml", "a = " + "[" * 5000, read_configuration),
        ("a.toml", "a = " + "[" * 5000, load_targets),
        ("a.yaml", "options: " + "[" * 5000, lambda path: read_space(str(path))),
        ("summary.json", DEEP_JSON, lambda path: read_summary(path.parent)),
    ],
)
def test_what_is_nested_without_end_is_told(tmp_path, name, text, read):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(HeadposeError) as told:
        read(path)
    assert "\n" not in str(told.value)


def test_numbers_that_no_float_holds_are_bad_numbers(tmp_path):
    (tmp_path / "a.png").touch()
    box = f"[1, 2, {HUGE}, 4]"
    images = '[{"id": 1, "file_name": "a.png"}]'
    notes = f'[{{"image_id": 1, "category_id": 1, "bbox": {box}, "euler_angles": [1, 2, {HUGE}]}}]'
    coco = tmp_path / "a.json"
    coco.write_text(f'{{"images": {images}, "annotations": {notes}}}')
    (tmp_path / "a.odgt").write_text(f'{{"ID": "a", "gtboxes": [{{"hbox": {box}}}]}}\n')
    for read in (read_direct_mhp, lambda path: read_detection_annotations(str(path))):
        with pytest.raises(HeadposeError):
            read(coco)
    with pytest.raises(HeadposeError):
        read_detection_annotations(str(tmp_path / "a.odgt"))


@pytest.mark.parametrize(
    "row",
    [
        "share = inf",
        "share = nan",
        f"share = {HUGE}",
        "share = 'a'",
        "pitch_down = inf",
        "part = 3",
    ],
)
def test_a_source_that_is_none_is_told(tmp_path, row):
    path = tmp_path / "a.toml"
    path.write_text(f"[[train]]\npath = 'a'\n{row}\n")
    with pytest.raises(HeadposeError, match="a source has path"):
        read_configuration(path)
    path.write_text("train = [1, 2]\n")
    with pytest.raises(HeadposeError, match="a source has path"):
        read_configuration(path)


@pytest.mark.parametrize(
    "target",
    ["track = nan", "track = inf", f"track = {HUGE}", "direction = [nan, 1]", "within = inf"],
)
def test_targets_have_finite_numbers(tmp_path, target):
    path = tmp_path / "a.toml"
    path.write_text(f"[screen]\n{target}\n")
    with pytest.raises(HeadposeError, match=r"finite|give"):
        load_targets(path)


@pytest.mark.parametrize(
    ("value", "expected"), [("nan", None), ("NaN", None), ("", None), ("7.5", 7.5), ("1e2", 100.0)]
)
def test_cells_are_numbers_or_empty(tmp_path, value, expected):
    path = tmp_path / "a.csv"
    path.write_text(f"file,head,track,tilt\na.jpg,1,3.0,{value}\n")
    (row,) = read_table(path)
    assert (row["tilt"], row["track"]) == (expected, 3)
    assert isinstance(row["track"], int)


@pytest.mark.parametrize("value", ["inf", "-Infinity", "many", "1e999"])
def test_cells_that_are_no_numbers_are_told(tmp_path, value):
    path = tmp_path / "a.csv"
    path.write_text(f"file,head,tilt\na.jpg,1,{value}\n")
    with pytest.raises(HeadposeError, match="row 1: tilt"):
        read_table(path)


@pytest.mark.parametrize("value", ["[1]", '"x"', "{}", "true", "Infinity", HUGE])
def test_json_of_another_kind_is_told(tmp_path, value):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"file": "a.jpg", "head": 1, "tilt": {value}}}\n')
    with pytest.raises(HeadposeError, match="row 1: tilt"):
        read_table(path)
    path.write_text(json.dumps({"file": "a.jpg", "head": 1.5, "tilt": 1}))
    with pytest.raises(HeadposeError, match="row 1: head"):
        read_table(path)


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        DEEP_JSON,
        "[]",
        '{"options": 3}',
        '{"options": {}}\n{"keys": 1}',
        '{"options": {}}\n[]',
        '{"options": {}}\n{"key": "a", "rows": [{}]}',
        '{"options": {}}\n{"key": "a", "rows": 3}',
        "\0",
    ],
)
def test_a_damaged_journal_of_cleaning_is_told_and_can_be_overwritten(tmp_path, text):
    folder = CleanFolder(tmp_path)
    folder.journal.write_text(f"{text}\n")
    with pytest.raises(HeadposeError, match="damaged; use --overwrite"):
        folder.start({}, overwrite=False)
    assert folder.start({}, overwrite=True) == {}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_labels_that_are_pipes_are_not_waited_for(tmp_path):
    write_biwi_frame(tmp_path / "01", 3, (0, 10, 0))
    write_biwi_frame(tmp_path / "01", 4, (0, 20, 0))
    pose = tmp_path / "01" / "frame_00004_pose.txt"
    pose.unlink()
    os.mkfifo(pose)
    pictures, problems = read_biwi(tmp_path)
    assert len(pictures) == 1
    assert problems.by_kind["unreadable pose"] == ["01/frame_00004"]
    os.mkfifo(tmp_path / "summary.json")
    with pytest.raises(HeadposeError, match="no regular file"):
        read_summary(tmp_path)
    with pytest.raises(HeadposeError, match="no regular file"):
        read_json(tmp_path / "summary.json")
