"""Data sets with files of nearly one name, or several lists: none is lost without a word."""

import numpy as np
from field_sets import write_biwi_frame, write_dad3dheads, write_mat, write_pair, write_picture

from headpose.datasets.biwi import read_biwi
from headpose.datasets.dad3dheads import read_dad3dheads
from headpose.datasets.w300lp import read_aflw2000


def test_pairs_whose_names_differ_in_case_are_two(tmp_path):
    write_pair(tmp_path, "image00002", (1, 10, 0))
    write_pair(tmp_path, "IMAGE00002", (2, 20, 0))
    write_picture(tmp_path / "image00003.JPG")
    write_mat(tmp_path / "Image00003.mat", (3, 30, 0))
    pictures, problems = read_aflw2000(tmp_path)
    tilts = {picture.name: round(float(picture.angles[0, 0])) for picture in pictures}
    assert tilts == {"IMAGE00002.jpg": 2, "image00002.jpg": 1, "image00003.JPG": 3}
    assert not problems.by_kind


def test_a_second_picture_of_one_name_is_told(tmp_path):
    write_pair(tmp_path, "image00002", (1, 10, 0))
    write_picture(tmp_path / "image00002.jpeg", 5)
    pictures, problems = read_aflw2000(tmp_path)
    assert len(pictures) == 1
    assert problems.by_kind == {"picture without .mat": ["image00002.jpeg"]}


def test_a_second_file_of_a_frame_is_told(tmp_path):
    write_biwi_frame(tmp_path / "01", 3, (1, 10, 0))
    write_picture(tmp_path / "01" / "FRAME_00003_RGB.PNG", 9, 64, 48)
    pictures, problems = read_biwi(tmp_path)
    assert [picture.path.name for picture in pictures] == ["frame_00003_rgb.png"]
    assert problems.by_kind["second file of a frame"] == ["01/FRAME_00003_RGB.PNG"]


def test_the_list_that_is_not_read_is_told(tmp_path):
    heads = {"x1": ([10, 12, 30, 34], (0, 10, 0))}
    for name in ("train", "val"):
        (tmp_path / name).mkdir()
        write_dad3dheads(tmp_path / name, heads, f"{name}.json")
    pictures, problems = read_dad3dheads(tmp_path)
    np.testing.assert_allclose(pictures[0].angles, [(0, 10, 0)], atol=1e-6)
    (note,) = problems.notes
    assert note.startswith(
        f"only {tmp_path / 'val' / 'val.json'} is read; name {tmp_path / 'train'}"
    )
    assert not read_dad3dheads(tmp_path / "train" / "train.json")[1].notes
