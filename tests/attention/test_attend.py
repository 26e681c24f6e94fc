"""Who looks where, from tables of scenes whose truth is known."""

import numpy as np
import pytest

from headpose.attention import events as attention_events
from headpose.attention.events import events_of, facing_pairs, shares_of
from headpose.attention.figures import direction_histogram, drawn_first
from headpose.attention.series import Looking, series_of
from headpose.attention.targets import camera, load_targets
from headpose.errors import HeadposeError
from headpose.records.columns import VIDEO_FIELDS, place_row

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
    rows = through_time([0] * 12)
    del rows[4:8]
    assert events(rows) == [("camera", 0.0, 0.4, None), ("camera", 0.8, 1.2, None)]


def test_events_last_as_long_as_shares_say():
    """Where a head is missing for two frames of a video that has 30 a second, too."""
    times = np.delete(np.arange(30) / 30, [10, 11, 20])
    (one,) = series_of([row(round(t, 4)) for t in times], Looking([camera()]))
    lasted = sum(event.end - event.start for event in events_of(one, shortest=0))
    assert lasted == pytest.approx(one.steps.sum(), abs=1e-3)
    assert len(events_of(one, shortest=0)) == 2


def slower_in_the_dark():
    """Rows of a head that is in every frame: thirty a second, and then ten."""
    times = [i / 30 for i in range(90)] + [3 + i / 10 for i in range(30)]
    return [row(time, frame=i) for i, time in enumerate(times)]


def test_a_slower_rate_is_no_gap():
    (one,) = series_of(slower_in_the_dark(), Looking([camera()]))
    assert one.steps.sum() == pytest.approx(6, abs=0.1)
    assert [(e.start, e.end) for e in events_of(one)] == [(0, pytest.approx(6, abs=0.1))]


def test_a_gap_in_a_video_of_uneven_rates_is_one():
    rows = slower_in_the_dark()
    del rows[100:110]  # a second
    (one,) = series_of(rows, Looking([camera()]))
    assert one.steps.sum() == pytest.approx(5, abs=0.2)
    assert len(events_of(one)) == 2


def test_short_looks_in_a_row_are_not_the_look_before_them():
    """Another second of nothing but moments at two things, and then half a second of one."""
    rows = through_time([0] * 10 + [60, 0, 60, 60, 0, 60, 60, 0, 60, 60] + [0] * 5)
    assert events(rows) == [
        ("camera", 0.0, 1.0, None),
        ("elsewhere", 1.0, 2.0, "camera"),
        ("camera", 2.0, 2.5, "elsewhere"),
    ]


def test_a_moment_at_the_beginning_is_no_event():
    assert events(through_time([0] + [60] * 9)) == [("elsewhere", 0.0, 1.0, None)]
    assert events(through_time([0, 60])) == []
    rows = through_time([0] * 10)
    del rows[4:8]  # seen again for a fifth of a second
    assert events(rows) == [("camera", 0.0, 0.4, None)]


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


@pytest.mark.parametrize("missing", ["azimuth", "elevation"])
def test_a_row_without_an_angle_is_unknown(missing):
    (one,) = series_of([row(0.0), row(0.1, **{missing: None})], Looking([camera()]))
    assert one.looks == ["camera", "unknown"]


def test_each_row_is_looked_at_once_however_many_tracks_never_meet(monkeypatch):
    rows = [row(i / 10, track=i // 2) for i in range(60)]
    all_series = series_of(rows, Looking([camera()], fov=FOV))
    asked = []
    monkeypatch.setattr(attention_events, "moment", lambda row: asked.append(1) or row["frame"])
    assert facing_pairs(all_series, 15.0) == []
    assert len(asked) == 60


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


@pytest.mark.parametrize(("unsure", "seconds", "share"), [(5, 0.5, 1.0), (10, None, None)])
def test_what_is_not_known_is_no_share_of_facing(unsure, seconds, share):
    rows, _ = two_people()
    for one in rows[: 2 * unsure : 2]:
        one["expected_error"] = 40.0
    looking = Looking([camera()], max_error=20.0, fov=FOV)
    (pair,) = facing_pairs(series_of(rows, looking), 15.0)
    assert pair["seconds_together"] == pytest.approx(1.0)
    assert pair["seconds_known"] == pytest.approx(1 - unsure / 10)
    assert (pair["seconds_facing"], pair["share"]) == (seconds, share)


def test_another_head_is_a_target(tmp_path):
    (other,) = targets(tmp_path, "[partner]\ntrack = 2\nwithin = 10\n")
    rows, _ = two_people()
    first, second = series_of(rows, Looking([camera(), other], fov=FOV))
    assert first.looks == ["partner"] * 10
    assert second.looks == ["elsewhere"] * 10


@pytest.mark.parametrize("columns", [["frame"], ["time"]])
def test_without_frames_or_times_the_other_tells_who_is_there_together(tmp_path, columns):
    (other,) = targets(tmp_path, "[partner]\ntrack = 2\nwithin = 10\n")
    rows, _ = two_people()
    # At first the second one is elsewhere: the last row of a track must not stand for all.
    rows[1] |= dict(zip(("xmin", "ymin", "xmax", "ymax"), seen((0.9, 1.5, -2.0)), strict=True))
    less = [{k: v for k, v in one.items() if k not in columns} for one in rows]
    first, second = series_of(less, Looking([camera(), other], fov=FOV))
    assert first.looks == ["elsewhere"] + ["partner"] * 9
    (pair,) = facing_pairs([first, second], 15.0)
    assert pair["distance_m"] > 0


@pytest.mark.parametrize("without", [1, 10])
def test_rows_without_times_have_no_seconds(without, caplog):
    """One such row is told; a table without times says so itself."""
    rows, _ = two_people()
    for one in rows[: 2 * without]:
        one["time"] = None
    (pair,) = facing_pairs(series_of(rows, Looking([camera()], fov=FOV)), 15.0)
    seconds = [pair[f"seconds_{name}"] for name in ("together", "known", "facing")]
    assert (seconds, pair["share"]) == ([None] * 3, 1.0)
    told = "track 1: 1 of 10 rows have no time, so it has neither seconds nor events"
    assert (told in caplog.text) == (without == 1)


def test_a_track_that_nobody_has_is_told(tmp_path, caplog):
    (other,) = targets(tmp_path, "[teacher]\ntrack = 99\n")
    series_of(through_time([0] * 3), Looking([camera(), other]))
    assert "teacher: no head has the track 99" in caplog.text


def test_a_head_seen_at_one_moment_has_shares_and_no_seconds():
    (one,) = series_of([row(0.0, 3.0)], Looking([camera()]))
    told = {r["target"]: (r["share"], r["seconds"]) for r in shares_of(one, [camera()])}
    assert told == {"camera": (1.0, 0.0), "elsewhere": (0.0, 0.0), "unknown": (None, 0.0)}


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
        ('["camera "]\ntrack = 1', "a meaning of its own"),
        ("[a]\ndirection = [30, 95]", "an elevation from -90 to 90"),
    ],
)
def test_targets_that_are_none_are_told(tmp_path, text, told):
    with pytest.raises(HeadposeError, match=told):
        targets(tmp_path, text)


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
