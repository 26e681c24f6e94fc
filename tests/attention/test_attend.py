"""Who looks where, from tables of scenes whose truth is known."""

import csv
import json

import numpy as np
import pytest

from headpose.attention.events import events_of, facing_pairs, shares_of
from headpose.attention.figures import direction_histogram, drawn_first
from headpose.attention.series import Looking, series_of
from headpose.attention.targets import camera, load_targets
from headpose.errors import HeadposeError
from headpose.records.columns import VIDEO_FIELDS, place_row
from headpose.records.sinks import CsvSink, JsonLinesSink

from test_geometry import FOV, SIZE, angles_of_look, seen  # isort: skip


def row(time=None, azimuth=0.0, elevation=0.0, track=1, box=(900, 500, 1000, 620), **more):
    frame = None if time is None else round(10 * time)
    result = dict.fromkeys(VIDEO_FIELDS) | place_row("clip.mp4", SIZE, frame, time)
    result |= dict(zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return result | {"track": track, "azimuth": azimuth, "elevation": elevation} | more


def through_time(azimuths, **more):
    """Rows of one head, ten a second."""
    return [row(i / 10, azimuth, **more) for i, azimuth in enumerate(azimuths)]


def events(rows, *targets, **options):
    (one,) = series_of(rows, Looking([camera(), *targets], **options))
    return [(e.target, e.start, e.end, e.before) for e in events_of(one)]


def test_turns_are_told_with_their_times():
    rows = through_time([0] * 10 + [60] * 5 + [5] * 5)
    assert events(rows) == [
        ("camera", 0.0, 1.0, None),
        ("elsewhere", 1.0, 1.5, "camera"),
        ("camera", 1.5, 2.0, "elsewhere"),
    ]


def test_a_moment_is_no_event():
    assert events(through_time([0] * 8 + [60] * 2 + [0] * 8)) == [("camera", 0.0, 1.8, None)]


def test_a_head_that_was_out_of_sight_begins_anew():
    rows = through_time([0] * 10)
    del rows[4:8]
    assert events(rows) == [("camera", 0.0, 0.4, None), ("camera", 0.8, 1.0, None)]


def test_what_nobody_knows_is_told_as_that():
    rows = through_time([0] * 10)
    for unsure in rows[5:]:
        unsure["expected_error"] = 40.0
    assert events(rows, max_error=20.0) == [
        ("camera", 0.0, 0.5, None),
        ("unknown", 0.5, 1.0, "camera"),
    ]
    (one,) = series_of(rows, Looking([camera()], max_error=20.0))
    shares = {r["target"]: r["share"] for r in shares_of(one, [camera()])}
    assert shares == {"camera": 1.0, "elsewhere": 0.0, "unknown": None}


def test_smoothed_angles_are_taken_where_there_are_any():
    rows = through_time([60] * 5, smooth_azimuth=0.0, smooth_elevation=0.0)
    assert events(rows)[0][0] == "camera"
    assert events(rows, smooth=False)[0][0] == "elsewhere"


@pytest.mark.parametrize(("azimuth", "share"), [(14, 1.0), (16, 0.0)])
def test_the_limit_is_where_it_is_said_to_be(azimuth, share):
    (one,) = series_of(through_time([azimuth] * 4), Looking([camera(15.0)]))
    assert shares_of(one, [camera(15.0)])[0]["share"] == share


def targets(tmp_path, text):
    (tmp_path / "targets.toml").write_text(text)
    return load_targets(tmp_path / "targets.toml")


def test_directions_and_parts_of_the_picture_are_looked_at(tmp_path):
    wanted = targets(
        tmp_path,
        "[screen]\ndirection = [60, -10]\n[door]\nregion = [0, 500, 100, 620]\nwithin = 25\n",
    )
    # The door is on the picture's left: a head in the middle turns by +90 to look there.
    rows = [*through_time([60] * 4, elevation=-10.0), *through_time([80] * 4, track=2)]
    looks = [s.looks for s in series_of(rows, Looking([camera(), *wanted]))]
    assert looks == [["screen"] * 4, ["door"] * 4]


def two_people(first_looks_back=True):
    """One at the left and one at the right, who turn to each other at the same height."""
    left, right = (-0.9, 0.0, -2.5), (0.7, 0.0, -2.0)
    rows = []
    for i in range(10):
        for track, place, goal in ((1, left, right), (2, right, left)):
            azimuth, elevation = angles_of_look(place, goal)
            if track == 1 and not first_looks_back:
                azimuth = 0.0
            rows.append(row(i / 10, azimuth, elevation, track, seen(place)))
    return rows, float(np.linalg.norm(np.subtract(left, right)))


@pytest.mark.parametrize("both", [True, False])
def test_two_who_face_each_other_are_told(both):
    rows, distance = two_people(both)
    (pair,) = facing_pairs(series_of(rows, Looking([camera()], fov=FOV)), 15.0)
    assert (pair["track"], pair["other"]) == (1, 2)
    assert pair["share"] == (1.0 if both else 0.0)
    assert pair["distance_m"] == pytest.approx(distance, abs=0.01)


def test_another_head_is_a_target(tmp_path):
    (other,) = targets(tmp_path, "[partner]\ntrack = 2\nwithin = 10\n")
    rows, _ = two_people()
    first, second = series_of(rows, Looking([camera(), other], fov=FOV))
    assert first.looks == ["partner"] * 10
    assert second.looks == ["elsewhere"] * 10


def test_a_histogram_has_the_shares_of_time():
    shares = direction_histogram(
        np.array([0.0, 7.0, 180.0, np.nan]), np.array([1.0, 1.0, 2.0, 9.0])
    )
    assert shares.sum() == pytest.approx(1)
    assert shares[180 // 15] == pytest.approx(0.5)  # from 0 to 15 degrees
    assert shares[0] == pytest.approx(0.5)  # 180 is -180


def photos_and_tracks(photos, lengths):
    """Rows of so many photos, and behind them of tracks that are in view for so many rows."""
    rows = [row(track=None, head=1, file=f"{i:03}.jpg") for i in range(photos)]
    for track, length in enumerate(lengths, 1):
        rows += through_time([0] * length, track=track)
    return rows


@pytest.mark.parametrize(
    ("photos", "lengths", "at_most", "shown"),
    [
        (3, [4, 4], 9, [1, 2, "000.jpg", "001.jpg", "002.jpg"]),
        (9, [4, 4], 4, [1, 2, "000.jpg", "001.jpg"]),
        (9, [4, 9, 5, 8], 3, [2, 3, 4]),  # the longest, in their order
        (0, [4, 4, 4], 2, [1, 2]),
        (5, [], 2, ["000.jpg", "001.jpg"]),
    ],
)
def test_pictures_show_tracks_before_photos(photos, lengths, at_most, shown):
    all_series = series_of(photos_and_tracks(photos, lengths), Looking([camera()]))
    drawn = drawn_first(all_series, at_most)
    assert [one.track or one.file for one in drawn] == shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no targets"),
        ("[a", "no TOML"),
        ("x = 3", "no target; write a table"),
        ("[a]\nwithin = 3", "give one of"),
        ("[a]\ndirection = [1]", "direction must be 2 numbers"),
        ("[a]\nregion = [5, 5, 1, 9]", "no area"),
        ("[a]\ntrack = 1\nwithin = -3", "within is -3"),
        ("[a]\ntrack = 1.5", "track is 1.5; give a whole number"),
        ("[a]\nangle = 3", "angle is not known"),
        ("[camera]\ntrack = 1", "a meaning of its own"),
    ],
)
def test_targets_that_are_none_are_told(tmp_path, text, told):
    with pytest.raises(HeadposeError, match=told):
        targets(tmp_path, text)


# ------------------------------------------------------------------------- the command


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


def test_two_heads_of_a_number_in_a_frame_are_refused():
    """As where a table was given twice: every look would count twice."""
    with pytest.raises(HeadposeError, match="track 1 is twice in a frame"):
        series_of([*through_time([0, 5]), *through_time([0])], Looking([camera()]))


def test_the_photos_of_a_table_that_was_given_twice_are_refused():
    once = [row(track=None, head=head) for head in (1, 2)]
    (photo,) = series_of(once, Looking([camera()]))
    assert len(photo.rows) == 2
    with pytest.raises(HeadposeError, match="head 1 is twice"):
        series_of([*once, *once], Looking([camera()]))
    # Pictures of an archive may have one file and one key.
    (archive,) = series_of([one | {"key": "a"} for one in [*once, *once]], Looking([camera()]))
    assert len(archive.rows) == 4


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
