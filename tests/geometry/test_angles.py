import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headpose.geometry import angles

tilts, pans, rolls = st.floats(-80, 80), st.floats(-85, 85), st.floats(-80, 80)


@pytest.mark.parametrize(
    ("tilt", "pan", "direction"),
    [
        (0, 0, (0, 0, 1)),  # toward the viewer
        (0, 90, (-1, 0, 0)),  # the image's left
        (90, 0, (0, 1, 0)),  # up
        (0, 30, (-0.5, 0, np.sqrt(0.75))),
    ],
)
def test_the_nose_points_where_the_signs_say(tilt, pan, direction):
    np.testing.assert_allclose(angles.nose_directions(tilt, pan), direction, atol=1e-12)
    matrix = angles.rotation_matrices([(tilt, pan, 0)])[0]
    np.testing.assert_allclose(matrix[:, 2], direction, atol=1e-12)


def test_roll_leans_clockwise():
    crown = angles.rotation_matrices([(0, 0, 90)])[0] @ [0, 1, 0]
    np.testing.assert_allclose(crown, (1, 0, 0), atol=1e-12)  # to the image's right


@given(tilts, pans, rolls)
def test_angles_come_back_from_the_matrix(tilt, pan, roll):
    matrix = angles.rotation_matrices([(tilt, pan, roll)])
    np.testing.assert_allclose(matrix[0] @ matrix[0].T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(angles.angles_of(matrix)[0], (tilt, pan, roll), atol=1e-6)


@given(tilts, pans, rolls, st.floats(-30, 30))
def test_turning_the_picture_turns_the_nose_in_it(tilt, pan, roll, clockwise):
    before = angles.nose_directions(tilt, pan)
    after_tilt, after_pan, _ = angles.rotate_in_plane([(tilt, pan, roll)], clockwise)[0]
    c, s = np.cos(np.radians(clockwise)), np.sin(np.radians(clockwise))
    expected = (c * before[0] + s * before[1], -s * before[0] + c * before[1], before[2])
    np.testing.assert_allclose(angles.nose_directions(after_tilt, after_pan), expected, atol=1e-9)


def test_turning_a_frontal_head_only_rolls_it():
    np.testing.assert_allclose(angles.rotate_in_plane([(0, 0, 5)], 20), [(0, 0, 25)], atol=1e-9)


@pytest.mark.parametrize("angles_", [(0, 100, 0), (5, -120, 3), (20, 170, -10)])
def test_heads_turned_away_stay_turned_away(angles_):
    np.testing.assert_allclose(angles.rotate_in_plane([angles_], 0), [angles_], atol=1e-9)
    turned = angles.rotate_in_plane([angles_], 2)
    assert np.abs(turned - angles_).max() < 15
    before, after = angles.rotation_matrices([angles_])[0], angles.rotation_matrices(turned)[0]
    quarter = angles.rotation_matrices([(0, 0, 2)])[0]
    np.testing.assert_allclose(after, quarter @ before, atol=1e-12)


def test_mirroring_negates_pan_and_roll_only():
    np.testing.assert_array_equal(angles.flip([(10, 20, 30)]), [(10, -20, -30)])
    np.testing.assert_array_equal(angles.flip([(10, 20)]), [(10, -20)])


@given(tilts, pans, rolls)
def test_mirroring_mirrors_the_rotation(tilt, pan, roll):
    flip = np.diag([-1.0, 1.0, 1.0])
    matrix = angles.rotation_matrices([(tilt, pan, roll)])[0]
    other = angles.rotation_matrices(angles.flip([(tilt, pan, roll)]))[0]
    np.testing.assert_allclose(flip @ matrix @ flip, other, atol=1e-12)


@given(st.floats(-89, 89), st.floats(-180, 179), st.floats(-180, 179))
def test_angles_come_back_over_the_whole_turn(tilt, pan, roll):
    if abs(abs(pan) - 90) < 0.01:
        return
    given = np.array([(tilt, pan, roll)])
    back = angles.whole_turn_angles(angles.rotation_matrices(given))
    np.testing.assert_allclose(angles.wrap_degrees(back - given), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("tilt", "pan", "expected"),
    [
        (0, 0, (0, 0)),
        (20, 0, (0, 20)),
        (0, 120, (120, 0)),
        (20, 180, (180, -20)),  # beyond the profile the crown leaning away is the face down
        (50, 90, (90, 0)),  # a tilt about the nose's own axis
    ],
)
def test_where_the_nose_points(tilt, pan, expected):
    azimuth, elevation = angles.azimuth_elevation(tilt, pan)
    assert (abs(azimuth) if pan == 180 else azimuth) == pytest.approx(expected[0])
    assert elevation == pytest.approx(expected[1])


@given(tilts, pans, rolls)
def test_azimuth_and_elevation_are_rotations_too(tilt, pan, roll):
    azimuth, elevation = angles.azimuth_elevation(tilt, pan)
    turn = Rotation.from_euler("YX", (-azimuth, -elevation), degrees=True)
    np.testing.assert_allclose(turn.apply((0, 0, 1)), angles.nose_directions(tilt, pan), atol=1e-9)


def test_a_nod_lowers_the_nose_on_every_side():
    heads = np.array([(10, 0, 0), (5, 60, 0), (0, 120, 0), (-8, 180, 0)], float)
    before, after = (
        angles.azimuth_elevation(a[:, 0], a[:, 1]) for a in (heads, angles.pitch_down(heads, 2.5))
    )
    assert (after[:, 1] < before[:, 1]).all()
    np.testing.assert_allclose((after - before)[[0, 2, 3], 1], -2.5, atol=1e-6)
    np.testing.assert_allclose(angles.pitch_down(heads, 2.5)[0], (7.5, 0, 0), atol=1e-9)


def test_distances_between_rotations():
    first = angles.rotation_matrices([(0, 0, 0), (0, 0, 0), (10, 20, 30)])
    second = angles.rotation_matrices([(0, 35, 0), (0, 180, 0), (10, 20, 30)])
    np.testing.assert_allclose(angles.geodesic_distances(first, second), (35, 180, 0), atol=1e-6)


def test_both_sets_of_euler_angles_are_the_same_rotation():
    given = np.random.default_rng(0).uniform(-180, 180, (50, 3))
    other = angles.other_euler_angles(given)
    first, second = (Rotation.from_euler("XYZ", -a, degrees=True) for a in (given, other))
    assert np.degrees((first.inv() * second).magnitude()).max() < 1e-9
    assert np.abs(angles.wrap_degrees(given - other)).max(axis=1).min() > 1


@pytest.mark.parametrize(
    ("azimuth", "elevation", "direction"),
    [
        (0, 0, (0, 0, 1)),
        (90, 0, (-1, 0, 0)),
        (0, 90, (0, 1, 0)),
        (180, 0, (0, 0, -1)),
        (-90, 45, (np.sqrt(0.5), np.sqrt(0.5), 0)),
    ],
)
def test_directions_have_the_signs_of_the_project(azimuth, elevation, direction):
    assert angles.direction_vectors(azimuth, elevation) == pytest.approx(direction, abs=1e-12)


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_direction_vectors_are_the_nose_turned(azimuth, elevation):
    turn = Rotation.from_euler("YX", (-azimuth, -elevation), degrees=True)
    found = angles.direction_vectors(azimuth, elevation)
    np.testing.assert_allclose(found, turn.apply((0, 0, 1)), atol=1e-12)


def test_direction_vectors_have_the_angles_they_were_made_of():
    rng = np.random.default_rng(1)
    directions = np.stack([rng.uniform(-180, 180, 50), rng.uniform(-89, 89, 50)], axis=1)
    found = angles.direction_angles(angles.direction_vectors(*directions.T))
    np.testing.assert_allclose(found, directions, atol=1e-9)


@pytest.mark.parametrize("apart", [0, 1e-9, 1e-5, 1, 90, 179, 180 - 1e-5, 180 - 1e-9, 180])
def test_angles_between_are_exact_everywhere(apart):
    rng = np.random.default_rng(2)
    first = rng.normal(size=(50, 3))
    axes = np.cross(first, rng.normal(size=(50, 3)))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    second = Rotation.from_rotvec(axes * apart, degrees=True).apply(first) * rng.uniform(
        0.1, 9, (50, 1)
    )
    found = angles.angles_between(first, second)
    np.testing.assert_allclose(found, apart, atol=1e-12)


def test_a_vector_without_length_has_no_angle():
    assert np.isnan(angles.angles_between([(0, 0, 0), (1, 0, 0)], (0, 0, 1))).tolist() == [1, 0]
    assert np.isnan(angles.angles_between((0, np.nan, 1), (0, 0, 1)))
