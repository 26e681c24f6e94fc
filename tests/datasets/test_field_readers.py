"""Readers of 300W-LP, AFLW2000-3D, BIWI and DAD-3DHeads."""

import json

import numpy as np
import pytest
from field_sets import (
    CALIBRATION,
    kinds,
    only,
    write_biwi_frame,
    write_dad3dheads,
    write_mat,
    write_pair,
    write_picture,
)
from scipy.io import savemat

from headpose.datasets import matlab_files
from headpose.datasets.biwi import read_biwi
from headpose.datasets.dad3dheads import read_dad3dheads
from headpose.datasets.w300lp import read_300w_lp, read_aflw2000
from headpose.errors import HeadposeError

ANGLES = (-12.5, 34.0, 7.25)


class TestPairs:
    def test_angles_and_box_come_back(self, tmp_path):
        write_pair(tmp_path, "image00002", ANGLES)
        result = read_aflw2000(tmp_path)
        np.testing.assert_allclose(only(result), [ANGLES], atol=1e-9)
        np.testing.assert_allclose(result[0][0].boxes, [[20, 10, 60, 50]])

    def test_projected_landmarks_come_first(self, tmp_path):
        points = np.array([[1.0, 70], [2, 60], [0, 9]])
        write_pair(tmp_path, "image00002", ANGLES, pt3d_68=points)
        np.testing.assert_allclose(read_aflw2000(tmp_path)[0][0].boxes, [[1, 2, 70, 60]])

    @pytest.mark.parametrize(
        ("angles", "kept"), [((99, 0, 0), 1), ((0, -99.1, 0), 0), ((0, 0, 120), 0)]
    )
    def test_angles_beyond_99_are_left_out_and_counted(self, tmp_path, angles, kept):
        write_pair(tmp_path, "image00002", (0, 0, 0))
        write_pair(tmp_path, "image00004", angles)
        result = read_aflw2000(tmp_path)
        assert len(result[0]) == 1 + kept
        assert sum("beyond 99" in kind for kind in kinds(result)) == 1 - kept

    def test_degrees_are_told(self, tmp_path):
        for number in range(4):
            pose = np.zeros((1, 7))
            pose[0, :3] = 10, 30 * number, -5
            write_picture(tmp_path / f"{number}.jpg")
            savemat(tmp_path / f"{number}.mat", {"Pose_Para": pose})
        with pytest.raises(HeadposeError, match="are they degrees"):
            read_aflw2000(tmp_path)

    def test_half_pairs_are_named(self, tmp_path):
        write_pair(tmp_path, "a", ANGLES)
        write_picture(tmp_path / "b.jpg")
        write_mat(tmp_path / "c.mat", ANGLES)
        assert kinds(read_aflw2000(tmp_path)) == {
            "picture without .mat": ["b.jpg"],
            "missing picture": ["c.mat"],
        }

    def test_names_in_another_case_still_pair(self, tmp_path):
        write_picture(tmp_path / "Image00002.JPG")
        write_mat(tmp_path / "image00002.mat", ANGLES)
        np.testing.assert_allclose(only(read_aflw2000(tmp_path)), [ANGLES], atol=1e-9)

    @pytest.mark.parametrize(
        ("fields", "kind"),
        [
            ({"Pose_Para": None}, "label without pose"),
            ({"Pose_Para": np.array([[0.1, np.nan, 0]])}, "label without pose"),
            ({"Pose_Para": np.array([[0.1, 0.2]])}, "label without pose"),
            ({"Pose_Para": np.array(["text"])}, "label without pose"),
        ],
    )
    def test_a_mat_without_pose(self, tmp_path, fields, kind):
        write_pair(tmp_path, "a", ANGLES)
        write_pair(tmp_path, "b", ANGLES, **fields)
        assert kinds(read_aflw2000(tmp_path)) == {kind: ["b.jpg"]}

    def test_a_mat_without_landmarks_has_no_box(self, tmp_path):
        write_pair(tmp_path, "a", ANGLES, pt2d=np.full((2, 21), -1.0))
        (picture,), problems = read_aflw2000(tmp_path)
        assert np.isnan(picture.boxes).all()
        assert problems.by_kind == {"label without rectangle": ["a.jpg"]}

    def test_foreign_bytes_in_a_mat(self, tmp_path):
        write_pair(tmp_path, "a", ANGLES)
        write_picture(tmp_path / "b.jpg")
        file = tmp_path / "b.mat"
        file.write_bytes(b"no matlab at all")
        told = f"{file}: not a MATLAB file (no header of MATLAB 5 to 7)"
        result = read_aflw2000(tmp_path)
        assert kinds(result) == {"unreadable label file": ["b.jpg"]}
        assert result[1].notes == [told]

    def test_a_mat_of_matlab_7_3_is_told(self, tmp_path):
        write_pair(tmp_path, "a", ANGLES)
        write_picture(tmp_path / "b.jpg")
        file = tmp_path / "b.mat"
        file.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\0" * 400)
        told = f"{file}: a MATLAB 7.3 file; save it anew in MATLAB with save -v7"
        result = read_aflw2000(tmp_path)
        assert kinds(result) == {"unreadable label file": ["b.jpg"]}
        assert result[1].notes == [told]

    def test_a_mat_that_may_not_be_read_is_told(self, tmp_path, monkeypatch):
        def refuse(path):
            raise PermissionError(13, "Permission denied", str(path))

        write_pair(tmp_path, "a", ANGLES)
        monkeypatch.setattr(matlab_files, "check_readable", refuse)
        with pytest.raises(HeadposeError, match=r"a\.mat: cannot be read: permission denied"):
            read_aflw2000(tmp_path)

    def test_versions_of_a_photo_belong_together(self, tmp_path):
        for name in ("AFW/AFW_1_2_0", "AFW/AFW_1_2_13", "AFW_Flip/AFW_1_2_3", "AFW/AFW_1_3_0"):
            write_pair(tmp_path, name, ANGLES)
        # Landmarks of another kind, which 300W-LP brings along.
        write_mat(tmp_path / "landmarks" / "AFW" / "AFW_1_2_0_pts.mat", ANGLES, Pose_Para=None)
        pictures, problems = read_300w_lp(tmp_path)
        assert not problems.by_kind
        subjects = {p.name: p.subject for p in pictures}
        assert subjects == {
            "AFW/AFW_1_2_0.jpg": "AFW/AFW_1_2",
            "AFW/AFW_1_2_13.jpg": "AFW/AFW_1_2",
            "AFW_Flip/AFW_1_2_3.jpg": "AFW/AFW_1_2",
            "AFW/AFW_1_3_0.jpg": "AFW/AFW_1_3",
        }


class TestBiwi:
    def write(self, folder, angles=ANGLES, centre=(0.0, 0.0, 1000.0)):
        home = folder / "01"
        home.mkdir(parents=True)
        write_biwi_frame(home, 3, angles, centre)
        (home / "rgb.cal").write_text(CALIBRATION)
        return home

    @pytest.mark.parametrize("angles", [(0, 0, 0), ANGLES, (45, -60, -20), (-60, 75, 30)])
    @pytest.mark.parametrize("inner", ["", "hpdb"])
    def test_rotations_come_back(self, tmp_path, angles, inner):
        self.write(tmp_path / inner, angles)
        np.testing.assert_allclose(only(read_biwi(tmp_path)), [angles], atol=1e-3)

    def test_the_head_is_where_the_colour_camera_sees_it(self, tmp_path):
        """Depth 1000 - 13 mm, 24 mm to the left and 6 down of the axis."""
        self.write(tmp_path)
        (picture,), _ = read_biwi(tmp_path)
        x, y = 320 - 517.679 * 24 / 987, 240.5 + 517.679 * 6 / 987
        half = 517.679 * np.array([155, 230]) / 987 / 2
        expected = [x - half[0], y - half[1], x + half[0], y + half[1]]
        np.testing.assert_allclose(picture.boxes, [expected], atol=1e-3)
        assert (picture.box_kind, picture.alone, picture.subject) == ("head", True, "01")

    def test_without_calibration_there_is_no_box(self, tmp_path):
        (self.write(tmp_path) / "rgb.cal").unlink()
        (picture,), problems = read_biwi(tmp_path)
        assert np.isnan(picture.boxes).all()
        assert list(problems.by_kind.values()) == [["01"]]

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("1 0 0\n0 1 0\n0 0 -1\n\n0 0 900\n", "pose that is no rotation"),
            ("2 0 0\n0 2 0\n0 0 2\n\n0 0 900\n", "pose that is no rotation"),
            ("1 0 0\n0 1 0\n0 0 1\n", "unreadable pose"),
            ("none\n", "unreadable pose"),
        ],
    )
    def test_matrices_that_are_none(self, tmp_path, text, kind):
        home = self.write(tmp_path)
        write_biwi_frame(home, 4, ANGLES)
        (home / "frame_00004_pose.txt").write_text(text)
        result = read_biwi(tmp_path)
        assert len(result[0]) == 1
        assert kinds(result) == {kind: ["01/frame_00004"]}

    def test_half_frames_are_named(self, tmp_path):
        home = self.write(tmp_path)
        write_picture(home / "frame_00005_rgb.png")
        (home / "frame_00006_pose.txt").write_text("1 0 0 0 1 0 0 0 1 0 0 900")
        assert kinds(read_biwi(tmp_path)) == {
            "picture without pose": ["01/frame_00005"],
            "missing picture": ["01/frame_00006"],
        }


class TestDad3DHeads:
    @pytest.mark.parametrize("angles", [(0, 0, 0), ANGLES, (20, 150, -30)])
    def test_rotations_come_back(self, tmp_path, angles):
        write_dad3dheads(tmp_path, {"x1": ([10, 12, 30, 34], angles)})
        result = read_dad3dheads(tmp_path)
        np.testing.assert_allclose(only(result), [angles], atol=1e-6)
        np.testing.assert_allclose(result[0][0].boxes, [[10, 12, 40, 46]])

    def test_what_is_wrong_is_counted(self, tmp_path):
        box = [1, 2, 30, 30]
        items = {name: (box, ANGLES) for name in ("good", "mirror", "nothing", "lost", "half")}
        write_dad3dheads(tmp_path, items | {"unplaced": (None, ANGLES)})
        mirror = np.diag([1.0, 1, -1, 1]).tolist()
        labels = tmp_path / "annotations"
        (labels / "mirror.json").write_text(json.dumps({"model_view_matrix": mirror}))
        (labels / "nothing.json").write_text("{}")
        (labels / "half.json").unlink()
        (tmp_path / "images" / "lost.png").unlink()
        result = read_dad3dheads(tmp_path)
        assert [p.path.stem for p in result[0]] == ["good"]
        assert kinds(result) == {
            "picture without labels": ["half"],
            "missing picture": ["lost"],
            "pose that is no rotation, or unreadable": ["mirror"],
            "label without pose": ["nothing"],
            "label without rectangle": ["unplaced"],
        }

    def test_an_entry_that_is_there_twice_counts_once(self, tmp_path):
        labels = write_dad3dheads(tmp_path, {"x1": ([10, 12, 30, 34], ANGLES)})
        labels.write_text(json.dumps(2 * json.loads(labels.read_text())))
        pictures, problems = read_dad3dheads(labels)
        assert len(pictures) == 1
        assert problems.by_kind == {"head that is there twice": ["x1"]}


def test_folders_that_are_links_are_read_and_end(tmp_path):
    for number, folder in enumerate(("here/AFW", "there/HELEN")):
        (tmp_path / folder).mkdir(parents=True)
        write_pair(tmp_path / folder, f"{folder[-5:].strip('/')}_{number}", (1, 10, 0))
    (tmp_path / "here" / "HELEN").symlink_to("../there/HELEN")
    (tmp_path / "here" / "AFW" / "up").symlink_to("..")
    pictures, _ = read_300w_lp(tmp_path / "here")
    assert len(pictures) == 2
