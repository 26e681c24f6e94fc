"""Which pictures the readers of published data sets take for those that labels name."""

import cv2
import numpy as np
import pytest
from field_sets import write_dad3dheads, write_direct_mhp
from pose_sets import aflw_faces, make_aflw, write_mat

from headpose.datasets.aflw import MAT, read_aflw
from headpose.datasets.dad3dheads import read_dad3dheads
from headpose.datasets.direct_mhp import read_direct_mhp
from headpose.images.drawn_mark import is_drawing, marked
from headpose.images.pictures import read_image, write_image

ONE = [([1, 2, 20, 20], [0, 0, 0])]


def aflw_set(folder, names):
    faces = aflw_faces(len(names))
    rows = [(name, *face[1:]) for name, face in zip(names, faces, strict=False)]
    return make_aflw(folder, rows, "images")


def mhp_set(folder, names):
    return write_direct_mhp(folder, dict.fromkeys(names, ONE))


def dad_set(folder, names):
    heads = {name.removesuffix(".png"): ([1, 2, 20, 20], (0, 0, 0)) for name in names}
    return write_dad3dheads(folder, heads)


@pytest.mark.parametrize(
    ("write", "read"),
    [(aflw_set, read_aflw), (mhp_set, read_direct_mhp), (dad_set, read_dad3dheads)],
)
def test_two_names_that_differ_in_case_alone_are_two_pictures(tmp_path, write, read):
    """One is missing; where upper and lower case are not told apart, none is."""
    labels = write(tmp_path, ["A1.png", "a1.png", "b2.png"])
    upper = tmp_path / "images" / "A1.png"
    if upper.samefile(upper.with_name("a1.png")):
        pytest.skip("this file system does not tell upper from lower case")
    upper.unlink()
    pictures, problems = read(labels)
    assert [picture.path.name for picture in pictures] == ["a1.png", "b2.png"]
    (kind,) = problems.by_kind.items()
    assert kind in [("missing picture", [name]) for name in ("A1.png", "A1")]


@pytest.mark.parametrize(
    ("write", "read", "place"),
    [(aflw_set, read_aflw, "flickr"), (mhp_set, read_direct_mhp, "images/train")],
)
def test_a_folder_of_photos_comes_before_one_of_drawings(tmp_path, write, read, place):
    """`headpose image photos --output images` leaves both, by the same names."""
    names = ["a.png", "b.png", "c.png"]
    labels = write(tmp_path, names)
    photos = tmp_path / place
    photos.mkdir(parents=True)
    for name in names:
        drawing = tmp_path / "images" / name
        cv2.imwrite(str(photos / name), read_image(drawing))
        write_image(drawing, read_image(drawing), marked)
    (photos / "c.png").unlink()
    pictures, problems = read(labels)
    assert not any(is_drawing(picture.path) for picture in pictures)
    assert problems.by_kind == {"missing picture": ["c.png"]}


def test_drawings_alone_are_found_and_told_where_they_are_read(tmp_path):
    faces = aflw_faces(3)
    write_mat(tmp_path / MAT, faces)
    for name in {face[0] for face in faces}:
        place = tmp_path / "images" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        write_image(place, np.zeros((90, 120, 3), np.uint8), marked)
    pictures, _ = read_aflw(tmp_path)
    assert all(is_drawing(picture.path) for picture in pictures)
