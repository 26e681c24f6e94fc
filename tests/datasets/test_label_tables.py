from pathlib import Path

import pytest

from headpose.datasets.label_tables import Problems, SourceName, read_labels
from headpose.datasets.source_lists import read_configuration
from headpose.errors import HeadposeError
from headpose.pipeline import Head
from headpose.records.columns import FIELDS, picture_rows
from headpose.records.conventions import convention_fields, in_convention
from headpose.records.sinks import CsvSink


@pytest.mark.parametrize(
    ("text", "path", "part", "share"),
    [
        ("a.csv", "a.csv", "", 1),
        ("a.csv#test", "a.csv", "test", 1),
        ("a.csv@0.4", "a.csv", "", 0.4),
        ("a.csv#test@2", "a.csv", "test", 2),
        ("here/b@c#d.csv", "here/b@c#d.csv", "", 1),  # exists as it stands
        ("here/b@c#d.csv@0.5", "here/b@c#d.csv", "", 0.5),
    ],
)
def test_names_of_sources(tmp_path, monkeypatch, text, path, part, share):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "b@c#d.csv").touch()
    source = SourceName.parse(text)
    assert (str(source.path), source.part, source.share) == (path, part, share)
    assert source.with_part("train").part == (part or "train")
    assert source.is_table
    assert str(source) == (f"{path}#{part}" if part else path)


@pytest.mark.parametrize("text", ["a.csv@many", "a.csv@0", "a.csv@-1", "a.csv@inf", "a.csv@"])
def test_shares_must_be_positive(text):
    with pytest.raises(HeadposeError, match="positive number"):
        SourceName.parse(text)


def test_a_configuration_names_sources(tmp_path):
    text = (
        '[[train]]\npath = "a/l.csv"\npart = "train"\nshare = 0.3\npitch_down = 7\n'
        '[[validation]]\npath = "b.csv"\n'
    )
    (tmp_path / "c.toml").write_text(text)
    sources = read_configuration(tmp_path / "c.toml")
    assert sources["train"] == [SourceName(tmp_path / "a" / "l.csv", "train", 0.3, 7.0)]
    elsewhere = read_configuration(tmp_path / "c.toml", tmp_path / "data")
    assert elsewhere["validation"] == [SourceName(tmp_path / "data" / "b.csv")]
    assert elsewhere["test"] == []


def test_a_path_in_a_configuration_may_end_with_a_part(tmp_path):
    (tmp_path / "odd#name.csv").touch()
    (tmp_path / "A#1").mkdir()
    rows = "[[train]]\npath = 'l.csv#train'\n[[train]]\npath = 'aflw:A#1'\n"
    rows += "[[validation]]\npath = 'odd#name.csv'\n"
    (tmp_path / "c.toml").write_text(f"{rows}[[test]]\npath = 'x#y.csv'\npart = 'b'\n")
    sources = read_configuration(tmp_path / "c.toml")
    named = SourceName(Path(f"aflw:{tmp_path / 'A#1'}"))
    assert sources["train"] == [SourceName(tmp_path / "l.csv", "train"), named]
    assert sources["validation"] == [SourceName(tmp_path / "odd#name.csv")]
    assert sources["test"] == [SourceName(tmp_path / "x#y.csv", "b")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "no such file"),
        ("[[train]", "not a TOML file"),
        ("[[exam]]\npath = 'a'", "only"),
        ("train = 'a'", "only"),
        ("[[train]]\nshare = 1", "has path"),
        ("[[train]]\npath = 'a'\npitch_down = 'seven'", "pitch_down in degrees"),
        ("[[train]]\npath = 'a'\nweight = 1", "has path"),
        ("[[train]]\npath = 'a'\nshare = 0", "positive share"),
    ],
)
def test_other_configurations_are_refused(tmp_path, text, told):
    if text is not None:
        (tmp_path / "c.toml").write_text(text)
    with pytest.raises(HeadposeError, match=told):
        read_configuration(tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("file,pitch,yaw", {"tilt": "1", "pan": "2"}),
        ("file,tilt,yaw", {"tilt": "1", "pan": "2"}),
        ("file,tilt,pan,pitch", {"tilt": "1", "pan": "2", "pitch": "3"}),
    ],
)
def test_pitch_and_yaw_are_tilt_and_pan(tmp_path, header, expected):
    path = tmp_path / "labels.csv"
    row = ",".join(["a.jpg", "1", "2", "3"][: len(header.split(","))])
    path.write_text(f"{header}\n{row}\n")
    table = read_labels(path, "", ("file", "tilt", "pan"), Problems())
    assert table.drop(columns="file").iloc[0].to_dict() == expected


def test_a_part_that_no_row_has_is_told_with_those_that_there_are(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file,tilt,pan,part\na,1,2,val\nb,1,2,train\nc,1,2,val\n")
    assert len(read_labels(path, "val", ("file",), Problems())) == 2
    told = r"no row has the part 'validation'; the column has 'train', 'val'$"
    with pytest.raises(HeadposeError, match=told):
        read_labels(path, "validation", ("file",), Problems())
    path.write_text("file,tilt,pan,part\n")
    assert read_labels(path, "validation", ("file",), Problems()).empty


def test_angles_beyond_a_whole_turn_are_left_out_and_told(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text(
        "file,tilt,pan,roll\na,1,-350,360\nb,500,2,3\nc,1,inf,-1e9\nd,1,2,\ne,x,2,nan\n"
    )
    problems = Problems()
    rows = read_labels(table, "", ("tilt", "pan"), problems)
    assert rows[["tilt", "pan", "roll"]].to_numpy().tolist() == [
        ["1", "10.0", "0.0"],
        ["", "2", "3"],
        ["1", "", ""],
        ["1", "2", ""],
        ["", "2", "nan"],
    ]
    assert problems.by_kind == {
        "tilt beyond half a turn": ["t.csv line 3"],
        "pan beyond a whole turn": ["t.csv line 4"],
        "roll beyond a whole turn": ["t.csv line 4"],
        "tilt is no number": ["t.csv line 6"],
    }


@pytest.mark.parametrize("convention", ["300w-lp", "aflw", "biwi-hopenet"])
def test_a_table_in_another_convention_is_no_labels(tmp_path, convention):
    """Its pitch and yaw are perhaps radians, or turn the other way."""
    head = Head((1, 2, 30, 40), 0.9, 10.0, -20.0, 3.0, -20.5, 9.4, 6.0)
    row = in_convention(picture_rows("a.jpg", (64, 48), [head])[0], convention)
    with CsvSink(tmp_path / "heads.csv", convention_fields(FIELDS, convention)) as table:
        table.write(row)
    with pytest.raises(HeadposeError, match="those of another convention"):
        read_labels(tmp_path / "heads.csv", "", ("file", "tilt", "pan"), Problems())
    assert len(read_labels(tmp_path / "heads.csv", "", ("file", "xmin"), Problems())) == 1


def test_columns_without_a_name_are_left_out(tmp_path):
    """Spreadsheets put commas at the ends of all rows."""
    (tmp_path / "t.csv").write_text("file,tilt,,\na.jpg,1,,\n")
    table = read_labels(tmp_path / "t.csv", "", ("file",), Problems())
    assert table.to_dict("records") == [{"file": "a.jpg", "tilt": "1"}]


@pytest.mark.parametrize(
    ("text", "encoding", "told"),
    [
        ("file;tilt\na.jpg;1\n", "utf-8", "separated by semicolons; save it with commas"),
        ("file\ttilt\na.jpg\t1\n", "utf-8", "separated by tabs; save it with commas"),
        ("file,tilt\na.jpg,1\n", "utf-16", "not a CSV file in UTF-8; save it as that"),
    ],
)
def test_tables_of_other_kinds_are_told_how_to_be_saved(tmp_path, text, encoding, told):
    (tmp_path / "t.csv").write_text(text, encoding)
    with pytest.raises(HeadposeError, match=told):
        read_labels(tmp_path / "t.csv", "", ("file",), Problems())


def test_blanks_and_upper_case_make_no_other_part(tmp_path):
    rows = "".join(f"{i}.jpg,{part}\n" for i, part in enumerate(("test", "test ", "Test", "train")))
    (tmp_path / "t.csv").write_text(f"file,part\n{rows}")
    table = read_labels(tmp_path / "t.csv", "test", ("file",), Problems())
    assert list(table["file"]) == ["0.jpg", "1.jpg", "2.jpg"]


def test_upper_case_makes_no_other_column(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("File,Tilt,YAW,Roll,Weight,Note\na.png,1,2,3,0.5,x\n")
    (row,) = read_labels(table, "", ("file", "tilt", "pan"), Problems()).to_dict("records")
    assert row == dict(file="a.png", tilt="1", pan="2", roll="3", weight="0.5", Note="x")
    table.write_text("file,tilt,pan,roll,Roll,ROLL\na.png,1,2,3,4,5\n")
    (row,) = read_labels(table, "", ("file", "tilt", "pan"), Problems()).to_dict("records")
    assert (row["roll"], row["Roll"]) == ("3", "4")
