"""Heads that a corner of the picture cuts: nothing tells where they are, and nothing is made up."""

import csv

import pytest

from headpose.attention.events import facing_pairs
from headpose.attention.series import Looking, series_of
from headpose.attention.targets import Target, camera
from headpose.records.columns import VIDEO_FIELDS
from headpose.records.sinks import CsvSink

from test_geometry import FOV  # isort: skip
from test_attend import row, two_people  # isort: skip

CORNER = (0, 0, 90, 60)


def first_in_the_corner(count):
    """Rows of two people, of whom the first is in a corner in the last `count` of ten frames."""
    rows, distance = two_people()
    for one in rows[20 - 2 * count :: 2]:
        one |= dict(zip(("xmin", "ymin", "xmax", "ymax"), CORNER, strict=True))
    return rows, distance


def test_places_that_nobody_knows_are_empty(run_script, tmp_path):
    with CsvSink(tmp_path / "t.csv", VIDEO_FIELDS) as table:
        for one in [row(0.0), row(0.1, box=CORNER)]:
            table.write(one)
    out = tmp_path / "out"
    done = run_script("attend", tmp_path / "t.csv", "--fov", FOV, "--output", out, "--no-figures")
    assert done.status == 0, done.err
    with (out / "positions.csv").open(newline="") as file:
        known, unknown = csv.DictReader(file)
    places = ("x_m", "y_m", "depth_m", "depth_deviation_m")
    assert all(known[name] for name in places)
    assert [unknown[name] for name in places] == [""] * 4


@pytest.mark.parametrize(("count", "known"), [(4, 0.6), (10, 0.0)])
def test_pairs_are_told_of_known_places_alone(count, known):
    rows, distance = first_in_the_corner(count)
    (pair,) = facing_pairs(series_of(rows, Looking([camera()], fov=FOV)), 15.0)
    assert pair["seconds_known"] == pytest.approx(known)
    if known:
        assert pair["share"] == 1.0
        assert pair["distance_m"] == pytest.approx(distance, abs=0.01)
    else:
        assert (pair["share"], pair["seconds_facing"], pair["distance_m"]) == (None, None, None)


def test_whether_such_a_head_is_looked_at_is_not_known():
    rows, _ = first_in_the_corner(4)
    partners = [Target("one", track=1), Target("other", track=2)]
    first, second = series_of(rows, Looking(partners, fov=FOV))
    assert first.looks == ["other"] * 6 + ["unknown"] * 4
    assert second.looks == ["one"] * 6 + ["unknown"] * 4
    # What is a direction is known still, and who is not in view is not looked at.
    rows = [row(i / 10, azimuth, box=CORNER) for i, azimuth in enumerate((0, 60))]
    (alone,) = series_of(rows, Looking([camera(), partners[1]], fov=FOV))
    assert alone.looks == ["camera", "elsewhere"]


def test_a_part_of_the_picture_at_its_border_is_no_head():
    """The window reaches the border, and is looked at where its middle is."""
    window = Target("window", within=10, region=(0, 0, 400, 1080))
    looks = [s.looks for s in series_of([row(0.0, 90.0)], Looking([window], fov=FOV))]
    assert looks == [["window"]]
