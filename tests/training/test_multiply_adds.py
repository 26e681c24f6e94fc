import keras
import pytest
from keras import layers

from headpose.detection import networks as ssd_networks
from headpose.models.keras_files import load_model
from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR
from headpose.pose import networks as architectures
from headpose.training.multiply_adds import multiply_adds


def sequence(shape, *steps):
    return keras.Sequential([keras.Input(shape), *steps])


def test_the_published_network_has_the_published_size():
    model = architectures.build_patacchiola(64, 6, 32, 1, 512)
    assert model.count_params() == 6_813_442
    # Blocks: 64, 32, 16, 8, 4 and 2 pixels a side, 9 weights a pair of channels.
    channels = (1, 32, 64, 128, 256, 512, 1024)
    blocks = sum((64 >> i) ** 2 * 9 * channels[i] * channels[i + 1] for i in range(6))
    assert multiply_adds(model) == blocks + 1024 * 512 + 512 * 2 == 96_076_800


def test_a_small_relative_is_counted_by_hand():
    model = architectures.build_patacchiola(16, 1, 4, 2, 8)
    assert multiply_adds(model) == 16 * 16 * 9 * 4 + 8 * 8 * 4 * 8 + 8 * 8 + 8 * 2


@pytest.mark.parametrize(
    ("layer", "count"),
    [
        (layers.Conv2D(6, 3), 6 * 6 * 9 * 4 * 6),
        (layers.Conv2D(6, 3, strides=2, padding="same"), 4 * 4 * 9 * 4 * 6),
        (layers.Conv2D(6, 3, padding="same", dilation_rate=2), 8 * 8 * 9 * 4 * 6),
        (layers.Conv2D(6, 3, padding="same", groups=2), 8 * 8 * 9 * 2 * 6),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), 6 * 6 * 9 * 4 * 2),
        (layers.SeparableConv2D(6, 3), 6 * 6 * (9 * 4 + 4 * 6)),
        (layers.Conv2DTranspose(6, 2, strides=2), 8 * 8 * 4 * 4 * 6),
        (layers.Dense(5), 8 * 8 * 4 * 5),
        (layers.BatchNormalization(), 0),
        (layers.MaxPooling2D(), 0),
        (layers.Dropout(0.5), 0),
    ],
)
def test_each_kind_of_layer_is_counted(layer, count):
    assert multiply_adds(sequence((8, 8, 4), layer)) == count


def test_a_layer_that_is_called_twice_counts_twice():
    dense = layers.Dense(4)
    a, b = keras.Input((8,)), keras.Input((8,))
    assert multiply_adds(keras.Model([a, b], [dense(a), dense(b)])) == 2 * 8 * 4


@pytest.mark.parametrize("nested", [True, False])
def test_models_in_models_are_counted(nested):
    inner = sequence((8,), layers.Dense(4), layers.Dense(2))
    if nested:
        inner = sequence((8,), inner)
    picture = keras.Input((8,))
    outer = keras.Model(picture, layers.Dense(3)(inner(picture)))
    assert multiply_adds(outer) == 8 * 4 + 4 * 2 + 2 * 3


def test_counting_leaves_the_model_as_it_was():
    model = architectures.build_patacchiola(16, 1, 4, 1, 8)
    before = [w.copy() for w in model.get_weights()]
    multiply_adds(model)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    assert len(model.get_layer("conv1")._inbound_nodes) == 1


@pytest.mark.parametrize(
    "layer",
    [layers.LSTM(3), layers.TimeDistributed(layers.Dense(3)), layers.Embedding(9, 2)],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_of_unknown_cost_is_an_error(layer):
    shape = (5,) if isinstance(layer, layers.Embedding) else (5, 4)
    with pytest.raises(ValueError, match=type(layer).__name__):
        multiply_adds(sequence(shape, layer))


def test_a_detector_is_counted_for_a_size():
    model = ssd_networks.build_compact()
    with pytest.raises(ValueError, match="any size"):
        multiply_adds(model)
    whole = multiply_adds(model, (256, 512))
    assert whole == 2 * multiply_adds(model, (256, 256))
    assert multiply_adds(model, (256, 320)) * 8 == whole * 5


def test_what_ships_can_be_counted():
    estimator, detector = load_model(DEFAULT_ESTIMATOR), load_model(DEFAULT_DETECTOR)
    assert 1e6 < multiply_adds(estimator) < 1e9
    assert 1e8 < multiply_adds(detector, (512, 512)) < 1e10


def test_ssd512_costs_what_its_paper_tells():
    """VGG-16's convolutions alone take 15.3 G on 224 x 224 (He et al. 2016, section 4.1)."""
    vgg = multiply_adds(ssd_networks.build_ssd512()) * (224 / 512) ** 2
    assert 15.3e9 < vgg < 18e9
