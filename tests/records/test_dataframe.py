"""Heads as tables in Python, and tables as they are read back."""

import json

import pandas as pd
import pytest

import headpose
from headpose.errors import HeadposeError
from headpose.pipeline import Head
from headpose.records.columns import FIELDS, picture_rows
from headpose.records.sinks import CsvSink, JsonLinesSink, ParquetSink
from headpose.records.summary import angle_to_camera

HEADS = [
    Head((1, 2, 30, 40), 0.9, 10.0, -20.0, 3.0, -20.5, 9.4, 6.0),
    Head((5, 6, 7, 8), 0.5, None, None),
]


def test_heads_become_a_table(noise_picture):
    pictures = [noise_picture(64, 48), noise_picture(32, 24)]
    table = headpose.to_dataframe([HEADS, []], ["a.jpg", "b.jpg"], pictures)
    assert list(table.columns) == list(FIELDS)
    assert table["file"].tolist() == ["a.jpg", "a.jpg"]
    assert table["head"].tolist() == [1, 2]
    assert table["width"].tolist() == [64, 64]
    assert table["tilt"].iloc[0] == 10.0
    assert table["tilt"].isna().tolist() == [False, True]
    assert table["track"].isna().all()
    with_empty = headpose.to_dataframe([HEADS, []], ["a.jpg", "b.jpg"], pictures, empty=True)
    assert with_empty["width"].tolist() == [64, 64, 32]
    assert with_empty["head"].isna().tolist() == [False, False, True]


def test_what_makes_no_table_is_told(noise_picture):
    with pytest.raises(HeadposeError, match="pictures must be arrays"):
        headpose.to_dataframe([HEADS], ["a.jpg"], ["a.jpg"])
    names, pictures = (name for name in ["a.jpg"]), iter([noise_picture(64, 48)])
    assert len(headpose.to_dataframe(iter([HEADS]), names, pictures)) == 2


def test_no_heads_are_a_table_all_the_same():
    assert list(headpose.to_dataframe([]).columns) == list(FIELDS)
    assert len(headpose.to_dataframe([[]])) == 0


def test_numbers_that_do_not_fit_are_told():
    with pytest.raises(HeadposeError, match="give as many of each"):
        headpose.to_dataframe([HEADS], ["a.jpg", "b.jpg"])


def test_heads_of_one_picture_are_told_from_those_of_several():
    with pytest.raises(HeadposeError, match=r"put them in brackets: \[heads\]"):
        headpose.to_dataframe([Head((1, 2, 3, 4), 0.5, None, None)])


def test_every_kind_of_table_holds_the_same(tmp_path):
    rows = picture_rows("ф.jpg", (64, 48), HEADS)
    with CsvSink(tmp_path / "t.csv") as csv, JsonLinesSink(tmp_path / "t.json") as lines:
        for row in rows:
            csv.write(row)
            lines.write(row)
    table = pd.read_csv(tmp_path / "t.csv")
    told = pd.read_json(tmp_path / "t.json", lines=True).drop(columns="box")
    pd.testing.assert_frame_equal(table, told[table.columns], check_dtype=False)
    pytest.importorskip("pyarrow")
    with ParquetSink(tmp_path / "t.parquet") as parquet:
        for row in rows:
            parquet.write(row)
    kept = pd.read_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(table, kept, check_dtype=False)


def test_a_table_appears_only_when_all_went_well(tmp_path):
    with pytest.raises(RuntimeError), ParquetLike(tmp_path / "t.json") as sink:
        sink.write(picture_rows("a.jpg", (1, 1), HEADS)[0])
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


class ParquetLike(JsonLinesSink):
    """JSON lines that are whole or not at all, as shards are."""

    def __init__(self, target):
        super().__init__(target, growing=False)


def test_a_name_that_is_no_text_is_written_all_the_same(tmp_path):
    row = picture_rows("\udcff.jpg", (1, 1), HEADS)[0]
    with CsvSink(tmp_path / "t.csv") as csv, JsonLinesSink(tmp_path / "t.json") as lines:
        csv.write(row)
        lines.write(row)
    assert "\\udcff.jpg" in (tmp_path / "t.csv").read_text(encoding="utf-8")
    # JSON could hold it as it is, which pandas and pyarrow cannot read.
    assert json.loads((tmp_path / "t.json").read_text())["file"] == r"\udcff.jpg"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("\udcd1\udc84.jpg", "ф.jpg"),  # as Python reads it where the locale knows ASCII only
        ("caf\udce9.jpg", "caf\udce9.jpg"),
        ("ф.jpg", "ф.jpg"),
        ("\ud800.jpg", "\ud800.jpg"),
    ],
)
def test_names_are_those_of_utf_8_whatever_the_locale(name, told):
    assert {row["file"] for row in picture_rows(name, (1, 1), HEADS)} == {told}


@pytest.mark.parametrize(
    ("azimuth", "elevation", "angle"),
    [(0, 0, 0), (90, 0, 90), (0, -30, 30), (180, 0, 180), (45, 45, 60)],
)
def test_the_angle_to_the_camera(azimuth, elevation, angle):
    assert angle_to_camera(azimuth, elevation) == pytest.approx(angle)
