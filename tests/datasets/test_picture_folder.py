"""Where the pictures of a table lie."""

import cv2
import pytest

from headpose.datasets.box_rows import picture_folder
from headpose.datasets.detection_annotations import read_detection_annotations
from headpose.datasets.label_tables import Problems, read_labels
from headpose.errors import HeadposeError
from headpose.images.drawn_mark import marked
from headpose.images.pictures import write_image

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
    found, _ = read_detection_annotations(table)
    assert [picture.path for picture in found] == [table.parent / "a.png"]


@pytest.mark.parametrize("name", ["heads", "images"])
def test_pictures_in_a_folder_beside_the_table_are_found(table, noise_picture, name):
    put(table.parent / name, noise_picture(160, 120), "a.png")
    found, _ = read_detection_annotations(table)
    assert [picture.path for picture in found] == [table.parent / name / "a.png"]


@pytest.mark.parametrize("name", ["images/a.png", "heads/a.png", "./images/a.png"])
def test_names_may_begin_with_that_folder(table, noise_picture, name):
    put(table.parent, noise_picture(160, 120), name)
    table.write_text(HEADER + f"{name},10,10,60,60\n")
    found, _ = read_detection_annotations(table)
    assert [picture.path for picture in found] == [table.parent / name]


def test_the_table_s_own_folder_is_taken_if_it_has_any(tmp_path, noise_picture):
    """Pictures that are missing there are missing: a folder beside it may hold drawings."""
    put(tmp_path / "t", noise_picture(16, 12), "a.png")
    put(tmp_path / "images", noise_picture(16, 12), "a.png", "b.png")
    assert picture_folder(tmp_path / "t.csv", ["a.png", "b.png"]) == tmp_path / "images"
    put(tmp_path, noise_picture(16, 12), "b.png")
    assert picture_folder(tmp_path / "t.csv", ["a.png", "b.png"]) == tmp_path


def test_drawings_are_not_taken_for_the_photos_that_are_gone(table, noise_picture):
    folder = table.parent / "heads"
    folder.mkdir()
    write_image(folder / "a.png", noise_picture(160, 120), marked)
    for path in (table, folder / "t.csv"):
        path.write_text(HEADER + "a.png,10,10,60,60\n")
        with pytest.raises(HeadposeError, match=r"drawing that headpose made of a photo: 1 \(a"):
            read_detection_annotations(path)
    (table.parent / "images").mkdir()
    cv2.imwrite(str(table.parent / "images" / "a.png"), noise_picture(160, 120))
    found, _ = read_detection_annotations(table)
    assert [picture.path for picture in found] == [table.parent / "images" / "a.png"]


def test_another_folder_with_more_of_the_pictures_is_told(tmp_path, noise_picture, caplog):
    names = ["a.png", "b.png", "c.png"]
    put(tmp_path / "t", noise_picture(16, 12), *names)
    put(tmp_path, noise_picture(16, 12), "b.png")
    assert picture_folder(tmp_path / "t.csv", names) == tmp_path
    assert f"{tmp_path / 't'} has more of the pictures than {tmp_path}" in caplog.text


@pytest.mark.parametrize("row", [",,,,", "  , ,,,", ""])
def test_an_empty_row_is_no_picture_and_no_problem(table, noise_picture, row):
    """Spreadsheets leave such rows behind a table."""
    put(table.parent / "images", noise_picture(160, 120), "a.png")
    table.write_text(f"{table.read_text()}{row}\n")
    found, problems = read_detection_annotations(table)
    assert [picture.path for picture in found] == [table.parent / "images" / "a.png"]
    assert not problems.lines()
    assert len(read_labels(table, "", ("file",), Problems())) == 1
