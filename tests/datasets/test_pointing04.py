import numpy as np
import pytest
from pose_sets import POINTING_POSES, make_pointing04, pointing_name, write_image

from headpose.datasets import pointing04
from headpose.errors import HeadposeError

FEW = [(0, 0), (-15, 30), (60, -75)]


def test_there_are_93_poses():
    assert len(POINTING_POSES) == 93


def test_the_whole_grammar_gives_exactly_its_labels(tmp_path):
    persons = (1, 2, 3, 15)
    pictures, problems = pointing04.read_pointing04(make_pointing04(tmp_path, persons))
    assert not problems.by_kind
    expected = {}
    for person in persons:
        for series in (1, 2):
            for number, (tilt, pan) in enumerate(POINTING_POSES):
                name = pointing_name(person, series, number, tilt, pan)
                label = (f"person{person:02d}", tilt, pan)
                expected[f"Person{person:02d}/{name}.jpg"] = label
    found = {p.name: (p.subject, *p.angles[0, :2].tolist()) for p in pictures}
    assert found == expected
    assert [p.name for p in pictures] == sorted(expected)
    for picture in pictures:
        assert np.isnan(picture.angles[0, 2])
        np.testing.assert_allclose(picture.boxes, [[18, 13, 30, 27]])


@pytest.mark.parametrize(
    ("name", "pose"),
    [
        ("person01146+0+0.jpg", (0, 0)),
        ("personne03200-90+0.jpg", (-90, 0)),
        ("person15292+60-75.jpg", (60, -75)),
        ("person15192-15+45.txt", (-15, 45)),
        ("person16146+0+0.jpg", None),
        ("person00146+0+0.jpg", None),
        ("person01346+0+0.jpg", None),
        ("person0114+0+0.jpg", None),
        ("person01146+45+0.jpg", None),
        ("person01146+0+10.jpg", None),
        ("person0114600.jpg", None),
        ("person01146+90+15.jpg", None),
        ("person01146+0+0.png", None),
        ("xperson01146+0+0.jpg", None),
        ("person01146+0+0.jpg\n", None),
    ],
)
def test_names(name, pose):
    assert pointing04.pose_of(name) == pose


def test_zero_has_no_sign():
    assert not np.signbit(pointing04.pose_of("person01146-0-0.jpg")).any()


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_any_line_end(tmp_path, ends):
    make_pointing04(tmp_path, (1,), FEW)
    for file in tmp_path.glob("Person01/*.txt"):
        file.write_bytes(file.read_bytes().replace(b"\r\n", ends.encode()))
    pictures, problems = pointing04.read_pointing04(tmp_path)
    assert not problems.by_kind
    assert all(np.isfinite(p.boxes).all() for p in pictures)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "no rectangle"),
        (b"", "unreadable rectangle"),
        (b"a.jpg\r\n\r\nFace\r\n24\r\n20\r\n", "unreadable rectangle"),
        (
            b"a.jpg\r\n\r\nFace\r\n24\r\n20\r\nwide\r\n14",
            "unreadable rectangle",
        ),
        (b"a.jpg\r\n\r\nFace\r\n24\r\n20\r\n0\r\n14", "unreadable rectangle"),
        (b"\xff\xfe\x00", "unreadable rectangle"),
    ],
)
def test_a_bad_box_file_is_named_and_the_picture_kept(tmp_path, content, problem):
    make_pointing04(tmp_path, (1,), FEW)
    file = tmp_path / "Person01" / f"{pointing_name(1, 1, 0, 0, 0)}.txt"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    pictures, problems = pointing04.read_pointing04(tmp_path)
    assert len(pictures) == 6
    assert problems.by_kind == {problem: [f"Person01/{file.stem}.jpg"]}
    assert sum(np.isnan(p.boxes).all() for p in pictures) == 1


def test_foreign_and_missing_files_are_named(tmp_path):
    make_pointing04(tmp_path, (1,), FEW)
    write_image(tmp_path / "Person01" / "holiday.jpg", 1)
    (tmp_path / "Person01" / "notes.txt").write_text("mine")
    gone = pointing_name(1, 2, 1, -15, 30)
    (tmp_path / "Person01" / f"{gone}.jpg").unlink()
    pictures, problems = pointing04.read_pointing04(tmp_path)
    assert len(pictures) == 5
    assert problems.by_kind == {
        "file name outside the grammar": ["Person01/holiday.jpg"],
        "missing picture": [f"Person01/{gone}.txt"],
    }


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(HeadposeError, match="no such folder"):
        pointing04.read_pointing04(tmp_path / "gone")
    (tmp_path / "Front").mkdir()
    write_image(tmp_path / "Front" / "person01146+0+0.jpg", 1)
    with pytest.raises(HeadposeError, match="not Pointing'04"):
        pointing04.read_pointing04(tmp_path)
