import h5py
import keras
import numpy as np
import pytest

from headpose.errors import HeadposeError
from headpose.models.keras_setup import compiled
from headpose.pose.estimator import PoseEstimator
from headpose.pose.networks import build_patacchiola


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(0).integers(0, 256, (70, 64, 64), dtype=np.uint8)


@pytest.fixture(scope="module")
def estimator(tiny_estimator):
    return PoseEstimator.load(tiny_estimator)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 31, 32, 33, 64, 65, 70])
def test_any_number_of_crops_gives_what_the_network_gives(estimator, crops, count):
    angles = estimator.estimate(crops[:count])
    assert angles.shape == (count, 2)
    if count:
        expected = estimator.model(crops[:count, ..., None].astype(np.float32))
        np.testing.assert_allclose(angles, expected, atol=1e-3)


def test_networks_are_not_traced_anew_for_each_count():
    traced = []

    class Traced(keras.layers.Layer):
        def call(self, inputs):
            traced.append(inputs.shape)
            return inputs

    inputs = keras.Input((2,))
    call = compiled(keras.Model(inputs, Traced()(inputs)))
    traced.clear()
    for count in range(1, 71):
        batch = np.arange(2.0 * count, dtype=np.float32).reshape(count, 2)
        np.testing.assert_array_equal(call(batch)[0], batch)
    assert len(traced) <= 20


def test_how_to_cut_crops_comes_from_the_model(estimator):
    assert estimator.crop_options == {"size": 64, "side": "short", "margin": 1.0, "grey": True}


def test_other_crops_are_refused(estimator):
    with pytest.raises(HeadposeError, match="64"):
        estimator.estimate(np.zeros((2, 32, 32), np.uint8))


def write_keras2(path, model, nested=True):
    """Writes weights as Keras 2.2 laid out a whole model (`save`) or its weights alone."""
    layers = [x for x in model.layers if x.weights]
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if nested else file
        if nested:
            file.attrs["keras_version"] = b"2.2.4"
        names = ["input_1", *(x.name for x in layers), "dropout_1"]
        root.attrs["layer_names"] = [n.encode() for n in names]
        for name in names:
            root.create_group(name).attrs["weight_names"] = []
        for layer in layers:
            weight_names = [f"{layer.name}/{kind}:0" for kind in ("kernel", "bias")]
            root[layer.name].attrs["weight_names"] = [n.encode() for n in weight_names]
            for name, weight in zip(weight_names, layer.get_weights(), strict=True):
                root[layer.name][name] = weight


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "num_conv_blocks": 3,
            "num_filters_start": 8,
            "num_dense_layers": 2,
            "dense_layer_size": 16,
        },
    ],
)
def test_the_published_keras_2_file_loads(tmp_path, crops, options, nested):
    keras.utils.set_random_seed(5)
    model = build_patacchiola(**options)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, bias + 0.01])
    write_keras2(tmp_path / "pose-estimator.h5", model, nested)
    loaded = PoseEstimator.load(tmp_path / "pose-estimator.h5")
    expected = model(crops[:5, ..., None].astype(np.float32))
    np.testing.assert_allclose(loaded.estimate(crops[:5]), expected, atol=1e-3)


def test_an_hdf5_file_of_something_else_is_refused(tmp_path):
    file = tmp_path / "other.h5"
    with h5py.File(file, "w") as f:
        f["data"] = np.zeros(3)
    with pytest.raises(HeadposeError, match="Keras 2"):
        PoseEstimator.load(file)
    write_keras2(file, keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")]))
    with pytest.raises(HeadposeError, match="published family"):
        PoseEstimator.load(file)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("none.keras", None, "no such model file"),
        ("text.keras", b"not a model", "not a .keras model file"),
        ("text.h5", b"not a model", "not an HDF5 file"),
        ("none.h5", None, "no such model file"),
    ],
)
def test_files_that_are_no_models_are_told(tmp_path, name, content, told):
    if content:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(HeadposeError, match=told) as error:
        PoseEstimator.load(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_detector_is_no_estimator_and_the_other_way_round(tiny_detector, tiny_estimator):
    from headpose.detection.head_detector import HeadDetector

    with pytest.raises(HeadposeError, match="not a pose estimator"):
        PoseEstimator.load(tiny_detector)
    with pytest.raises(HeadposeError, match="not a head detector"):
        HeadDetector.load(tiny_estimator)


def test_a_zip_file_of_something_else_is_told(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(HeadposeError, match="which no model of ours has"):
        PoseEstimator.load(tmp_path / "x.keras")
