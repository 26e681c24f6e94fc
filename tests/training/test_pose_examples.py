import dataclasses

import numpy as np
import pytest
from posed_heads import arrow_heads, write_heads

from headpose.datasets.head_sets import HeadSet
from headpose.datasets.pose_data import read_heads
from headpose.geometry.angles import rotate_in_plane, whole_turn_angles
from headpose.pose.rotation import AWAY, NOSE, ROTATION
from headpose.training import pose_examples
from headpose.training.pose_examples import Augmentation, PoseExamples

STILL = Augmentation(0, 0, 0, 0, (1, 1), (1, 1), 0, 0, 0, 0, 0, 0, 0, 0, 0)


@pytest.fixture
def table(tmp_path, noise_picture):
    return write_heads(tmp_path, noise_picture)


def test_without_augmentation_an_example_is_the_crop(table):
    heads, _ = read_heads(f"{table}#test")
    crops, angles, _ = PoseExamples([heads], 64, 3, STILL, 0).batch(0, 2)
    np.testing.assert_allclose(angles, [(-5, -40, 2)] * 2, atol=1e-4)
    # The patch was scaled once more than the crop, so they agree but for rounding.
    assert np.abs(crops[0, ..., 0] - heads.crops[0]).mean() < 2


def dots(crop):
    """Places (x, y) of the white and the grey dot, from the middle."""
    white = np.argwhere(crop > 200).mean(axis=0)[::-1]
    grey = np.argwhere((crop > 110) & (crop < 130)).mean(axis=0)[::-1]
    return white - 31.5, grey - 31.5


def test_mirrored_examples_have_mirrored_angles():
    options = dataclasses.replace(STILL, mirror=1)
    crops, angles, _ = PoseExamples([arrow_heads()], 64, 3, options, 0).batch(0, 1)
    white, grey = dots(crops[0, ..., 0])
    np.testing.assert_allclose(white, (-16, 0), atol=1)
    np.testing.assert_allclose(grey, (0, -16), atol=2)
    np.testing.assert_allclose(angles, [(0, 30, 0)], atol=1e-4)


@pytest.mark.parametrize("mirror", [0, 1])
def test_turned_examples_have_turned_angles(mirror):
    """The dot that lies where the nose points stays where the nose points."""
    options = dataclasses.replace(STILL, mirror=mirror, roll=20)
    crops, angles, _ = PoseExamples([arrow_heads()], 64, 3, options, 1).batch(0, 8)
    assert np.ptp(angles[:, 2]) > 10
    for crop, (tilt, pan, roll) in zip(crops[..., 0], np.radians(angles), strict=True):
        white, grey = dots(crop)
        nose = np.array([-np.sin(pan), -np.sin(tilt) * np.cos(pan)])
        assert white @ nose / np.linalg.norm(white) / np.linalg.norm(nose) > 0.99
        if abs(np.degrees(roll)) > 8:  # the crown leans to the side that roll says
            assert np.sign(grey[0]) == np.sign(roll)


def coloured(heads: HeadSet) -> HeadSet:
    """The same heads as two reds and no more: their blue and green are a fifth of it."""
    tint = np.array([0.2, 0.2, 1])
    for name in ("crops", "patches"):
        grey = getattr(heads, name)[..., None]
        setattr(heads, name, np.rint(grey * tint).astype(np.uint8))
    return heads


def test_examples_are_in_colour_where_the_heads_are():
    """Moved, turned and mirrored as the grey ones of the same draws."""
    moved = dataclasses.replace(STILL, mirror=0.5, roll=20, shift=0.1)
    grey, angles, _ = PoseExamples([arrow_heads()], 64, 3, moved, 1).batch(0, 8)
    still = dataclasses.replace(moved, colourless=0)
    crops, same, _ = PoseExamples([coloured(arrow_heads())], 64, 3, still, 1).batch(0, 8)
    assert crops.shape == (8, 64, 64, 3)
    np.testing.assert_array_equal(same, angles)
    # A channel's gain is drawn anew for each example.
    for crop, plain in zip(crops, grey[..., 0], strict=True):
        gain = crop.reshape(-1, 3).max(axis=0) / [50, 50, 250]
        assert (abs(gain - 1) < 0.11).all()
        # Levels of blue and green are whole fifths.
        alike = np.broadcast_to(plain[..., None], crop.shape)
        np.testing.assert_allclose(crop / gain / [0.2, 0.2, 1], alike, atol=20)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_the_examples_loses_its_colour(share):
    options = dataclasses.replace(STILL, colourless=share)
    crops, _, _ = PoseExamples([coloured(arrow_heads())], 64, 3, options, 1).batch(0, 100)
    without = [np.ptp(crop.max(axis=(0, 1))) < 60 for crop in crops]
    # A binomial of 100 draws at .5 has a standard deviation of 5.
    assert np.sum(without) == pytest.approx(100 * share, abs=20 if share == 0.5 else 0)


def test_everything_that_may_happen_to_a_crop_happens_to_colour():
    """Covers, light, noise, turns out of the plane, rendered heads: shapes and kinds stay."""
    every = {field.name: 1.0 for field in dataclasses.fields(Augmentation)}
    every |= {"brightness": (0.6, 1.4), "contrast": (0.5, 1.4), "shift": 0.05, "zoom": 0.1}
    rendered = arrow_heads()
    rendered.alpha = np.full_like(rendered.patches, 128)
    rendered.crops = np.repeat(rendered.crops[..., None], 3, axis=3)
    sources = [coloured(arrow_heads()), rendered]
    crops, targets, _ = PoseExamples(sources, 48, 6, Augmentation(**every), 1).batch(0, 40)
    assert crops.shape == (40, 48, 48, 3)
    assert np.isfinite(targets).all()
    assert crops.min() >= 0
    assert crops.max() <= 255
    assert (np.ptp(crops.reshape(40, -1), axis=1) > 0).all()


def test_rendered_heads_get_backgrounds():
    heads = arrow_heads()
    heads.alpha = np.zeros_like(heads.patches)  # all transparent
    real = arrow_heads()
    real.patches = np.full_like(real.patches, 77)
    real.share = 1e-9
    crops, _, _ = PoseExamples([heads, real], 64, 3, STILL, 0).batch(0, 40)
    flat = np.ptp(crops.reshape(40, -1), axis=1)
    assert (flat == 0).all()  # nothing of the transparent head shows
    assert (crops[:, 0, 0, 0] == 77).mean() > 0.5  # most stand before a real patch


def test_targets_of_a_rotation_turn_with_the_picture():
    given = np.float32([(10, 30, 5), (10, 30, 5), (10, 30, np.nan), (np.nan,) * 3])
    away, turns = np.array([False] * 3 + [True]), np.array([0, 20, 0, 0])
    flips = np.array([False, False, True, False])
    targets = pose_examples.rotation_targets(given, away, turns, flips)
    matrices = targets[:, :9].reshape(-1, 3, 3).transpose(0, 2, 1)
    np.testing.assert_allclose(whole_turn_angles(matrices[:1]), [(10, 30, 5)], atol=1e-4)
    np.testing.assert_allclose(
        whole_turn_angles(matrices[1:2]), rotate_in_plane([(10, 30, 5)], 20), atol=1e-4
    )
    np.testing.assert_allclose(whole_turn_angles(matrices[2:3])[:, :2], [(10, -30)], atol=1e-4)
    np.testing.assert_array_equal(targets[:, 9], [ROTATION, ROTATION, NOSE, AWAY])


def test_a_nose_without_roll_turns_with_its_picture():
    """For a rotation network, in-plane turns are for every head, by any angle."""
    heads = arrow_heads()
    heads.angles = np.float32([(0, -30, np.nan)])
    options = dataclasses.replace(STILL, any_roll=1.0)
    crops, targets, _ = PoseExamples([heads], 64, 6, options, 1).batch(0, 12)
    np.testing.assert_array_equal(targets[:, 9], NOSE)
    noses = targets[:, 6:8] * [1, -1]  # the picture's y is down
    turns = np.degrees(np.arctan2(*noses.T[::-1]))
    assert np.ptp(turns) > 200
    for crop, nose in zip(crops[..., 0], noses, strict=True):
        white, _ = dots(crop)
        assert white @ nose / np.linalg.norm(white) / np.linalg.norm(nose) > 0.99


def test_examples_depend_on_seed_and_number_alone(table):
    heads, _ = read_heads(str(table))
    make = lambda seed: PoseExamples([heads], 64, 2, Augmentation(), seed)  # noqa: E731
    first, again, other = make(4), make(4), make(5)
    first.batch(0, 8)
    for a, b in zip(first.batch(3, 8), again.batch(3, 8), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first.batch(3, 8)[0] != other.batch(3, 8)[0]).any()


@pytest.mark.parametrize(("balance", "expected"), [(0, 0.9), (0.5, 0.75), (1, 0.5)])
def test_rare_poses_are_drawn_more_often(balance, expected):
    """Nine frontal heads and one turned: 9^(1 - b) to 1^(1 - b)."""
    angles = np.array([(0, 2, 0)] * 9 + [(0, 50, 0)], float)
    none = np.zeros((10, 1, 1), np.uint8)
    heads = HeadSet(none, none, np.ones(10), angles, np.ones(10), np.zeros(10, bool))
    odds = np.diff(pose_examples.pose_balance(heads, balance), prepend=0)
    assert odds[:9].sum() == pytest.approx(expected)
