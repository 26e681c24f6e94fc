"""Where the pictures of a table lie."""

import cv2
import pytest

from headpose.datasets.box_rows import picture_folder
from headpose.datasets.detection_annotations import read_boxed_pictures

HEADER = "file,xmin,ymin,xmax,ymax\n"


def put(folder, picture, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), picture)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "heads.csv"
    path.write_text(HEADER + "a.png,10,10,60,60\n")
    return path


def test_pictures_beside_the_table_come_before_drawings_of_them(table, noise_picture):
    """`headpose image *.png --csv heads.csv --output heads` leaves both."""
    put(table.parent, noise_picture(160, 120), "a.png")
    for name in ("heads", "images"):
        put(table.parent / name, noise_picture(160, 120), "a.png")
    found, _ = read_boxed_pictures(table)
    assert [picture.path for picture in found] == [table.parent / "a.png"]


@pytest.mark.parametrize("name", ["heads", "images"])
def test_pictures_in_a_folder_beside_the_table_are_found(table, noise_picture, name):
    put(table.parent / name, noise_picture(160, 120), "a.png")
    found, _ = read_boxed_pictures(table)
    assert [picture.path for picture in found] == [table.parent / name / "a.png"]


@pytest.mark.parametrize("name", ["images/a.png", "heads/a.png", "./images/a.png"])
def test_names_may_begin_with_that_folder(table, noise_picture, name):
    put(table.parent, noise_picture(160, 120), name)
    table.write_text(HEADER + f"{name},10,10,60,60\n")
    found, _ = read_boxed_pictures(table)
    assert [picture.path for picture in found] == [table.parent / name]


def test_the_table_s_own_folder_is_taken_if_it_has_any(tmp_path, noise_picture):
    """Pictures that are missing there are missing: a folder beside it may hold drawings."""
    put(tmp_path / "t", noise_picture(16, 12), "a.png")
    put(tmp_path / "images", noise_picture(16, 12), "a.png", "b.png")
    assert picture_folder(tmp_path / "t.csv", ["a.png", "b.png"]) == tmp_path / "images"
    put(tmp_path, noise_picture(16, 12), "b.png")
    assert picture_folder(tmp_path / "t.csv", ["a.png", "b.png"]) == tmp_path
