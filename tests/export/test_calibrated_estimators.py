"""Estimators whose expected error is corrected, in every format."""

import keras
import numpy as np
import pytest
from small_models import exported, random_crops, saved

from headpose.models.backends import Backend
from headpose.models.formats import FORMATS
from headpose.pose.error_calibration import ErrorCalibration, with_calibration
from headpose.pose.estimator import PoseEstimator
from headpose.pose.networks import build_rotation
from headpose.pose.rotation import averaged_with_mirror

pytestmark = pytest.mark.usefixtures("full_precision")


@pytest.fixture(scope="module", params=["asked once", "with the mirror image"])
def calibrated(request, model_folder):
    plain = request.param == "asked once"
    once = build_rotation(32, side="long", margin=0.9)
    layer = once.get_layer("rotation")
    layer.set_weights([np.random.default_rng(2).normal(0, 0.8, w.shape) for w in layer.weights])
    model = with_calibration(once if plain else averaged_with_mirror(once))
    (layer,) = (x for x in model.layers if isinstance(x, ErrorCalibration))
    layer.last.assign(keras.random.normal(layer.last.shape, seed=1))
    return saved(model, model_folder / f"calibrated-{plain}.keras")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_corrects_the_expected_error(calibrated, form):
    for name in FORMATS[form].packages:
        pytest.importorskip(name)
    original = PoseEstimator.load(calibrated, "keras")
    other = PoseEstimator.load(exported(calibrated, form), Backend(trusted=True))
    crops = random_crops(9)
    expected = original.estimate_all(crops)
    for count in (1, 9):
        found = other.estimate_all(crops[:count])
        np.testing.assert_allclose(found[:, -1], expected[:count, -1], rtol=1e-3, atol=0.01)
