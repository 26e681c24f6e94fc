"""Several networks that are asked as one."""

import cv2
import keras
import numpy as np
import pytest
from lively_networks import lively

from headpose.errors import HeadposeError
from headpose.models.keras_files import save_model
from headpose.pose.estimator import PoseEstimator
from headpose.pose.joining import ReducedCrops, area_shares, joined
from headpose.pose.networks import build_compact, build_rotation
from headpose.pose.rotation import averaged_with_mirror, raw_outputs


def test_joined_networks_answer_with_the_mean_of_their_raw_numbers(tmp_path):
    keras.utils.set_random_seed(5)
    cut = {"side": "long", "margin": 0.9}
    first, second = lively(1, **cut), lively(2, **cut)
    crops = np.random.default_rng(0).uniform(0, 255, (4, 64, 64, 1)).astype(np.float32)
    each = [keras.ops.convert_to_numpy(raw_outputs(m)(crops)) for m in (first, second)]
    # Of one that asks itself twice, what it asks counts; the file holds both.
    both = joined([first, averaged_with_mirror(second)])
    told = keras.ops.convert_to_numpy(raw_outputs(both)(crops))
    np.testing.assert_allclose(told, (each[0] + each[1]) / 2, atol=1e-4)
    save_model(averaged_with_mirror(both), tmp_path / "large.keras")
    large = PoseEstimator.load(tmp_path / "large.keras")
    assert (large.side, large.margin, large.outputs) == ("long", 0.9, 6)
    plain = large.estimate_all(crops[..., 0])
    mirrored = large.estimate_all(crops[:, :, ::-1, 0])
    np.testing.assert_allclose(mirrored * [1, -1, -1, -1, 1, 1], plain, atol=0.01)


def test_estimators_that_do_not_go_together_are_told():
    with pytest.raises(HeadposeError, match="cut differently"):
        joined([build_rotation(side="long"), build_rotation(side="short")])
    with pytest.raises(HeadposeError, match="that tell rotations"):
        joined([build_rotation(), build_compact()])


@pytest.mark.parametrize(("size", "smaller"), [(112, 64), (128, 64), (64, 64), (7, 3)])
def test_lines_are_shared_out_by_length(size, smaller):
    shares = area_shares(size, smaller)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(shares.sum(axis=0), smaller / size, atol=1e-6)


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("smaller", [64, 80, 112])
def test_crops_are_reduced_as_opencv_reduces_them(grey, smaller):
    crops = np.random.default_rng(0).uniform(0, 255, (2, 112, 112, 3)).astype(np.float32)
    told = keras.ops.convert_to_numpy(ReducedCrops(smaller, grey)(crops))
    for crop, reduced in zip(crops, told, strict=True):
        wanted = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY) if grey else crop
        wanted = cv2.resize(wanted, (smaller, smaller), interpolation=cv2.INTER_AREA)
        np.testing.assert_allclose(reduced, wanted.reshape(reduced.shape), atol=0.02)


def test_networks_of_small_grey_and_of_large_coloured_crops_go_together(tmp_path):
    """Each gets crops as it takes them; the file is read back and exported like others."""
    keras.utils.set_random_seed(6)
    cut = {"side": "long", "margin": 0.9}
    grey, colour = lively(1, **cut), lively(2, in_size=96, channels=3, **cut)
    crops = np.random.default_rng(1).uniform(0, 255, (3, 96, 96, 3)).astype(np.float32)
    reduced = ReducedCrops(64, True)(crops)
    each = [raw_outputs(grey)(reduced), raw_outputs(colour)(crops)]
    both = joined([grey, colour])
    assert both.input_shape == (None, 96, 96, 3)
    told = keras.ops.convert_to_numpy(raw_outputs(both)(crops))
    np.testing.assert_allclose(told, np.mean(each, axis=0), atol=1e-3)
    save_model(averaged_with_mirror(both), tmp_path / "both.keras")
    estimator = PoseEstimator.load(tmp_path / "both.keras")
    assert (estimator.size, estimator.grey) == (96, False)
    plain, mirrored = (estimator.estimate_all(c) for c in (crops, crops[:, :, ::-1]))
    np.testing.assert_allclose(mirrored * [1, -1, -1, -1, 1, 1], plain, atol=0.02)
