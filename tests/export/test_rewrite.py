"""Networks rewritten in operations that every format has compute the same."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers
from model_specs import ANGLES
from small_models import (
    mirroring_estimator,
    small_detector,
)

from headpose.export.angles import MirroredAngles, PortableAngles, WithMirrorImages
from headpose.export.portable_layers import (
    Enlarge,
    Mirror,
    NormalizedDense,
    Reverse,
    ScaledConvolution,
    Shift,
    Standardize,
)
from headpose.export.rewrite import rewrite
from headpose.models.decoding import decode_angles, decode_boxes
from headpose.models.network import spec_of
from headpose.pose.error_calibration import FEATURES, ErrorCalibration, with_calibration
from headpose.pose.rotation import MIRROR_SIGNS, HeadAngles, MeanWithMirror, with_profile_turn

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("full_precision"),
]


def array(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


def raw_rotations() -> np.ndarray:
    """Rotations all around, and those at which the formulas turn."""
    random = np.random.default_rng(0).normal(0, 12, (300, 7))
    # Frontal; straight away; profiles to both sides; up.
    special = [
        [0, 0, 0, 0, 0, 0, 0],
        [-10, 0, 0, 0, 0, 0, 30],
        [-5, 0, 50, 0, 0, 0, -30],
        [-5, 0, -50, 0, 0, 0, 3],
        [0, 0, 0, 0, -5, 50, 0],
    ]
    return np.concatenate([random, special]).astype(np.float32)


@pytest.mark.parametrize("turn", [0, 7.5])
@pytest.mark.parametrize("runtime", ["one", "two", "numpy"])
def test_angles_are_those_of_the_original_layer(runtime, turn):
    raw = raw_rotations()
    spec = dataclasses.replace(ANGLES, profile_turn=turn)
    portable = PortableAngles(turn, of_two=runtime == "two")
    found = array(decode_angles(raw, spec) if runtime == "numpy" else portable(raw))
    expected = array(HeadAngles(turn)(raw))
    assert found.shape == expected.shape == (len(raw), 6)
    # Where tilt and roll lock, their own rounding is seen many times larger.
    steep = np.abs(np.abs(expected[:, 1]) - 90) < 1
    apart = (found - expected + 180) % 360 - 180
    np.testing.assert_allclose(apart[~steep], 0, atol=0.02)
    np.testing.assert_allclose(apart[:, [1, 3, 4, 5]], 0, atol=0.1)


@pytest.mark.parametrize("turn", [0, 7.5])
@pytest.mark.parametrize("calibrated", [False, True])
def test_answers_to_mirror_images_are_joined_as_by_the_original_layers(calibrated, turn):
    raw = raw_rotations()[:300]
    mirrored = raw + np.random.default_rng(7).normal(0, 2, raw.shape).astype(np.float32)
    mirrored *= np.float32(MIRROR_SIGNS)
    expected = MeanWithMirror()(raw, mirrored)
    calibration = None
    if calibrated:
        calibration = ErrorCalibration()
        calibration.build(raw.shape)
        random = np.random.default_rng(8)
        shapes = (FEATURES,), (FEATURES,), (FEATURES, 16), (16,), (16, 1), (1,)
        places = "centre", "scale", "first", "first_bias", "last", "last_bias"
        for place, shape in zip(places, shapes, strict=True):
            getattr(calibration, place).assign(random.normal(0, 0.5, shape))
        expected = calibration(expected, raw, mirrored)
    expected = array(HeadAngles(turn)(expected))
    found = array(MirroredAngles(calibration, turn)(np.stack([raw, mirrored], 1).reshape(-1, 7)))
    assert found.shape == (300, 6)
    steep = np.abs(np.abs(expected[:, 1]) - 90) < 1
    apart = (found - expected + 180) % 360 - 180
    np.testing.assert_allclose(apart[~steep, :5], 0, atol=0.02)
    np.testing.assert_allclose(apart[:, [1, 3, 4]], 0, atol=0.1)
    np.testing.assert_allclose(found[:, 5], expected[:, 5], rtol=1e-3)


@pytest.mark.parametrize("layer", [PortableAngles(), MirroredAngles(None)])
def test_angles_of_symmetric_answers_are_told_as_they_are(layer):
    # Zeros exactly where signs tell of what: from the front, from behind, upside down.
    raw = np.zeros((3, 7), np.float32)
    raw[1, 0] = raw[2, 4] = -10
    raw[2, 0] = -10
    raw = raw if isinstance(layer, PortableAngles) else np.repeat(raw, 2, axis=0)
    told = array(layer(raw))[:, :5]
    expected = [[0, 0, 0, 0, 0], [0, 180, 0, 180, 0], [0, 0, 180, 0, 0]]
    np.testing.assert_allclose(np.abs(told), expected, atol=1e-4)


def test_an_estimator_that_asks_twice_has_its_network_once():
    model = with_calibration(with_profile_turn(mirroring_estimator(), 5))
    assert spec_of(model).profile_turn == 5
    together = rewrite(model)
    assert not any(isinstance(layer, MeanWithMirror) for layer in together.layers)
    crops = np.random.default_rng(9).uniform(0, 255, (3, *model.input_shape[1:])).astype("float32")
    np.testing.assert_allclose(array(together(crops)), array(model(crops)), atol=0.02)
    both = array(WithMirrorImages()(crops))
    np.testing.assert_array_equal(both[::2], crops)
    np.testing.assert_array_equal(both[1::2], crops[:, :, ::-1])


@pytest.mark.parametrize("channels", [1, 3])
def test_standardizing_is_that_of_the_original_layer(channels):
    crops = np.random.default_rng(1).uniform(0, 255, (4, 16, 16, channels)).astype("float32")
    crops[0] = 7  # without any contrast
    original = layers.LayerNormalization(axis=[1, 2, 3], center=False, scale=False, epsilon=1.0)
    np.testing.assert_allclose(array(Standardize(1.0)(crops)), array(original(crops)), atol=1e-4)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_first_convolution_takes_the_scale_over(padding):
    image = keras.Input((9, 12, 3))
    x = layers.Rescaling(1 / 127.5, -1.0)(image)
    x = layers.Conv2D(4, 3, 2, padding=padding, use_bias=False)(x)
    model = keras.Model(image, x)
    told = rewrite(model)
    kinds = [type(layer) for layer in told.layers]
    assert kinds[1:] == [Shift, ScaledConvolution]
    assert told.output_shape == model.output_shape
    pictures = np.random.default_rng(4).uniform(0, 255, (2, 9, 12, 3)).astype("float32")
    np.testing.assert_allclose(array(told(pictures)), array(model(pictures)), atol=1e-5)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("parts", [(True, True), (False, True), (True, False)])
def test_a_dense_layer_takes_the_normalization_after_it_over(bias, parts):
    features = keras.Input((12,))
    norm = layers.BatchNormalization(center=parts[0], scale=parts[1])
    x = norm(layers.Dense(5, use_bias=bias)(features))
    model = keras.Model(features, layers.Dense(3)(layers.ReLU()(x)))
    random = np.random.default_rng(6)
    model.set_weights([random.uniform(0.2, 2, w.shape) for w in model.get_weights()])
    told = rewrite(model)
    assert not any(type(layer) is layers.BatchNormalization for layer in told.layers)
    assert any(type(layer) is NormalizedDense for layer in told.layers)
    given = random.normal(0, 3, (9, 12)).astype("float32")
    np.testing.assert_allclose(array(told(given)), array(model(given)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("others", ["bias", "scales", "reader"])
def test_scales_that_no_convolution_can_take_over_stay(others):
    image = keras.Input((9, 12, 3))
    scaled = layers.Rescaling([0.1, 0.2, 0.3] if others == "scales" else 0.1)(image)
    x = layers.Conv2D(3, 3, padding="same", use_bias=others == "bias")(scaled)
    model = keras.Model(image, layers.Add()([x, scaled]) if others == "reader" else x)
    assert any(type(layer) is layers.Rescaling for layer in rewrite(model).layers)


@pytest.mark.parametrize("shape", [(3, 5, 2), (None, None, 2)])
def test_enlarging_is_that_of_the_original_layer(shape):
    picture = np.random.default_rng(2).normal(size=(2, 3, 5, 2)).astype("float32")
    image = keras.Input(shape)
    network = keras.Model(image, Enlarge(2)(image))
    assert network.output_shape == keras.Model(image, layers.UpSampling2D(2)(image)).output_shape
    np.testing.assert_array_equal(array(network(picture)), array(layers.UpSampling2D(2)(picture)))


def test_channels_and_columns_are_reversed():
    picture = np.random.default_rng(3).normal(size=(2, 3, 5, 3)).astype("float32")
    np.testing.assert_array_equal(array(Reverse()(picture)), picture[..., ::-1])
    np.testing.assert_array_equal(array(Mirror()(picture)), picture[:, :, ::-1])


@pytest.mark.parametrize("classes", [1, 2])
def test_boxes_are_decoded_as_in_the_network(classes):
    model = small_detector(classes)
    picture = np.random.default_rng(4).uniform(0, 255, (2, 64, 96, 3)).astype("float32")
    maps = [array(y) for y in rewrite(model, decoded=False)(picture)]
    assert [y.shape[1:3] for y in maps] == [(8, 12), (4, 6)] * 2
    boxes, scores = decode_boxes(maps, spec_of(model))
    expected, expected_scores = (array(y) for y in model(picture))
    np.testing.assert_allclose(boxes, expected, atol=1e-3)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-6)
    assert boxes.dtype == scores.dtype == np.float32


@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("variances", [(0.1, 0.1, 0.2, 0.2), (0.1, 0.15, 0.2, 0.3)])
def test_boxes_of_joint_convolutions_are_those_of_the_network(classes, variances):
    model = small_detector(classes)
    model.get_layer("decode").variances = variances
    picture = np.random.default_rng(5).uniform(0, 255, (2, 64, 96, 3)).astype("float32")
    rewritten = rewrite(model)
    kernels = [w.shape[-1] for w in rewritten.weights if "mbox" in w.path and len(w.shape) == 4]
    assert sorted(kernels) == sorted([8, 2 * classes] * 2)  # still those of the two, shared
    for found, expected in zip(rewritten(picture), model(picture), strict=True):
        assert found.shape == expected.shape
        np.testing.assert_allclose(array(found), array(expected), atol=1e-3)


@pytest.mark.parametrize("model", [small_detector, mirroring_estimator])
def test_a_rewritten_network_shares_its_weights(model):
    network = model()
    assert {id(w) for w in rewrite(network).weights} == {id(w) for w in network.weights}
