"""The command attend: the tables and pictures that it writes, and what it refuses."""

import csv
import json

import pytest

from headpose.records.columns import VIDEO_FIELDS
from headpose.records.sinks import CsvSink, JsonLinesSink

from test_geometry import FOV  # isort: skip
from test_attend import photos_and_tracks, row, through_time, two_people  # isort: skip


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("sink", [CsvSink, JsonLinesSink])
def test_the_command_writes_tables_and_pictures(run_script, tmp_path, sink):
    pytest.importorskip("matplotlib")
    table = tmp_path / ("t.csv" if sink is CsvSink else "t.jsonl")
    with sink(table, VIDEO_FIELDS) as written:
        for one in two_people()[0]:
            written.write(one)
    out = tmp_path / "out"
    done = run_script("attend", table, "--fov", FOV, "--output", out)
    assert done.status == 0, done.err
    assert "clip.mp4 #1: elsewhere 100 %" in done.out
    assert {f.name for f in out.iterdir()} == {
        *("attention.csv", "events.csv", "positions.csv", "pairs.csv"),
        *("timeline.png", "directions.png"),
    }
    assert [r["seconds"] for r in read(out / "attention.csv") if r["target"] == "elsewhere"] == [
        "1.0",
        "1.0",
    ]
    assert float(read(out / "positions.csv")[0]["depth_m"]) == pytest.approx(2.5, abs=0.01)
    again = run_script("attend", table, "--output", out)
    assert again.status == 1
    assert "exists; add --overwrite" in again.err


def test_a_table_is_not_counted_twice(run_script, tmp_path):
    with CsvSink(tmp_path / "t.csv", VIDEO_FIELDS) as written:
        for one in through_time([0] * 9):
            written.write(one)
    (tmp_path / "link.csv").symlink_to("t.csv")
    done = run_script("attend", tmp_path / "t.csv", tmp_path / "link.csv", "--no-figures")
    assert done.status == 1
    assert "t.csv: given twice; give each table once" in done.err


@pytest.mark.parametrize("rows", [through_time([0] * 9), [row(track=None, head=1)]])
def test_two_videos_or_photos_of_one_name_are_told(run_script, tmp_path, rows):
    """Of two folders, each with a table of its own: frames need not even meet."""
    for name, some in (("a.csv", rows[:4]), ("b.csv", rows[4:] or rows)):
        with CsvSink(tmp_path / name, VIDEO_FIELDS) as written:
            for one in some:
                written.write(one)
    tables = tmp_path / "a.csv", tmp_path / "b.csv"
    done = run_script("attend", *tables, "--output", tmp_path / "out", "--no-figures")
    assert done.status == 1
    assert f"clip.mp4 is in {tmp_path / 'a.csv'} and in {tmp_path / 'b.csv'}" in done.err


def test_shards_of_an_archive_go_together(run_script, tmp_path):
    """Their pictures may be of one file, and are told apart by their keys."""
    tables = [tmp_path / f"{shard}.jsonl" for shard in range(2)]
    for shard, table in enumerate(tables):
        photos = [row(track=None, head=1, file="all.parquet", key=f"{shard}{i}") for i in range(3)]
        table.write_text("".join(json.dumps(photo) + "\n" for photo in photos))
    given = ["--output", tmp_path / "out", "--no-figures"]
    done = run_script("attend", *tables, *given)
    assert done.status == 0, done.err
    assert sum(int(share["rows"]) for share in read(tmp_path / "out" / "attention.csv")) == 6
    tables[1].write_text(tables[0].read_text())
    done = run_script("attend", *tables, *given, "--overwrite")
    assert done.status == 1
    assert "all.parquet is in" in done.err


def test_who_is_not_in_the_pictures_is_told(run_script, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("headpose.attention.figures.MAX_HEADS", 3)
    with CsvSink(tmp_path / "t.csv", VIDEO_FIELDS) as written:
        for one in photos_and_tracks(45, [4, 4]):
            written.write(one)
    out = tmp_path / "out"
    done = run_script("attend", tmp_path / "t.csv", "--fov", FOV, "--output", out)
    assert done.status == 0, done.err
    assert "the pictures show 3 of 47 heads and photos" in done.out
    assert len({(r["file"], r["track"]) for r in read(out / "attention.csv")}) == 47
    # Both people are in the clip and none of the photos has a pair.
    assert [(r["file"], r["track"], r["other"]) for r in read(out / "pairs.csv")] == [
        ("clip.mp4", "1", "2")
    ]


def test_a_table_of_an_earlier_version_is_read_with_a_warning(run_script, tmp_path):
    (tmp_path / "old.csv").write_text(
        "frame,time,track,file,xmin,ymin,xmax,ymax,score,azimuth,elevation,certainty\n"
        "0,0.0,1,a.mp4,1,2,30,40,0.9,3.0,1.0,5.0\n1,0.1,1,a.mp4,1,2,30,40,0.9,3.0,1.0,50.0\n"
    )
    done = run_script("attend", tmp_path / "old.csv", "--no-figures", "--output", tmp_path / "out")
    assert done.status == 0, done.err
    assert "certainty is called expected_error now" in done.err
    assert {r["target"]: r["rows"] for r in read(tmp_path / "out" / "attention.csv")} == {
        "camera": "1",
        "elsewhere": "0",
        "unknown": "1",
    }


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("none.csv", None, "no such file"),
        ("t.csv", "a,b\n1,2\n", "no column file"),
        ("t.jsonl", "[1]\n", "no table of heads"),
        ("t.jsonl", "{", "no table of heads"),
        ("t.csv", "file,xmin,ymin,xmax,ymax,azimuth,elevation\na,x,2,3,4,5,6\n", "no number"),
        ("t.csv", "file,xmin,ymin,xmax,ymax,azimuth,elevation\n", "no heads"),
    ],
)
def test_what_is_no_table_is_told_in_a_line(run_script, tmp_path, name, content, told):
    if content is not None:
        (tmp_path / name).write_text(content)
    done = run_script("attend", tmp_path / name, "--output", tmp_path / "out")
    assert done.status == 1
    assert told in done.err
    assert len(done.err.splitlines()) == 1


def test_json_lines_of_photos_have_shares_and_no_events(run_script, tmp_path):
    lines = [row(None, a, track=None, head=i) for i, a in enumerate((0, 5, 50), 1)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = run_script("attend", tmp_path / "t.jsonl", "--no-figures", "--output", tmp_path / "out")
    assert done.status == 0, done.err
    rows = {r["target"]: r for r in read(tmp_path / "out" / "attention.csv")}
    assert (rows["camera"]["rows"], rows["camera"]["seconds"]) == ("2", "")
    assert not (tmp_path / "out" / "events.csv").exists()


def test_rows_that_cannot_be_are_left_out_and_told(run_script, tmp_path):
    wrong = [{"box": (9, 9, 9, 20)}, {"box": (9, 9, 20, 3)}, {"azimuth": 1e300}, {"ymax": None}]
    lines = [row(0.0), *(row(0.1 * i, **more) for i, more in enumerate(wrong, 1))]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = run_script("attend", tmp_path / "t.jsonl", "--no-figures", "--output", tmp_path / "out")
    assert done.status == 0, done.err
    assert "4 rows are left out" in done.err
    assert {r["rows"] for r in read(tmp_path / "out" / "attention.csv")} == {"1", "0"}


@pytest.mark.parametrize(
    ("rows", "options", "left"),
    [
        (through_time([0] * 10), (), {"attention.csv", "events.csv"}),
        (through_time([0] * 10), ("--fov", FOV), {"attention.csv", "events.csv", "positions.csv"}),
        ([row(track=None, head=1)], (), {"attention.csv"}),
    ],
    ids=["no field of view", "nobody else", "photos"],
)
def test_results_of_an_earlier_call_do_not_stay_beside_new_ones(
    run_script, tmp_path, rows, options, left
):
    two = [*through_time([0] * 10), *through_time([0] * 10, track=2)]
    for name, content in (("two.csv", two), ("new.csv", rows)):
        with CsvSink(tmp_path / name, VIDEO_FIELDS) as table:
            for one in content:
                table.write(one)
    out = tmp_path / "out"
    plain = ("--no-figures", "--output", out)
    assert run_script("attend", tmp_path / "two.csv", "--fov", FOV, *plain).status == 0
    assert (out / "pairs.csv").exists()
    done = run_script("attend", tmp_path / "new.csv", *options, *plain, "--overwrite")
    assert done.status == 0, done.err
    assert {f.name for f in out.iterdir()} == left
    for name in {"events.csv", "positions.csv", "pairs.csv"} - left:
        assert f"removed {out / name}, an earlier result" in done.out


def test_a_table_says_nothing_to_the_terminal(run_script, tmp_path):
    with CsvSink(tmp_path / "t.csv", VIDEO_FIELDS) as table:
        table.write(row() | {"file": "a\r\x1b[2Jb.jpg"})
    done = run_script("attend", tmp_path / "t.csv", "--no-figures", "--output", tmp_path / "out")
    assert done.status == 0, done.err
    assert "a\\r\\x1b[2Jb.jpg" in done.out
    assert "\x1b" not in done.out
    assert {r["file"] for r in read(tmp_path / "out" / "attention.csv")} == {"a\r\x1b[2Jb.jpg"}


def test_names_that_are_no_utf_8_are_written_as_text(run_script, tmp_path):
    line = json.dumps(row(0.0, file="caf\udce9.mp4"))
    (tmp_path / "t.jsonl").write_text(line)
    done = run_script("attend", tmp_path / "t.jsonl", "--no-figures", "--output", tmp_path / "out")
    assert done.status == 0, done.err
    assert read(tmp_path / "out" / "attention.csv")[0]["file"] == r"caf\udce9.mp4"


def test_what_the_command_did_not_write_stays(run_script, tmp_path):
    """Files of its names in a folder without its table are somebody else's."""
    (tmp_path / "heads.jsonl").write_text(json.dumps(row(0.0)) + "\n")
    (tmp_path / "out").mkdir()
    for name in ("attention.csv", "positions.csv", "timeline.png"):
        (tmp_path / "out" / name).write_text("mine")
    more = ["--output", tmp_path / "out", "--no-figures", "--overwrite"]
    done = run_script("attend", tmp_path / "heads.jsonl", *more)
    assert done.status == 0, done.err
    for name in ("positions.csv", "timeline.png"):
        assert (tmp_path / "out" / name).read_text() == "mine"


def test_tables_of_its_names_by_others_stay(run_script, tmp_path):
    (tmp_path / "heads.jsonl").write_text(json.dumps(row(0.0)) + "\n")
    plain = ["--output", tmp_path / "out", "--no-figures", "--overwrite"]
    assert run_script("attend", tmp_path / "heads.jsonl", *plain).status == 0
    (tmp_path / "out" / "pairs.csv").write_text("a,b\n1,2\n")
    done = run_script("attend", tmp_path / "heads.jsonl", *plain)
    assert done.status == 0, done.err
    assert (tmp_path / "out" / "pairs.csv").read_text() == "a,b\n1,2\n"
    assert "removed" not in done.out


def test_tracks_without_frames_and_times_are_told(run_script, tmp_path):
    rows = [{k: v for k, v in row(i / 10).items() if k not in ("frame", "time")} for i in (0, 1)]
    (tmp_path / "heads.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    done = run_script("attend", tmp_path / "heads.jsonl", "--output", tmp_path / "out")
    assert done.status == 1
    assert "no column frame or time that tells its rows apart" in done.err
