"""Tables that other programs wrote, or cut, are read whole or not at all."""

import json

import pytest

from headpose.errors import HeadposeError
from headpose.records.reading import read_table

HEADER = "file,track,frame,xmin,ymin,xmax,ymax,azimuth,elevation"
ROW = "a.mp4,1,0,1,2,30,40,5,6"
HEAD = dict(zip(HEADER.split(","), ["a.mp4", 1, 0, 1.0, 2.0, 30.0, 40.0, 5.0, 6.0], strict=True))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{HEADER},azimuth\n{ROW},7\n", "two columns are called 'azimuth'"),
        ("file;tilt;pan\na.jpg;1;2\n", "separated by semicolons; save it with commas"),
        ("file\ttilt\na.jpg\t1\n", "separated by tabs; save it with commas"),
        (f"{HEADER}\n{ROW}\n{ROW},7\n", "row 2 has 10 fields, not 9"),
        (f"{HEADER}\n{ROW}\na.mp4,1,1,1,2,3", "row 2 has 6 fields, not 9"),
        (f"{HEADER}\na, b.mp4,1,0,1,2,30,40,5,6\n", "row 1 has 10 fields, not 9"),
    ],
)
def test_rows_that_do_not_fit_their_columns_are_told(tmp_path, text, told):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(HeadposeError, match=told):
        read_table(tmp_path / "t.csv")


def test_a_table_is_read_by_its_columns(tmp_path):
    (tmp_path / "t.csv").write_text(f'{HEADER}\n{ROW}\n\n"a, b.mp4",,1,,,,,,\n')
    first, second = read_table(tmp_path / "t.csv")
    assert first == HEAD
    assert second == dict.fromkeys(HEAD) | {"file": "a, b.mp4", "frame": 1}
    (tmp_path / "empty.csv").write_text("")
    assert read_table(tmp_path / "empty.csv") == []


def test_columns_without_a_name_are_left_out(tmp_path):
    """Spreadsheets put commas at the ends of all rows, and pandas numbers before them."""
    (tmp_path / "t.csv").write_text(f",{HEADER},,\n0,{ROW},,\n")
    assert read_table(tmp_path / "t.csv") == [HEAD]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_told(tmp_path, encoding):
    (tmp_path / "t.csv").write_text(f"{HEADER}\n{ROW.replace('a.mp4', 'ä.mp4')}\n", encoding)
    with pytest.raises(HeadposeError, match=r"t\.csv: no text in UTF-8; save it as that"):
        read_table(tmp_path / "t.csv")


def test_a_folder_of_tables_is_one_table(tmp_path):
    folder = tmp_path / "heads"
    folder.mkdir()
    with pytest.raises(HeadposeError, match="no table in that folder"):
        read_table(folder)
    (folder / "b.csv").write_text(f"{HEADER}\n{ROW}\n")
    (folder / "a.jsonl").write_text(json.dumps(HEAD | {"file": "b.mp4"}) + "\n")
    (folder / ".c.csv").write_text("cut")
    (folder / "d.unfinished.csv").write_text("file\nd.mp4\n")
    (folder / "notes.txt").write_text("none")
    (tmp_path / "manifest.json").write_text("{}")
    assert read_table(tmp_path) == read_table(folder)
    assert [row["file"] for row in read_table(folder)] == ["b.mp4", "a.mp4"]


@pytest.mark.parametrize("value", [["a"], {"a": 1}])
@pytest.mark.parametrize("column", ["file", "key"])
def test_nested_values_are_told(run_script, tmp_path, column, value):
    table = tmp_path / "t.jsonl"
    table.write_text(json.dumps(HEAD | {column: value}) + "\n")
    done = run_script("attend", table, "--no-figures", "--output", tmp_path / "out")
    assert done.status == 1
    assert f"t.jsonl: row 1: {column} is" in done.err


def test_a_line_may_lack_what_others_have(run_script, tmp_path):
    table = tmp_path / "t.jsonl"
    lines = [HEAD, {"file": "a.mp4", "track": 1, "frame": 1}, HEAD | {"frame": 2}]
    table.write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = read_table(table)
    assert rows[1] == dict.fromkeys(HEAD) | lines[1]
    assert [list(row) for row in rows] == [list(HEAD)] * 3  # in their order, in each run
    done = run_script("attend", table, "--no-figures", "--output", tmp_path / "out")
    assert done.status == 0, done.err
