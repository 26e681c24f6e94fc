"""Turning heads out of the plane: where the picture of a ball comes from, and its labels."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headpose.geometry.angles import rotation_matrices, whole_turn_angles
from headpose.training import out_of_plane
from headpose.training.pose_examples import rotation_targets

AXES = np.array([out_of_plane.HALF_WIDTH, -out_of_plane.HALF_HEIGHT])


def test_a_rotation_adds_pan_and_tilt_to_a_frontal_head():
    matrix = out_of_plane.rotation(20.0, 8.0)
    assert np.allclose(whole_turn_angles(matrix[None])[0], [8.0, 20.0, 0.0])
    assert np.allclose(matrix, Rotation.from_euler("XY", [-8.0, -20.0], degrees=True).as_matrix())


def test_no_turn_leaves_all_places():
    places = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    assert np.allclose(out_of_plane.source_places(places, np.eye(3)), places)


@pytest.mark.parametrize(("pan", "tilt"), [(25, 0), (-25, 0), (0, 12), (0, -12), (-20, 9)])
def test_points_of_the_ball_are_where_it_showed_them(pan, tilt):
    turn = out_of_plane.rotation(pan, tilt)
    points = np.random.default_rng(1).normal(size=(500, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    after = Rotation.from_matrix(turn).apply(points)
    seen = (points[:, 2] > 0.05) & (after[:, 2] > 0.05)
    assert seen.sum() > 100
    found = out_of_plane.source_places(after[seen, :2] * AXES, turn)
    assert np.allclose(found, points[seen, :2] * AXES)


def test_what_was_hidden_shows_the_rim():
    turn = out_of_plane.rotation(30, 0)
    before = np.array([[0.99, 0.0, -np.sqrt(1 - 0.99**2)]])  # behind, on the right
    after = before @ turn.T
    assert after[0, 2] > 0
    found = out_of_plane.source_places(after[:, :2] * AXES, turn)
    assert np.allclose(found, [[out_of_plane.HALF_WIDTH, 0.0]])


def test_far_from_the_head_nothing_moves():
    angles = np.radians(np.arange(0, 360, 15))
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) * AXES
    for radius in (out_of_plane.FADES_AT, 2.0):
        found = out_of_plane.source_places(ring * radius, out_of_plane.of_ball(30, 10))
        assert np.allclose(found, ring * radius)


def test_pan_turns_the_middle_of_the_face_to_the_left_of_the_picture():
    left = np.array([[-0.2 * out_of_plane.HALF_WIDTH, 0.0]])
    found = out_of_plane.source_places(left, out_of_plane.rotation(np.degrees(np.arcsin(0.2)), 0))
    assert np.allclose(found, 0, atol=1e-12)


def test_labels_are_turned_before_the_plane_and_the_mirror():
    labels = np.array([[5.0, 30.0, -4.0], [10.0, -70.0, np.nan]], np.float32)
    depth = np.stack([out_of_plane.rotation(15, -6), out_of_plane.rotation(-20, 3)])
    turns, flips = np.array([25.0, -40.0]), np.array([False, True])
    told = rotation_targets(labels, np.zeros(2, bool), turns, flips, depth)
    for row, label, ball, turn, flip in zip(told, labels, depth, turns, flips, strict=True):
        in_plane = Rotation.from_euler("z", -turn, degrees=True).as_matrix()
        expected = in_plane @ ball @ rotation_matrices(np.nan_to_num(label))[0]
        if flip:
            expected = np.diag([-1, 1, 1]) @ expected @ np.diag([-1, 1, 1])
        assert np.allclose(row[:9].reshape(3, 3).T, expected, atol=1e-6)
