"""The measurement of heads that come back, on people of plain colours."""

import csv
import itertools

import cv2
import numpy as np
import pytest
from videos import evenly, make_video, patches

SCRIPT = "benchmarks/returning_heads.py"
BOXES = np.float32([(20, 30, 60, 75), (130, 40, 170, 85), (220, 60, 260, 105)])
CORNERS = ("xmin", "ymin", "xmax", "ymax")
SHADES = (30, 128, 230)


def write_table(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def cells(out: str) -> list[str]:
    """Returns the only row of a table, without its name."""
    (line,) = out.splitlines()[2:]
    return line.strip("| ").split(" | ")[1:]


@pytest.fixture
def photos(tmp_path):
    """Seven people of two colours each, from eight sides; all have the same grey clothes."""
    rows, colours = [], itertools.combinations(itertools.product(SHADES, repeat=3), 2)
    for person, (hair, skin) in enumerate(itertools.islice(colours, 0, 350, 50)):
        for pan in (-80, -60, -40, -20, 20, 40, 60, 80):
            picture = np.full((120, 100, 3), 128, np.uint8)
            cv2.rectangle(picture, (30, 20), (69, 35), hair, cv2.FILLED)
            cv2.rectangle(picture, (30, 36), (69, 59), skin, cv2.FILLED)
            name = f"{person}_{pan}.png"
            cv2.imwrite(str(tmp_path / name), picture)
            box = dict(zip(CORNERS, (30, 20, 70, 60), strict=True))
            rows.append({"file": name, **box, "pan": pan, "person": person})
    return write_table(tmp_path / "labels.csv", rows)


def test_people_of_different_colours_are_all_known_again(run_script, photos):
    done = run_script(SCRIPT, "--photos", photos)
    assert done.status == 0, done.err
    assert cells(done.out) == ["14", "100%", "0%", "14", "0%", "1.000"]


def test_tracks_of_videos_are_compared_with_those_beside_them(run_script, tmp_path):
    clip = make_video(tmp_path / "clip.mp4", evenly(15), lambda i: patches(BOXES + i))
    rows = [
        {"file": clip, "track": track, "frame": frame}
        | dict(zip(CORNERS, (box + frame).tolist(), strict=True))
        for frame in range(15)
        for track, box in enumerate(BOXES, 1)
    ]
    done = run_script(SCRIPT, "--videos", write_table(tmp_path / "heads.csv", rows))
    assert done.status == 0, done.err
    assert cells(done.out) == ["3", "100%", "0%", "3", "0%", "1.000"]


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        ([], 2, "give --photos, --videos or both"),
        (["--photos", "{folder}/none.csv"], 1, "none.csv"),
        (["--photos", "{folder}/bare.csv"], 1, "no column"),
        (["--photos", "{folder}/few.csv"], 1, "6 people or more"),
        (["--videos", "{folder}/bare.csv"], 1, "no column"),
        (["--videos", "{folder}/alone.csv"], 1, "no two heads"),
    ],
)
def test_bad_input_is_told_in_a_line(run_script, tmp_path, given, status, told):
    (tmp_path / "bare.csv").write_text("file\na.png\n")
    (tmp_path / "few.csv").write_text(
        "file,person,pan,xmin,ymin,xmax,ymax\n" + "a.png,1,20,0,0,9,9\na.png,1,-20,0,0,9,9\n" * 4
    )
    (tmp_path / "alone.csv").write_text("file,track,frame,xmin,ymin,xmax,ymax\na.mp4,,0,,,,\n")
    done = run_script(SCRIPT, *[word.format(folder=tmp_path) for word in given])
    assert done.status == status
    assert told in done.err.splitlines()[-1]
    assert "Traceback" not in done.err
