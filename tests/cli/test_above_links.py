"""`link/..` is the folder above where the link leads: no file there is taken for one here."""

import csv
import json

import pytest
from videos import evenly, make_video

from headpose.cli.video_sources import find_sources
from headpose.datasets.detection_annotations import read_detection_annotations
from headpose.images.picture_names import find_pictures
from headpose.images.pictures import read_image

QUICK = ("--detector", "viola-jones", "--estimator", "fast", "--empty")
NAMES = ["a.png", "link/../a.png"]


@pytest.fixture
def here(tmp_path, monkeypatch, noise_picture):
    """The working folder: `a.png`, another in `other`, and a link to a folder in that."""
    import cv2

    (tmp_path / "other" / "deep").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "a.png"), noise_picture(40, 30))
    cv2.imwrite(str(tmp_path / "other" / "a.png"), noise_picture(60, 50))
    (tmp_path / "link").symlink_to("other/deep")
    (tmp_path / "list.txt").write_text("\n".join([*NAMES, "other/a.png", "./a.png"]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("given", [[*NAMES, "other/a.png"], ["@list.txt"]])
def test_photos_are_all_done(run_script, here, given):
    done = run_script("image", *given, "--csv", "t.csv", *QUICK)
    assert done.status == 0, done.err
    with (here / "t.csv").open(newline="") as file:
        assert [(row["file"], row["width"]) for row in csv.DictReader(file)] == [
            ("a.png", "40"),
            ("link/../a.png", "60"),
        ]


def test_archives_have_all(run_script, here):
    done = run_script("annotate", "@list.txt", "--output", "heads", *QUICK)
    assert done.status == 0, done.err
    (table,) = (here / "heads" / "heads").iterdir()
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    assert {row["file"]: row["width"] for row in rows} == dict(zip(NAMES, (40, 60), strict=True))


def test_videos_and_folders_of_pictures_are_all_found(here):
    for path in ("v.mp4", "other/v.mp4"):
        make_video(here / path, evenly(2))
    names = ["v.mp4", "link/../v.mp4", "other", "link/..", "other/v.mp4"]
    assert find_sources(names, None).names == ["v.mp4", "link/../v.mp4"]


def test_pictures_for_calibration_are_all_found(here):
    assert [str(file) for file in find_pictures([*NAMES, "other/a.png"])[0]] == NAMES


def test_boxes_are_of_the_picture_that_is_meant(here):
    images = [{"id": i, "file_name": name} for i, name in enumerate(NAMES)]
    boxes = [(1, 2, 3, 4), (5, 6, 7, 8)]
    notes = [{"image_id": i, "category_id": 1, "bbox": box} for i, box in enumerate(boxes)]
    kinds = [{"id": 1, "name": "head"}]
    content = {"images": images, "annotations": notes, "categories": kinds}
    (here / "boxes.json").write_text(json.dumps(content))
    pictures, _ = read_detection_annotations("boxes.json")
    found = {read_image(p.path).shape[1]: p.boxes.tolist() for p in pictures}
    assert found == {40: [[1, 2, 4, 6]], 60: [[5, 6, 12, 14]]}
