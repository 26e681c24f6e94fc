"""Conventions of angles against what scipy makes of the published definitions."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headpose.errors import HeadposeError
from headpose.geometry import conventions as cv
from headpose.geometry.angles import angles_of, is_locked, rotation_matrices
from headpose.geometry.convention_registry import conventions_table

FLIP = np.diag([1.0, -1.0, -1.0])
NAMES = sorted(cv.CONVENTIONS)


@pytest.fixture(scope="module")
def rotations() -> np.ndarray:
    """1,000 rotations spread evenly over all of them."""
    return Rotation.random(1000, random_state=7).as_matrix()


@pytest.fixture(scope="module")
def angles(rotations) -> np.ndarray:
    """The same as tilt, pan, roll, by scipy alone: R = Rx(-tilt) Ry(-pan) Rz(-roll)."""
    given = -Rotation.from_matrix(rotations).as_euler("XYZ", degrees=True)
    tilt, pan, roll = given.T
    other = (np.stack([tilt + 180, 180 - pan, roll + 180], axis=1) + 180) % 360 - 180
    return np.where(np.abs(tilt)[:, None] <= 90, given, other)


def euler(sequence: str, *values, degrees: bool = True) -> np.ndarray:
    return Rotation.from_euler(sequence, np.stack(values, axis=1), degrees=degrees).as_matrix()


def published(name: str, values: np.ndarray) -> np.ndarray:
    """Returns our R (N, 3, 3) of a convention's values, from its published definition."""
    if name == "headpose":
        tilt, pan, roll = values.T
        return euler("XYZ", -tilt, -pan, -roll)
    if name == "aflw":
        roll, pitch, yaw = values.T
        return euler("XYZ", -pitch, -yaw, roll, degrees=False)
    if name == "300w-lp":
        # 3DDFA's RotationMatrix multiplies matrices that turn the other way round.
        pitch, yaw, roll = values.T
        return euler("XYZ", -pitch, -yaw, -roll, degrees=False)
    if name in ("6drepnet", "directmhp"):
        # 6DRepNet: R = Rz(roll) Ry(yaw) Rx(pitch), the transpose of ours.
        pitch, yaw, roll = values.T
        return np.swapaxes(euler("xyz", pitch, yaw, roll), 1, 2)
    if name in ("hopenet", "whenet"):
        yaw, pitch, roll = values.T
        return euler("XYZ", -pitch, -yaw, -roll)
    if name == "biwi-hopenet":
        yaw, pitch, roll = values.T
        return FLIP @ euler("xyz", -pitch, yaw, roll) @ FLIP
    if name == "openface":
        return FLIP @ euler("XYZ", *values.T, degrees=False) @ FLIP
    if name == "opencv":
        return FLIP @ Rotation.from_rotvec(values).as_matrix()
    matrices = values.reshape(-1, 3, 3)
    if name == "biwi":
        return FLIP @ matrices @ FLIP
    return np.swapaxes(matrices, 1, 2) if name == "6drepnet-matrix" else matrices


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_means_the_same_rotation(name, rotations, angles):
    values = cv.as_convention(name, angles)
    assert values.shape == (1000, len(cv.CONVENTIONS[name].columns))
    np.testing.assert_allclose(published(name, values), rotations, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_halves_of_right_angles_are_written_and_read_as_the_same_rotation(name):
    """Among them are those at which two angles of a convention turn about the same axis."""
    steps = np.arange(-180, 181, 45.0)
    every = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    tilt, pan, roll = every.T
    expected = euler("XYZ", -tilt, -pan, -roll)
    values = cv.as_convention(name, every)
    np.testing.assert_allclose(published(name, values), expected, atol=1e-7)
    again = cv.from_convention(name, values)
    np.testing.assert_allclose(published("headpose", again), expected, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read_means_the_same_rotation(name, rotations, angles):
    values = cv.as_convention(name, angles)
    np.testing.assert_allclose(cv.from_convention(name, values), angles, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "sequence", "angle"), [("6drepnet", "yaw", 1), ("openface", "pose_Ry", 1)]
)
def test_the_range_is_the_tool_s(name, sequence, angle, angles):
    values = cv.as_convention(name, angles)
    column = cv.CONVENTIONS[name].columns.index(sequence)
    limit = np.pi / 2 if name == "openface" else 90
    assert np.abs(values[:, column]).max() <= limit
    # scipy decomposes within the same range, so that the values themselves agree.
    if name == "openface":
        own = Rotation.from_matrix(FLIP @ rotation_matrices(angles) @ FLIP).as_euler("XYZ")
    else:
        transposed = np.swapaxes(rotation_matrices(angles), 1, 2)
        own = Rotation.from_matrix(transposed).as_euler("xyz", degrees=True)
    np.testing.assert_allclose(values, own, atol=1e-6)


def test_hopenet_and_fsa_net_read_a_biwi_matrix_in_different_orders(rotations):
    """Their published lines, on matrices of frames that look about into the camera."""
    matrices = euler(
        "xyz", *Rotation.random(200, random_state=3).as_euler("xyz").T / 3, degrees=False
    )
    ours = cv.from_convention("biwi", matrices)
    t = np.swapaxes(matrices, 1, 2)  # FSA-Net, TYY_create_db_biwi.py
    roll = -np.degrees(np.arctan2(t[:, 1, 0], t[:, 0, 0]))
    yaw = -np.degrees(np.arctan2(-t[:, 2, 0], np.hypot(t[:, 2, 1], t[:, 2, 2])))
    pitch = np.degrees(np.arctan2(t[:, 2, 1], t[:, 2, 2]))
    np.testing.assert_allclose(ours, np.stack([pitch, yaw, roll], axis=1), atol=1e-9)
    m = matrices  # deep-head-pose, code/datasets.py
    roll = np.degrees(np.arctan2(m[:, 1, 0], m[:, 0, 0]))
    yaw = np.degrees(np.arctan2(-m[:, 2, 0], np.hypot(m[:, 2, 1], m[:, 2, 2])))
    pitch = -np.degrees(np.arctan2(m[:, 2, 1], m[:, 2, 2]))
    hopenet = cv.as_convention("biwi-hopenet", ours)
    np.testing.assert_allclose(hopenet, np.stack([yaw, pitch, roll], axis=1), atol=1e-9)
    assert np.abs(hopenet[:, [1, 0, 2]] - ours).max() > 5


@pytest.mark.parametrize(
    ("tilt", "pan", "roll", "expected"),
    [
        (10, 0, 0, (-0.17453, 0.0, 0.0)),  # up: OpenFace counts down
        (0, 20, 0, (0.0, 0.34907, 0.0)),
        (0, 0, 30, (0.0, 0.0, 0.5236)),
        (None, 20, None, (None, 0.34907, None)),
    ],
)
def test_openface_columns(tilt, pan, roll, expected):
    columns = cv.convention_columns("openface", tilt, pan, roll)
    assert columns == dict(zip(("pose_Rx", "pose_Ry", "pose_Rz"), expected, strict=True))


def test_an_unknown_roll_leaves_matrices_unknown():
    assert set(cv.convention_columns("mediapipe", 1.0, 2.0, None).values()) == {None}
    assert set(cv.convention_columns("opencv", 1.0, 2.0, None).values()) == {None}


def test_solvepnp_of_a_model_with_y_up():
    """OpenCV's own answer for the six points of a common tutorial's head model."""
    import cv2

    model = np.array(
        [
            (0, 0, 0),
            (0, -330, -65),
            (-225, 170, -135),
            (225, 170, -135),
            (-150, -150, -125),
            (150, -150, -125),
        ],
        np.float64,
    )
    camera = np.array([[800.0, 0, 320], [0, 800, 240], [0, 0, 1]])
    angles = np.array([[12.0, -25.0, 7.0]])
    rotation = FLIP @ rotation_matrices(angles)[0]
    seen = (rotation @ model.T).T + np.array([0.0, 0.0, 3000.0])
    pixels = (camera @ seen.T).T
    pixels = pixels[:, :2] / pixels[:, 2:]
    # Left in the model is left in the picture of a head that looks into the camera.
    found, vector, _ = cv2.solvePnP(model, pixels, camera, None)
    assert found
    np.testing.assert_allclose(cv.from_convention("opencv", vector.T), angles, atol=0.01)


def test_scale_and_translation_of_mediapipe_are_no_harm(angles):
    matrices = np.tile(np.eye(4), (1000, 1, 1))
    matrices[:, :3, :3] = 1.07 * rotation_matrices(angles)
    matrices[:, :3, 3] = (3, -2, -40)
    np.testing.assert_allclose(cv.from_convention("mediapipe", matrices), angles, atol=1e-5)


def test_few_decimals_are_still_rotations(angles):
    values = np.round(cv.as_convention("biwi", angles[:50]), 4)
    np.testing.assert_allclose(
        rotation_matrices(cv.from_convention("biwi", values)),
        rotation_matrices(angles[:50]),
        atol=1e-3,
    )


@pytest.mark.parametrize(
    "matrix",
    [np.zeros((3, 3)), np.diag([1.0, 1.0, -1.0]), np.full((3, 3), np.nan), 1.1 * np.eye(3)],
    ids=["zero", "mirror", "nan", "scaled"],
)
def test_matrices_that_are_none_are_refused(matrix):
    with pytest.raises(HeadposeError, match="row 2 is no rotation"):
        cv.from_convention("biwi", np.stack([np.eye(3), matrix]))


def test_bad_names_and_shapes():
    with pytest.raises(HeadposeError, match=r"opneface: no such convention.*openface"):
        cv.as_convention("opneface", np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"shape \(N, 3\)"):
        cv.as_convention("openface", np.zeros(3))
    with pytest.raises(ValueError, match=r"shape \(N, 9\)"):
        cv.from_convention("biwi", np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("pan", "locked"), [(0, 0), (74, 0), (76, 1), (-104, 1), (106, 0), (180, 0)]
)
def test_degenerate_angles_are_told(pan, locked):
    assert is_locked([(0, pan, 0)])[0] == bool(locked)


@pytest.mark.parametrize("pan", [90, -90])
def test_at_the_lock_the_rotation_is_still_whole(pan):
    """A matrix with exact zeros, as tools write it; no angle but the sum is known."""
    exact = np.round(rotation_matrices([(30, pan, 0)]), 12)
    exact[0, 0, :2] = exact[0, 1:, 2] = 0
    back = rotation_matrices(angles_of(exact))
    np.testing.assert_allclose(back, exact, atol=1e-9)


def test_the_document_has_the_table(request):
    text = (request.config.rootpath / "docs" / "conventions.md").read_text()
    assert conventions_table() in text
