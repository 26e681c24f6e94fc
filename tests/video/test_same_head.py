"""The measurement of how well looks tell heads apart, on heads of plain colours."""

import csv

import cv2
import numpy as np
import pytest
from videos import COLOURS, evenly, make_video, patches

SCRIPT = "benchmarks/same_head.py"
BOXES = np.float32([(20, 30, 60, 75), (130, 40, 170, 85), (220, 60, 260, 105)])
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def write_table(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def cells(out: str) -> dict[str, list[str]]:
    """Returns the rows of a table by their first cells."""
    lines = [line.strip("| ").split(" | ") for line in out.splitlines()[2:]]
    return {name: rest for name, *rest in lines}


@pytest.fixture
def photos(tmp_path):
    """Three people of a colour each, from six sides; all have the same grey clothes."""
    rows = []
    for person, colour in enumerate(COLOURS):
        for azimuth in range(0, 360, 60):
            picture = np.full((120, 100, 3), 128, np.uint8)
            cv2.rectangle(picture, (30, 20), (69, 59), colour, cv2.FILLED)
            name = f"{person}_{azimuth}.png"
            cv2.imwrite(str(tmp_path / name), picture)
            box = dict(zip(CORNERS, (30, 20, 70, 60), strict=True))
            rows.append({"file": name, **box, "azimuth": azimuth, "person": person})
    return write_table(tmp_path / "labels.csv", rows)


def test_colours_tell_people_of_different_colours_apart(run_script, photos):
    done = run_script(SCRIPT, "--photos", photos)
    assert done.status == 0, done.err
    told = cells(done.out)
    # Of six sides six pairs lie 60 degrees apart, six 120 and three 180; times three people.
    assert told["turned by 60 to 120°, colours"] == ["18", "100 %", "100 %"]
    assert told["turned by 120 to 180°, colours"] == ["27", "100 %", "100 %"]
    # What is equal in all of them tells nobody.
    assert told["turned by 60 to 120°, clothes"] == ["18", "0 %", "0 %"]


def test_tracks_of_videos_are_compared_with_those_beside_them(run_script, tmp_path):
    clip = make_video(tmp_path / "clip.mp4", evenly(9), lambda i: patches(BOXES + i))
    rows = [
        {"file": clip, "track": track, "frame": frame}
        | dict(zip(CORNERS, (box + frame).tolist(), strict=True))
        for frame in range(9)
        for track, box in enumerate(BOXES, 1)
    ]
    done = run_script(SCRIPT, "--videos", write_table(tmp_path / "heads.csv", rows))
    assert done.status == 0, done.err
    assert cells(done.out)["videos, colours"] == ["3", "100 %", "100 %"]
    alone = write_table(tmp_path / "alone.csv", [row for row in rows if row["track"] == 1])
    done = run_script(SCRIPT, "--videos", alone)
    assert done.status == 1
    assert "no two heads are long enough in view together" in done.err


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        ([], 2, "give --photos, --videos or both"),
        (["--photos", "{folder}/none.csv"], 1, "none.csv"),
        (["--photos", "{folder}/bare.csv"], 1, "no column"),
        (["--videos", "{folder}/bare.csv"], 1, "no column"),
    ],
)
def test_bad_input_is_told_in_a_line(run_script, tmp_path, given, status, told):
    (tmp_path / "bare.csv").write_text("file\na.png\n")
    done = run_script(SCRIPT, *[word.format(folder=tmp_path) for word in given])
    assert done.status == status
    assert told in done.err.splitlines()[-1]
    assert "Traceback" not in done.err
