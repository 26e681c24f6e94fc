"""The expected error: a layer that corrects it, learned from heads that were held out."""

import dataclasses

import keras
import numpy as np
import pytest
from posed_heads import arrow_heads
from scipy.spatial.transform import Rotation

from headpose.datasets.head_sets import HeadSet
from headpose.models.keras_files import load_model, save_model
from headpose.pose.error_calibration import ErrorCalibration, with_calibration
from headpose.pose.estimator import PoseEstimator
from headpose.pose.networks import build_rotation
from headpose.pose.rotation import averaged_with_mirror
from headpose.training import pose_run
from headpose.training.error_fitting import answers_and_errors, calibrate, fit_expected_error
from headpose.training.pose_config import PoseTrainingConfig
from headpose.training.pose_examples import Augmentation


@pytest.fixture
def crops() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (12, 32, 32, 1)).astype(np.float32)


@pytest.fixture
def model():
    """A small estimator with weights drawn at random, so that it answers something."""
    keras.utils.set_random_seed(0)
    once = build_rotation(32, side="long", margin=0.9)
    layer = once.get_layer("rotation")
    layer.set_weights([np.random.default_rng(2).normal(0, 0.8, w.shape) for w in layer.weights])
    return with_calibration(averaged_with_mirror(once))


def test_a_new_layer_corrects_nothing(model, crops):
    told = model(crops).numpy()
    mean = model.get_layer("mean")
    plain = keras.Model(model.input, mean.output)(crops).numpy()
    np.testing.assert_allclose(told[:, 5], 0.5 + 10 * np.log1p(np.exp(plain[:, 6])), rtol=1e-5)


def test_an_estimator_that_is_asked_once_can_have_one(crops, tmp_path):
    once = build_rotation(32, side="long", margin=0.9)
    layer = once.get_layer("rotation")
    layer.set_weights([np.random.default_rng(2).normal(0, 0.8, w.shape) for w in layer.weights])
    model = with_calibration(once)
    np.testing.assert_allclose(model(crops).numpy(), once(crops).numpy(), rtol=1e-5)
    calibration = model.get_layer("calibration")
    calibration.last.assign(np.random.default_rng(3).normal(0, 1, calibration.last.shape))
    told = model(crops).numpy()
    np.testing.assert_allclose(told[:, :5], once(crops).numpy()[:, :5], rtol=1e-5)
    assert np.abs(told[:, 5] - once(crops).numpy()[:, 5]).min() > 1e-3
    save_model(model, tmp_path / "m.keras")
    back = PoseEstimator(load_model(tmp_path / "m.keras"))
    np.testing.assert_allclose(back.estimate_all(crops[..., 0]), told, atol=1e-3)


def test_only_the_expected_error_changes_and_mirror_images_agree(model, crops):
    before = model(crops).numpy()
    layer = model.get_layer("calibration")
    rng = np.random.default_rng(3)
    layer.set_weights([rng.normal(0.5, 0.5, w.shape) for w in layer.get_weights()])
    after = model(crops).numpy()
    np.testing.assert_allclose(after[:, :5], before[:, :5], atol=1e-4)
    assert np.abs(after[:, 5] - before[:, 5]).max() > 1
    flipped = model(crops[:, :, ::-1]).numpy()
    np.testing.assert_allclose(flipped[:, 5], after[:, 5], rtol=1e-4)
    np.testing.assert_allclose(flipped[:, 0], after[:, 0], atol=1e-2)
    np.testing.assert_allclose(flipped[:, 1], -after[:, 1], atol=1e-2)


def test_the_correction_is_kept_in_the_file(model, crops, tmp_path):
    model.get_layer("calibration").last_bias.assign([2.0])
    save_model(model, tmp_path / "model.keras")
    kept = load_model(tmp_path / "model.keras")
    assert kept.get_layer("calibration").get_config()["units"] == ErrorCalibration().units
    np.testing.assert_allclose(kept(crops).numpy(), model(crops).numpy(), rtol=1e-4, atol=1e-4)
    told = PoseEstimator(kept).estimate_all(crops)
    assert told.shape == (12, 6)


def test_it_learns_the_mean_error_of_what_looks_alike(model):
    """Errors follow how far the answers to a crop and its mirror image are apart."""
    rng = np.random.default_rng(4)
    count = 2000
    raw = rng.normal(0, 0.3, (count, 7))
    raw[:, 6] = 0
    signs = np.array([1, -1, -1, -1, 1, 1, 1])
    far = rng.random(count) < 0.5
    mirrored = (raw + np.where(far[:, None], 1.5, 0.05) * rng.normal(0, 1, (count, 7))) * signs
    mirrored[:, 6] = 0
    mean = (raw + mirrored * signs) / 2
    errors = rng.exponential(np.where(far, 30.0, 4.0))
    fit_expected_error(model, [mean, raw, mirrored], errors, np.ones(count), epochs=20)
    layer = model.get_layer("calibration")
    corrected = layer(*(keras.ops.convert_to_tensor(a, "float32") for a in (mean, raw, mirrored)))
    expected = 0.5 + 10 * np.log1p(np.exp(keras.ops.convert_to_numpy(corrected)[:, 6]))
    assert expected[far].mean() == pytest.approx(30, rel=0.1)
    assert expected[~far].mean() == pytest.approx(4, rel=0.15)


def test_errors_are_those_of_rotations_and_of_noses(model, crops):
    true = Rotation.from_euler("XYZ", np.random.default_rng(5).uniform(-60, 60, (12, 3)), True)
    columns = true.as_matrix().transpose(0, 2, 1).reshape(12, 9)
    known = np.repeat([0.0, 1.0, 2.0], 4)
    answers, errors = answers_and_errors(model, crops, np.column_stack([columns, known]))
    assert [a.shape for a in answers] == [(12, 7)] * 3
    told = Rotation.from_euler("XYZ", -model(crops).numpy()[:, :3], degrees=True)
    whole = np.degrees((told.inv() * true).magnitude())
    noses = [
        np.degrees(np.arccos(np.clip(a @ b, -1, 1)))
        for a, b in zip(told.apply((0, 0, 1)), true.apply((0, 0, 1)), strict=True)
    ]
    np.testing.assert_allclose(errors[:4], whole[:4], atol=0.01)
    np.testing.assert_allclose(errors[4:8], noses[4:8], atol=0.01)
    assert np.isnan(errors[8:]).all()


@pytest.mark.parametrize("asked", [averaged_with_mirror, lambda once: once])
def test_held_out_heads_set_the_level(asked, tmp_path):
    """An estimator that knows nothing of its crops errs as their labels are spread."""
    rng = np.random.default_rng(6)
    count = 60
    patches = rng.integers(0, 256, (count, 56, 56)).astype(np.uint8)
    angles = rng.normal(0, 25, (count, 3)).astype(np.float32)
    heads = HeadSet(
        patches[:, 12:44, 12:44],
        patches,
        np.full(count, 32.0),
        angles,
        np.ones(count, np.float32),
        np.zeros(count, bool),
    )
    once = build_rotation(32)
    calibrated = calibrate(asked(once), [heads], Augmentation(), 0, batches=4)
    save_model(calibrated, tmp_path / "half.keras", half=True)  # which loses nothing of it
    told = PoseEstimator(load_model(tmp_path / "half.keras")).estimate_all(heads.crops)
    turns = np.degrees(Rotation.from_euler("XYZ", -angles, degrees=True).magnitude())
    # Augmentation turns some heads by anything, which this estimator cannot tell either.
    assert turns.mean() * 0.8 < told[:, 5].mean() < turns.mean() * 1.5


def test_heads_that_tell_no_error_are_not_learned_from(model):
    """Seen from behind, or of no weight: the model stays as it is."""
    heads = arrow_heads()
    for away, weight in ((True, 1.0), (False, 0.0)):
        held_out = dataclasses.replace(heads, away=np.array([away]), weights=np.float32([weight]))
        assert pose_run.finished(PoseTrainingConfig(), model, [held_out]) is model
