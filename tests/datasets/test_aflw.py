import sqlite3
from contextlib import closing

import numpy as np
import pytest
from pose_sets import MAT, aflw_faces, make_aflw, write_mat, write_sqlite
from scipy.io import savemat

from headpose.datasets import aflw
from headpose.errors import HeadposeError
from headpose.geometry.angles import rotation_matrices


def same(first, second) -> None:
    assert [p.name for p in first] == [p.name for p in second]
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a.boxes, b.boxes, atol=1e-3)
        np.testing.assert_allclose(a.angles, b.angles, atol=1e-9)


def test_radians_become_degrees_and_roll_becomes_clockwise():
    np.testing.assert_allclose(
        aflw.our_angles(roll=np.radians(10), pitch=np.radians(-20), yaw=np.radians(30)),
        [-20, 30, -10],
    )


def test_a_pitch_beyond_a_quarter_is_told_by_the_other_angles_and_beyond_half_a_turn_not():
    told = aflw.our_angles(roll=np.radians(10), pitch=np.radians(100), yaw=np.radians(30))
    np.testing.assert_allclose(told, [-80, 150, 170])
    np.testing.assert_allclose(
        rotation_matrices([told]), rotation_matrices([[100, 30, -10]]), atol=1e-9
    )
    for pitch in (50.0, -3.2, 1e308, np.nan):
        assert np.isnan(aflw.our_angles(0.1, pitch, 0.2)).all()


def test_a_yaw_or_roll_beyond_a_whole_turn_is_none():
    assert np.isnan(aflw.our_angles(0.1, 0.1, 7.0)).all()
    assert np.isnan(aflw.our_angles(-20.0, 0.1, 0.2)).all()
    np.testing.assert_allclose(aflw.our_angles(np.nan, 0.1, 0.2)[:2], np.degrees([0.1, 0.2]))


def test_degrees_are_told(tmp_path):
    faces = [(file, box, np.degrees(pose)) for file, box, pose in aflw_faces(8)]
    with pytest.raises(HeadposeError, match="are they degrees"):
        aflw.read_aflw(make_aflw(tmp_path, faces))


@pytest.mark.parametrize(("yaw", "pan"), [(np.pi * 1.5, -90), (-np.pi * 1.25, 135)])
def test_directions_are_brought_to_half_a_turn(yaw, pan):
    assert aflw.our_angles(0, 0, yaw)[1] == pytest.approx(pan)


def test_the_mat_gives_pictures_sorted_by_name_with_all_their_faces(tmp_path):
    faces = aflw_faces(8)
    pictures, problems = aflw.read_aflw(make_aflw(tmp_path, faces[::-1]))
    assert [p.name for p in pictures] == sorted({f"data/flickr/{name}" for name, _, _ in faces})
    assert [len(p.boxes) for p in pictures].count(2) == 2
    assert not problems.by_kind
    by_name = {p.name: p for p in pictures}
    name, box, (roll, pitch, yaw) = faces[2]
    found = by_name[f"data/flickr/{name}"]
    np.testing.assert_allclose(found.boxes[0], box)
    np.testing.assert_allclose(found.angles[0], np.degrees([pitch, yaw, -roll]))


@pytest.mark.parametrize("base", [".", "images", "flickr", "data/flickr", "data"])
def test_pictures_are_found_near_the_labels(tmp_path, base):
    assert len(aflw.read_aflw(make_aflw(tmp_path, aflw_faces(4), base))[0]) == 4


def test_pictures_elsewhere_are_named_and_told_by_the_labels_names(tmp_path):
    make_aflw(tmp_path / "photos", aflw_faces(4), ".")
    write_mat(tmp_path / "labels" / MAT, aflw_faces(4))
    pictures, _ = aflw.read_aflw(tmp_path / "labels" / MAT, tmp_path / "photos")
    assert pictures[0].name == "0/image00000.jpg"


def test_sqlite_gives_the_same_as_the_mat(tmp_path):
    faces = [(n, [round(c) for c in box], pose) for n, box, pose in aflw_faces(12)]
    make_aflw(tmp_path, faces)
    from_mat = aflw.read_aflw(tmp_path)[0]
    write_sqlite(tmp_path / "aflw.sqlite", faces)
    (tmp_path / MAT).unlink()
    same(aflw.read_aflw(tmp_path)[0], from_mat)


def test_file_names_in_cells_are_read_too(tmp_path):
    faces = aflw_faces(3)
    make_aflw(tmp_path, faces)
    names = np.empty((len(faces), 1), object)
    names[:, 0] = [f[0] for f in faces]
    content = {"fileids": names, "bboxes": [f[1] for f in faces], "pose": [f[2] for f in faces]}
    savemat(tmp_path / MAT, content)
    assert len(aflw.read_aflw(tmp_path)[0]) == 3


NONE4, NONE3 = [np.nan] * 4, [np.nan] * 3


@pytest.mark.parametrize("kind", ["mat", "sqlite"])
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda n, b, p: (n, b, NONE3), "label without pose"),
        (lambda n, b, p: (n, NONE4, p), "label without rectangle"),
        (lambda n, b, p: (n, [5, 5, 5, 20], p), "label without rectangle"),
        (lambda n, b, p: ("gone.jpg", b, p), "missing picture"),
        (lambda n, b, p: ("", b, p), "label without file name"),
    ],
)
def test_labels_that_lack_something_are_left_out_and_named(tmp_path, kind, change, problem):
    faces = aflw_faces(6)
    make_aflw(tmp_path, faces)
    source = tmp_path / MAT
    faces[1] = change(*faces[1])
    if kind == "mat":
        write_mat(source, faces)
    else:
        source = tmp_path / "aflw.sqlite"
        absent = [(n, None if b is NONE4 else b, None if p is NONE3 else p) for n, b, p in faces]
        write_sqlite(source, absent)
    pictures, problems = aflw.read_aflw(source)
    assert sum(len(p.boxes) for p in pictures) == len(faces) - 1
    assert list(problems.by_kind) == [problem]
    assert len(problems.by_kind[problem]) == 1


def test_an_unknown_roll_alone_is_kept(tmp_path):
    faces = aflw_faces(2)
    faces[0] = (*faces[0][:2], np.array([np.nan, 0.1, 0.2]))
    angles = aflw.read_aflw(make_aflw(tmp_path, faces))[0][0].angles
    assert np.isnan(angles[0]).tolist() == [False, False, True]


def test_a_second_label_of_a_head_is_left_out(tmp_path):
    faces = aflw_faces(3)
    name, box, pose = faces[0]
    faces.append((name, [c + 0.5 for c in box], -pose))
    pictures, problems = aflw.read_aflw(make_aflw(tmp_path, faces))
    assert len(pictures[0].boxes) == 2
    assert problems.by_kind == {"second label of a head at the same place": [name]}


def test_sqlite_values_of_a_wrong_kind_count_as_missing(tmp_path):
    faces = aflw_faces(4)
    make_aflw(tmp_path, faces)
    path = tmp_path / "aflw.sqlite"
    write_sqlite(path, faces)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE FacePose SET yaw = 'left' WHERE face_id = 39341")
        database.execute("UPDATE FaceRect SET w = NULL WHERE face_id = 39342")
        database.execute("INSERT INTO FaceRect SELECT * FROM FaceRect WHERE face_id = 39343")
    _, problems = aflw.read_aflw(path)
    assert problems.by_kind == {
        "face with a second rectangle, the first is taken": ["face 39343"],
        "label without pose": [faces[0][0]],
        "label without rectangle": [faces[1][0]],
    }


def write_locked(path):
    write_sqlite(path, aflw_faces(2))
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    return database


def write_foreign_tables(path):
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE Songs (title TEXT)")


def write_other_columns(path):
    write_sqlite(path, aflw_faces(2))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("ALTER TABLE FacePose RENAME COLUMN yaw TO heading")


@pytest.mark.parametrize(
    ("name", "write", "told"),
    [
        ("a.mat", lambda p: p.write_bytes(b"no matlab at all" * 20), "not a MATLAB file"),
        ("a.mat", lambda p: p.write_bytes(b""), "not a MATLAB file"),
        (
            "a.mat",
            lambda p: p.write_bytes(
                b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\0" * 400
            ),
            "save -v7",
        ),
        ("a.mat", lambda p: savemat(p, {"pose": np.zeros((2, 3))}), "no field fileids, bboxes"),
        (
            "a.mat",
            lambda p: savemat(
                p, {"fileids": ["a", "b"], "bboxes": np.zeros((2, 4)), "pose": np.zeros((3, 3))}
            ),
            "pose must be 2x3",
        ),
        (
            "a.mat",
            lambda p: savemat(
                p, {"fileids": ["a", "b"], "bboxes": ["c", "d"], "pose": np.zeros((2, 3))}
            ),
            "bboxes must be 2x4",
        ),
        ("a.mat", lambda p: write_mat(p, aflw_faces(2)), "no usable picture"),
        ("a.mat", lambda p: p.mkdir(), "neither"),
        ("a.mat", lambda p: None, "no such file"),
        ("a.sqlite", lambda p: p.write_bytes(b"no database at all" * 99), "not a database"),
        ("a.sqlite", lambda p: p.write_bytes(b""), "no such table"),
        ("a.sqlite", write_foreign_tables, "not AFLW's aflw.sqlite"),
        ("a.sqlite", write_other_columns, "no such column"),
        ("a.sqlite", write_locked, "locked; close the program"),
    ],
)
def test_what_is_not_aflw_is_told_in_one_line(tmp_path, monkeypatch, name, write, told):
    monkeypatch.setattr(aflw, "LOCK_WAIT", 0.05)
    kept = write(tmp_path / name)
    with pytest.raises(HeadposeError, match=told) as caught:
        aflw.read_aflw(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    if isinstance(kept, sqlite3.Connection):
        kept.close()


def test_helen_reads_as_its_own_table_tells(shared_data):
    folder = shared_data / "helen"
    import pandas as pd

    table = pd.read_csv(folder / "labels.csv").set_index("file")
    pictures, problems = aflw.read_aflw(folder)
    assert len(pictures) == len(table)
    assert not problems.by_kind
    for found in pictures:
        row = table.loc[found.path.name]
        np.testing.assert_allclose(
            found.angles[0], row[["tilt", "pan", "roll"]].astype(float), atol=0.01
        )
        face = [row[f"face_{c}"] for c in ("xmin", "ymin", "xmax", "ymax")]
        np.testing.assert_allclose(found.boxes[0], face, atol=0.06)
