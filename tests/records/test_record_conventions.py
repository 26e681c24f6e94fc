"""Tables whose angles are written as other tools write them."""

import argparse
import csv
import json
import math
from contextlib import ExitStack

import pytest

from headpose.cli.table_options import add_table_options, open_tables
from headpose.errors import HeadposeError
from headpose.records.columns import FIELDS, VIDEO_FIELDS, place_row
from headpose.records.conventions import convention_fields, in_convention

HEAD = place_row("a.jpg", (640, 480)) | {
    "head": 1, "xmin": 1.0, "ymin": 2.0, "xmax": 30.0, "ymax": 40.0, "score": 0.9,
    "tilt": 10.0, "pan": -20.0, "roll": 30.0, "azimuth": -20.3, "elevation": 9.4,
}  # fmt: skip


def test_columns_stand_where_the_angles_stood():
    fields = convention_fields(FIELDS, "openface")
    place = FIELDS.index("tilt")
    assert fields[:place] == FIELDS[:place]
    assert fields[place : place + 3] == ("pose_Rx", "pose_Ry", "pose_Rz")
    assert set(FIELDS) - set(fields) == {"tilt", "pan", "roll"}
    smooth = convention_fields(VIDEO_FIELDS, "openface")
    assert {"smooth_pose_Rx", "smooth_pose_Ry", "smooth_pose_Rz"} <= set(smooth)
    assert "smooth_tilt" not in smooth
    assert len(set(smooth)) == len(smooth)


def test_a_column_of_the_same_name_has_the_other_s_value():
    """AFLW's roll is in radians and counted the other way round."""
    row = in_convention(HEAD, "aflw")
    assert row["roll"] == pytest.approx(-math.radians(30), abs=1e-5)
    assert row["azimuth"] == HEAD["azimuth"]


def test_rows_without_a_head_have_no_angles():
    row = in_convention(place_row("a.jpg", (640, 480)), "openface")
    assert row["pose_Rx"] is None
    assert "tilt" not in row


def test_unknown_names_are_told():
    with pytest.raises(HeadposeError, match="no such convention"):
        convention_fields(FIELDS, "openfaces")


def test_files_of_both_kinds(tmp_path):
    parser = argparse.ArgumentParser()
    add_table_options(parser)
    paths = {kind: tmp_path / f"heads.{kind}" for kind in ("csv", "json")}
    arguments = parser.parse_args(
        ["--csv", str(paths["csv"]), "--json", str(paths["json"]), "--convention", "openface"]
    )
    with ExitStack() as stack:
        open_tables(stack, arguments, FIELDS).write([HEAD])
    (row,) = csv.DictReader(paths["csv"].open(newline=""))
    expected = {
        "pose_Rx": -math.radians(10),
        "pose_Ry": -math.radians(20),
        "pose_Rz": math.radians(30),
    }
    line = json.loads(paths["json"].read_text())
    for column, value in expected.items():
        assert float(row[column]) == pytest.approx(value, abs=1e-5)
        assert line[column] == pytest.approx(value, abs=1e-5)
    assert "tilt" not in row
    assert "tilt" not in line


def test_a_summary_that_fails_leaves_the_tables_whole(tmp_path, monkeypatch):
    def full(_):
        raise HeadposeError("no space left")

    monkeypatch.setattr("headpose.records.summary.SummarySink._finish", full)
    parser = argparse.ArgumentParser()
    add_table_options(parser)
    names = {kind: str(tmp_path / f"{kind}.{kind}") for kind in ("csv", "json")}
    arguments = parser.parse_args(
        ["--csv", names["csv"], "--json", names["json"], "--summary", str(tmp_path / "s.csv")]
    )
    with pytest.raises(HeadposeError, match="no space left"), ExitStack() as stack:
        open_tables(stack, arguments, FIELDS).write([HEAD])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["csv.csv", "json.json"]
