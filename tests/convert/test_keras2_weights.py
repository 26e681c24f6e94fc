"""The published detector's weights as Keras 2 kept them."""

import h5py
import numpy as np
import pytest
import synthetic_mat as sm
from synthetic_keras2 import write_keras2

from headpose.convert import keras2_weights
from headpose.errors import HeadposeError

SCRIPT = "convert_ssd_512.py"
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def distinct_weights():
    weights = sm.zeros()
    for number, array in enumerate(weights.values()):
        array.flat[:3] = (number, -1, number / 2)
    return weights


def test_weights_of_keras_2_convert(run_script, tmp_path):
    import keras

    weights = distinct_weights()
    path = write_keras2(tmp_path / "head-detector.h5", weights)
    ran = run_script(SCRIPT, path, "-o", tmp_path / "a.keras")
    assert ran.status == 0, ran.err
    assert ran.err == ""
    model = keras.saving.load_model(tmp_path / "a.keras")
    for name, (layer, part) in sm.Net().place.items():
        array = model.get_layer(layer).get_weights()[part == "biases"]
        assert np.array_equal(array.reshape(-1), weights[name].reshape(-1)), name
        if weights[name].ndim == 4:
            assert array.shape == weights[name].shape


def test_a_whole_model_of_keras_2_is_read(tmp_path):
    weights = distinct_weights()
    tensors = keras2_weights.read(write_keras2(tmp_path / "model.h5", weights, True))
    by_slot = {t.slot: t.array for t in tensors}
    for name, slot in sm.Net().place.items():
        assert np.array_equal(by_slot[slot].reshape(-1), weights[name].reshape(-1)), name


@pytest.mark.parametrize("layer", ["fc7", "conv4_3_norm", "conv10_2_mbox_conf"])
def test_a_missing_layer_of_keras_2_is_named(tmp_path, layer):
    path = write_keras2(tmp_path / "a.h5", sm.zeros())
    without_layer(path, layer)
    with pytest.raises(HeadposeError, match=rf"a\.h5: no tensor for {layer} weights"):
        keras2_weights.read(path)


def without_layer(path, layer):
    with h5py.File(path, "a") as file:
        names = np.asarray(file.attrs["layer_names"]).astype("S")
        file.attrs["layer_names"] = names[names != layer.encode()]
