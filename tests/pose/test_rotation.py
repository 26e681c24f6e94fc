import keras
import numpy as np
import pytest
from lively_networks import lively
from scipy.spatial.transform import Rotation

from headpose.errors import HeadposeError
from headpose.geometry.angles import (
    azimuth_elevation,
    rotation_matrices,
    turned_further,
    whole_turn_angles,
)
from headpose.models.keras_files import load_model, save_model
from headpose.pose.error_calibration import with_calibration
from headpose.pose.estimator import MEASURES, PoseEstimator
from headpose.pose.joining import joined
from headpose.pose.metrics import geodesic_errors
from headpose.pose.networks import build_rotation
from headpose.pose.rotation import (
    AWAY,
    NOSE,
    RAW_SCALE,
    ROTATION,
    HeadAngles,
    all_layers,
    angles_layer,
    averaged_with_mirror,
    expected_error,
    matrix_columns,
    raw_outputs,
    rotation_loss,
    with_profile_turn,
)


def raw_of(matrices, seventh=0.0):
    """Raw outputs that stand for rotations: two columns, less those of the identity, scaled."""
    matrices = np.asarray(matrices)
    six = (matrices[:, :, :2].transpose(0, 2, 1).reshape(-1, 6) - [1, 0, 0, 0, 1, 0]) / RAW_SCALE
    return np.column_stack([six, np.full(len(six), seventh)]).astype(np.float32)


def loss(matrices, known, raw):
    columns = np.asarray(matrices).transpose(0, 2, 1).reshape(-1, 9)
    target = np.column_stack([columns, np.full(len(columns), known)])
    return keras.ops.convert_to_numpy(rotation_loss(target, raw))


def every_turn(count=500):
    rng = np.random.default_rng(3)
    low, high = np.array([(-85, -180, -180), (85, 180, 180)])
    return rng.uniform(low, high, (count, 3))


def test_raw_numbers_become_rotations():
    raw = np.random.default_rng(0).normal(0, 2, (200, 7)).astype(np.float32)
    columns = [keras.ops.convert_to_numpy(c) for c in matrix_columns(raw)]
    matrices = np.stack(columns, axis=2)
    np.testing.assert_allclose(
        matrices @ matrices.transpose(0, 2, 1), np.tile(np.eye(3), (200, 1, 1)), atol=1e-5
    )
    np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=1e-5)


def test_angles_come_back_over_the_whole_turn():
    truth = every_turn()
    told = keras.ops.convert_to_numpy(HeadAngles()(raw_of(rotation_matrices(truth))))
    difference = (told[:, :3] - truth + 180) % 360 - 180
    # Near the lock at a pan of 90 a float32 leaves more room.
    free = np.abs(np.abs(truth[:, 1]) - 90) > 3
    assert np.abs(difference[free]).max() < 0.02
    np.testing.assert_allclose(told[:, 3:5], azimuth_elevation(truth[:, 0], truth[:, 1]), atol=0.02)


def test_heads_in_profile_are_turned_further_about_their_own_neck():
    truth = every_turn()
    turned = keras.ops.convert_to_numpy(HeadAngles(8)(raw_of(rotation_matrices(truth))))[:, :3]
    before, after = rotation_matrices(truth), rotation_matrices(turned)
    side = before[:, 0, 2]
    angles = np.arctan(np.tan(np.radians(8)) * side**3)
    expected = before @ Rotation.from_euler("y", angles[:, None]).as_matrix()
    np.testing.assert_allclose(after, expected, atol=2e-5)
    np.testing.assert_allclose(turned_further(before, 8), expected, atol=1e-12)


def test_by_how_much_heads_are_turned_further():
    pans = np.array([0, 30, 90, 150, -90])
    turned = turned_further(rotation_matrices([(0, pan, 0) for pan in pans]), 5)
    # Told past 90, as the head is; by an eighth of it where the nose is half as far aside.
    np.testing.assert_allclose(
        whole_turn_angles(turned)[:, 1], [0, 30.63, 95, 150.63, -95], atol=0.01
    )


def test_a_turn_in_profile_stays_with_a_model(tmp_path):
    model = with_profile_turn(lively(6), 5)
    twice = averaged_with_mirror(model)
    calibrated = with_calibration(twice)
    save_model(calibrated, tmp_path / "turned.keras")
    models = model, twice, calibrated, load_model(tmp_path / "turned.keras"), joined([model, model])
    assert [angles_layer(m).profile_turn for m in models] == [5] * 5
    # What is learned next begins without it.
    crops = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 1)).astype(np.float32)
    raw = keras.ops.convert_to_numpy(HeadAngles(5)(raw_outputs(model)(crops)))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(crops)), raw, atol=1e-3)


@pytest.mark.parametrize("turn", [-1, 31, float("nan")])
def test_turns_that_no_head_makes_are_refused(turn):
    with pytest.raises(HeadposeError, match="profile_turn"):
        HeadAngles(turn)


def test_a_new_network_says_frontal_and_no_more():
    keras.utils.set_random_seed(0)
    estimator = PoseEstimator(build_rotation())
    crops = np.random.default_rng(0).integers(0, 256, (3, 64, 64))
    measures = estimator.measures(crops)
    assert measures.shape == (3, len(MEASURES))
    np.testing.assert_allclose(measures[:, :5], 0, atol=1e-4)


def huber(degrees):
    degrees = np.abs(degrees)
    return np.where(degrees < 4, degrees**2 / 8, degrees - 2)


@pytest.mark.parametrize("turn", [1.0, 3.0, 10.0, 80.0, 100.0, 170.0])
def test_the_loss_is_of_the_turn_about_the_axes_of_the_head(turn):
    axis = np.array([1.0, 2.0, 2.0]) / 3
    start = Rotation.from_euler("xyz", [20, 100, -30], degrees=True)
    end = start * Rotation.from_rotvec(axis * np.radians(turn))
    raw = raw_of([end.as_matrix()], seventh=1.0)
    b = float(keras.ops.convert_to_numpy(expected_error(raw))[0])
    assert b == pytest.approx(0.5 + 10 * np.log(1 + np.e))
    parts = huber(axis * turn).sum() if turn < 90 else huber(turn)
    expected = parts + turn / b + np.log(b)
    assert loss([start.as_matrix()], ROTATION, raw)[0] == pytest.approx(expected, rel=0.01, abs=0.1)


def test_without_a_roll_only_the_nose_counts():
    first, second = rotation_matrices([[10, 30, 0], [10, 30, 60]])
    right = loss([first], NOSE, raw_of([second]))[0]
    assert right == pytest.approx(loss([first], ROTATION, raw_of([first]))[0], abs=0.1)
    assert loss([first], ROTATION, raw_of([second]))[0] > right + 50


@pytest.mark.parametrize(("pan", "short"), [(180, 0), (-130, 0), (101, 0), (70, 30), (0, 100)])
def test_heads_turned_away_are_pushed_beyond_the_profile(pan, short):
    anything = np.eye(3)[None]
    value = loss(anything, AWAY, raw_of(rotation_matrices([[0, pan, 0]])))[0]
    assert value == pytest.approx(max(short - 2, 0), abs=0.6)


def test_the_expected_error_settles_at_the_mean_error():
    """Gradient descent on the last number alone finds E[e] of errors 4, 8 and 24."""
    raw = raw_of(rotation_matrices([[0, 4, 0], [0, 8, 0], [0, 24, 0]]))
    seventh = np.linspace(-6, 6, 2001)
    tried = np.tile(raw, (len(seventh), 1))
    tried[:, 6] = np.repeat(seventh, 3)
    truth = np.tile(np.eye(3), (len(tried), 1, 1))
    totals = loss(truth, ROTATION, tried).reshape(-1, 3).sum(axis=1)
    raw[:, 6] = seventh[int(np.argmin(totals))]
    assert keras.ops.convert_to_numpy(expected_error(raw))[0] == pytest.approx(12, abs=0.2)


def test_models_come_back_from_one_file(tmp_path):
    keras.utils.set_random_seed(1)
    model = build_rotation(side="long", margin=1.25)
    last = model.get_layer("rotation")
    last.set_weights([np.random.default_rng(0).normal(0, 0.2, w.shape) for w in last.get_weights()])
    save_model(model, tmp_path / "m.keras")
    back = PoseEstimator(load_model(tmp_path / "m.keras"))
    crops = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 1)).astype(np.float32)
    np.testing.assert_allclose(
        back.estimate_all(crops), keras.ops.convert_to_numpy(model(crops)), atol=0.01
    )
    assert (back.side, back.margin, back.outputs) == ("long", 1.25, 6)
    raw = raw_outputs(back.model)
    assert raw.output_shape == (None, 7)
    assert model.count_params() < 700_000


def test_the_mean_with_the_mirror_image_knows_no_side(tmp_path):
    """A crop and its mirror image get mirrored angles, exactly, and the same expected_error."""
    keras.utils.set_random_seed(1)
    model = lively(0, side="long", margin=0.9)
    save_model(averaged_with_mirror(model), tmp_path / "twice.keras", half=True)
    twice = PoseEstimator.load(tmp_path / "twice.keras")
    assert (twice.side, twice.margin, twice.outputs) == ("long", 0.9, 6)
    crops = np.random.default_rng(0).integers(0, 256, (4, 64, 64)).astype(np.float32)
    plain, mirrored = twice.estimate_all(crops), twice.estimate_all(crops[:, :, ::-1])
    np.testing.assert_allclose(mirrored * [1, -1, -1, -1, 1, 1], plain, atol=0.01)
    assert np.abs(plain[:, 1]).min() > 0.1
    # The mean of two rotations: between the two answers of the network alone.
    once = PoseEstimator(model)
    one, other = once.estimate_all(crops), once.estimate_all(crops[:, :, ::-1])
    other = other * [1, -1, -1, -1, 1, 1]
    apart = geodesic_errors(one, other[:, :3])
    assert (geodesic_errors(plain, one[:, :3]) < apart).all()
    assert (geodesic_errors(plain, other[:, :3]) < apart).all()
    # Its weights can be found, for training that begins with them.
    weighted = {layer.name for layer in all_layers(twice.model) if layer.weights}
    assert weighted == {layer.name for layer in model.layers if layer.weights}
