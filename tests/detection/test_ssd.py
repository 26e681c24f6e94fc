import keras
import numpy as np
import pytest

from headpose.detection import networks as ssd_networks
from headpose.detection import ssd
from headpose.models import keras_setup as backend
from headpose.models.keras_setup import set_up

COUNTS = (16384, 6144, 1536, 384, 96, 16, 4)
OFFSETS = (0, 16384, 22528, 24064, 24448, 24544, 24560)


@pytest.fixture(autouse=True)
def full_precision():
    set_up("cpu", "float32")
    yield
    set_up("cpu", "float32")


@pytest.fixture(scope="module", params=["matconvnet", "original"])
def preset(request):
    return request.param


@pytest.fixture(scope="module")
def network():
    return ssd_networks.build_ssd512("original")


def fractions(preset):
    return (
        keras.ops.convert_to_numpy(ssd.priors(ssd_networks.ssd512_levels(preset), 512, 512)) / 512
    )


# Index, centre, and width and height by preset, as fractions of the picture's side.
PRIORS = [
    (0, (0.0078125, 0.0078125), (0.07, 0.07), (0.1, 0.1)),
    (1, (0.0078125, 0.0078125), (0.102469508,) * 2, (0.151185789,) * 2),
    (2, (0.0078125, 0.0078125), (0.098994949, 0.049497475), (0.141421356, 0.070710678)),
    (3, (0.0078125, 0.0078125), (0.049497475, 0.098994949), (0.070710678, 0.141421356)),
    (4, (0.0234375, 0.0078125), (0.07, 0.07), (0.1, 0.1)),
    (255, (0.9921875, 0.0078125), None, None),
    (256, (0.0078125, 0.0234375), (0.07, 0.07), (0.1, 0.1)),
    (16383, (0.9921875, 0.9921875), None, None),
    (16384, (0.015625, 0.015625), (0.15, 0.15), (0.228571429,) * 2),
    (16385, (0.015625, 0.015625), (0.212132034,) * 2, (0.285714286,) * 2),
    (16386, (0.015625, 0.015625), (0.212132034, 0.106066017), (0.323248814, 0.161624407)),
    (16388, (0.015625, 0.015625), (0.259807621, 0.08660254), (0.395897327, 0.131965776)),
    (16389, (0.015625, 0.015625), (0.08660254, 0.259807621), (0.131965776, 0.395897327)),
    (22528, (0.03125, 0.03125), (0.3, 0.3), (0.357142857,) * 2),
    (24064, (0.0625, 0.0625), (0.45, 0.45), (0.485714286,) * 2),
    (24448, (0.125, 0.125), (0.6, 0.6), (0.614285714,) * 2),
    (24544, (0.25, 0.25), (0.75, 0.75), (0.742857143,) * 2),
    (24560, (0.5, 0.5), (0.9, 0.9), (0.871428571,) * 2),
    (24561, (0.5, 0.5), (0.972111105,) * 2, (0.933503386,) * 2),
    (24562, (0.5, 0.5), (1.272792206, 0.636396103), (1.232386104, 0.616193052)),
]


@pytest.mark.parametrize(("index", "centre", "matconvnet", "original"), PRIORS)
def test_priors(preset, index, centre, matconvnet, original):
    box = fractions(preset)[index]
    assert box[:2] == pytest.approx(centre, abs=1e-7)
    size = matconvnet if preset == "matconvnet" else original
    if size is not None:
        assert box[2:] == pytest.approx(size, abs=2e-7)


def test_sums_over_all_priors(preset):
    boxes = fractions(preset).astype(np.float64)
    assert boxes.shape == (24564, 4)
    size = {"matconvnet": 3146.1416969509705, "original": 4348.674328228794}[preset]
    assert boxes.sum(axis=0) == pytest.approx([12282.0, 12282.0, size, size], rel=1e-7)


def test_levels_follow_one_another():
    levels = ssd_networks.ssd512_levels()
    assert tuple(len(x.shapes) * (512 // x.stride) ** 2 for x in levels) == COUNTS
    assert tuple(np.cumsum((0, *COUNTS))) == (*OFFSETS, 24564)
    boxes = fractions("original")
    for offset, level in zip(OFFSETS, levels, strict=True):
        assert boxes[offset, :2] * 512 == pytest.approx([level.stride / 2] * 2)


DECODED = [
    (
        0,
        (-13.046778, -14.838031, 24.630778, 19.254031),
        (-20.35254, -22.911473, 33.47254, 25.791473),
    ),
    (
        2,
        (-20.107785, -9.3205, 33.176326, 14.786229),
        (-30.439692, -15.029285, 45.680466, 19.408899),
    ),
    (
        16384,
        (-28.52881, -32.36721, 52.20881, 40.68721),
        (-47.662949, -53.511939, 75.365806, 57.809082),
    ),
    (
        24563,
        (101.021384, -86.527134, 443.562096, 533.360173),
        (105.94134, -75.653257, 437.607744, 524.555088),
    ),
]


@pytest.mark.parametrize(("index", "matconvnet", "original"), DECODED)
def test_decoding(preset, index, matconvnet, original):
    loc = np.tile(np.float32([0.5, -0.5, 0.25, -0.25]), (1, 24564, 1))
    prior_boxes = ssd.priors(ssd_networks.ssd512_levels(preset), 512, 512)
    boxes = keras.ops.convert_to_numpy(ssd.decode(loc, prior_boxes))
    expected = matconvnet if preset == "matconvnet" else original
    assert boxes[0, index] == pytest.approx(expected, abs=1e-4)


def test_l2_normalization_agrees_with_numpy():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    x[0, 0, 0] = 0  # a dead position stays 0
    layer = ssd.L2Normalization()
    y = keras.ops.convert_to_numpy(layer(x))
    scale = np.arange(5, dtype=np.float32)
    layer.gamma.assign(scale)
    scaled = keras.ops.convert_to_numpy(layer(x))
    length = np.sqrt((x.astype(np.float64) ** 2).sum(-1, keepdims=True))
    unit = np.divide(x, length, out=np.zeros_like(x), where=length > 0)
    assert y == pytest.approx(20 * unit, abs=1e-5)
    assert scaled == pytest.approx(scale * unit, abs=1e-5)


LAYERS = [
    (ssd.L2Normalization(initial=7.0, epsilon=1e-6), [(2, 4, 6, 5)]),
    (ssd.ReverseChannels(), [(2, 4, 6, 3)]),
    (
        ssd.DecodeBoxes(
            (ssd.AnchorLevel(2, ((3.0, 5.0), (4.0, 4.0))),), variances=(1, 1, 1, 1), confidence=0.3
        ),
        [(2, 12, 4), (2, 12, 2), (2, 4, 6, 3)],
    ),
]


@pytest.mark.parametrize(("layer", "shapes"), LAYERS, ids=lambda x: type(x).__name__)
def test_layers_state_their_output_shape_and_serialize(layer, shapes):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    inputs = [
        np.random.default_rng(i).normal(size=s).astype("float32") for i, s in enumerate(shapes)
    ]
    first, second = layer(*inputs), again(*inputs)
    stated = layer.compute_output_shape(*shapes)
    outputs, others = (list(x) if isinstance(x, tuple) else [x] for x in (first, second))
    stated = list(stated) if isinstance(stated[0], tuple) else [stated]
    assert [tuple(x.shape) for x in outputs] == [tuple(s) for s in stated]
    for x, y in zip(outputs, others, strict=True):
        assert np.array_equal(keras.ops.convert_to_numpy(x), keras.ops.convert_to_numpy(y))
    unknown = layer.compute_output_shape(*[(None, *s[1:]) for s in shapes])
    assert (unknown if isinstance(unknown[0], tuple) else [unknown])[0][0] is None


def test_ssd512_has_the_published_size_and_maps(network):
    assert network.count_params() == 24_386_328
    assert network.input_shape == (None, 512, 512, 3)
    boxes, scores = network.output_shape
    assert boxes == (None, 24564, 4) and scores == (None, 24564)
    sides = [
        network.get_layer(f"{source}_mbox_loc").output.shape[1]
        for source in ssd_networks.SSD512_SOURCES
    ]
    assert sides == [64, 32, 16, 8, 4, 2, 1]
    assert network.get_layer("decode").confidence == 0.2


def test_strided_convolutions_pad_on_both_sides(network):
    # Keras' own "same" with stride 2 would add a row below and none above.
    for block in (6, 7, 8, 9, 10):
        assert network.get_layer(f"conv{block}_2_padding").padding == ((1, 1), (1, 1))
        assert network.get_layer(f"conv{block}_2").padding == "valid"


@pytest.mark.parametrize(
    ("preset_name", "bgr_mean"), [("original", (123, 117, 104)), ("matconvnet", (104, 117, 123))]
)
def test_presets_differ_in_the_mean(preset_name, bgr_mean):
    # The published demos subtract red's mean from blue, in the order that OpenCV reads.
    network = ssd_networks.build_ssd512(preset_name)
    picture = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 3)).astype("float32")
    rgb = network.get_layer("mean")(network.get_layer("rgb")(picture))
    bgr = keras.ops.convert_to_numpy(rgb)[..., ::-1]
    assert bgr == pytest.approx(picture - np.float32(bgr_mean), abs=1e-4)


@pytest.mark.parametrize(
    ("flags", "precision", "size", "expected"),
    [
        ({"avx512_bf16"}, "auto", 24_386_328, True),  # SSD512 takes half the time
        ({"avx512_bf16"}, "auto", 700_000, False),  # small networks gain nothing
        ({"avx512_bf16"}, "float32", 24_386_328, False),
        ({"avx512_bf16"}, "bfloat16", 700_000, True),
        ({"avx512_bf16", "amx_bf16"}, "auto", 700_000, True),
        ({"avx2"}, "auto", 24_386_328, False),
    ],
)
def test_what_auto_precision_takes(monkeypatch, flags, precision, size, expected):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the graph is rewritten by TensorFlow")
    import tensorflow as tf

    class Network:
        input_shape = (None, 4, 4, 3)

        def count_params(self):
            return size

    monkeypatch.setattr(backend, "cpu_flags", lambda: frozenset(flags))
    set_up("cpu", precision)
    backend.compiled(Network())
    chosen = tf.config.optimizer.get_experimental_options()
    assert chosen["auto_mixed_precision_onednn_bfloat16"] is expected
