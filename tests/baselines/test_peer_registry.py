import sys

import numpy as np
import pytest
from onnx_files import DOUBLE, write_linear
from scipy.spatial.transform import Rotation

from headpose.baselines.onnx_networks import OnnxNetwork
from headpose.baselines.registry import CONVENTIONS, PeerEstimator, decoded, prepared
from headpose.errors import HeadposeError

RANDOM = np.random.default_rng(0)
WEIGHTS = [RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(3, 2))]
BIASES = [RANDOM.normal(size=4), RANDOM.normal(size=2)]
ANGLES = np.array([[10.0, -20.0, 30.0], [-33.0, 60.0, 0.0], [0.0, 3.0, -9.0]])  # multiples of 3


@pytest.fixture(params=["onnxruntime", "openvino", "opencv"])
def backend(request):
    if request.param != "opencv":
        pytest.importorskip(request.param)
    return request.param


# --- running ONNX files ---------------------------------------------------------------


@pytest.mark.parametrize("batch", ["n", 1])
@pytest.mark.parametrize("number", [1, 5, 40])
def test_a_network_gives_all_outputs_of_any_number_of_pictures(tmp_path, backend, batch, number):
    path = write_linear(tmp_path / "a.onnx", WEIGHTS, BIASES, size=8, batch=batch)
    pictures = RANDOM.normal(size=(number, 3, 8, 8)).astype(np.float32)
    outputs = OnnxNetwork(path, (3, 8, 8), backend)(pictures)
    for output, weight, bias in zip(outputs, WEIGHTS, BIASES, strict=True):
        expected = pictures.mean(axis=(2, 3)) @ weight + bias
        np.testing.assert_allclose(output, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({}, (3, 16, 16), "a.onnx: takes pictures of 3x8x8, not 3x16x16$"),
        ({}, (8, 8, 3), "takes pictures of 3x8x8, not 8x8x3$"),
        ({"kind": DOUBLE}, (3, 8, 8), "does not take float32 numbers$"),
        ({"inputs": ("picture", "box")}, (3, 8, 8), r"has 2 inputs \(picture, box\), not one"),
    ],
)
def test_an_input_that_does_not_fit_is_told(tmp_path, backend, options, shape, message):
    path = write_linear(tmp_path / "a.onnx", WEIGHTS, BIASES, size=8, **options)
    with pytest.raises(HeadposeError, match=message):
        OnnxNetwork(path, shape, backend)


def test_files_that_are_no_networks_are_told(tmp_path, backend):
    with pytest.raises(HeadposeError, match=r"gone.onnx: no such model file"):
        OnnxNetwork(tmp_path / "gone.onnx", (3, 8, 8), backend)
    (tmp_path / "text.onnx").write_text("no network, but text")
    with pytest.raises(HeadposeError, match=r"text.onnx: not an ONNX file"):
        OnnxNetwork(tmp_path / "text.onnx", (3, 8, 8), backend)
    whole = write_linear(tmp_path / "a.onnx", WEIGHTS, BIASES, size=8).read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[:-30])
    with pytest.raises(HeadposeError, match=r"cut.onnx: not an ONNX file"):
        OnnxNetwork(tmp_path / "cut.onnx", (3, 8, 8), backend)
    (tmp_path / "odd.onnx").write_bytes(whole.replace(b"GlobalAveragePool", b"GlobalStrangePool"))
    with pytest.raises(HeadposeError, match=rf"odd.onnx: {backend} cannot read it"):
        OnnxNetwork(tmp_path / "odd.onnx", (3, 8, 8), backend)


def test_without_onnx_runtime_opencv_is_taken(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # importing it fails
    path = write_linear(tmp_path / "a.onnx", WEIGHTS, BIASES, size=8)
    outputs = OnnxNetwork(path, (3, 8, 8))(np.ones((2, 3, 8, 8), np.float32))
    np.testing.assert_allclose(outputs[1], np.ones((2, 3)) @ WEIGHTS[1] + BIASES[1], atol=1e-5)
    with pytest.raises(
        HeadposeError, match="onnxruntime is not installed; pip install headpose-toolkit"
    ):
        OnnxNetwork(path, (3, 8, 8), "onnxruntime")


# --- conventions ----------------------------------------------------------------------


def encoded(angles: np.ndarray, convention) -> list[np.ndarray]:
    """The outputs that stand for tilt, pan, roll (N, 3)."""
    columns = [angles[:, ("tilt", "pan", "roll").index(name)] for name in convention.order]
    values = np.stack(columns, axis=1) * convention.signs
    if convention.decoding == "rotation":
        # Extrinsic turns about x, y, z: the matrix Rz(roll) Ry(pan) Rx(tilt).
        return [Rotation.from_euler("xyz", values, degrees=True).as_matrix().astype(np.float32)]
    if convention.decoding == "degrees":
        return [values.astype(np.float32)]
    logits = []
    for column, bins in enumerate((120, 66, 66)):
        # Half of the probability at either neighbour: the expectation is the bin between.
        centre = np.rint(values[:, column] / 3 + bins / 2).astype(int)
        row = np.zeros((len(values), bins), np.float32)
        row[np.arange(len(values)), centre - 1] = row[np.arange(len(values)), centre + 1] = 40
        logits.append(row)
    return logits


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=lambda c: c.name)
def test_outputs_are_turned_to_tilt_pan_roll(convention):
    angles = np.round(ANGLES / 3) * 3
    np.testing.assert_allclose(decoded(encoded(angles, convention), convention), angles, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # B, G, R = 10, 100, 250; by the formulas of the sources.
        ("fsa-net", [(10 - 127.5) / 128, (100 - 127.5) / 128, (250 - 127.5) / 128]),
        (
            "hopenet",
            [(250 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (10 / 255 - 0.406) / 0.225],
        ),
        ("whenet-prepost", [250, 100, 10]),
    ],
)
def test_pixels_are_scaled_in_the_order_of_the_channels(name, expected):
    convention = CONVENTIONS[name]
    crops = np.broadcast_to(np.uint8([10, 100, 250]), (2, convention.size, convention.size, 3))
    pixels = prepared(crops, convention)
    assert pixels.shape == (2, 3, convention.size, convention.size)
    np.testing.assert_allclose(pixels[1, :, 5, 7], expected, atol=1e-5)


def constant(path, angles):
    """A network in FSA-Net's form that always tells the same yaw, pitch, roll."""
    return write_linear(path, [np.zeros((3, 3))], [np.array(angles)], size=64)


def test_several_files_are_averaged_also_across_180_degrees(tmp_path):
    files = [
        constant(tmp_path / "a.onnx", (179, 10, -4)),
        constant(tmp_path / "b.onnx", (-175, 20, 4)),
    ]
    estimator = PeerEstimator(CONVENTIONS["fsa-net"], files)
    told = estimator.estimate_all(np.zeros((3, 64, 64, 3), np.uint8))
    np.testing.assert_allclose(told, [[15, -178, 0]] * 3, atol=1e-3)
    assert estimator.estimate_all(np.zeros((0, 64, 64, 3), np.uint8)).shape == (0, 3)


def test_half_of_an_estimator_is_told_and_a_file_counts_once(tmp_path, caplog):
    files = [constant(tmp_path / f"{name}.onnx", (1, 2, 3)) for name in "abc"]
    PeerEstimator(CONVENTIONS["fsa-net"], files[:2])
    assert not caplog.records
    PeerEstimator(CONVENTIONS["fsa-net"], files[:1])
    PeerEstimator(CONVENTIONS["fsa-net"], files)
    assert [record.getMessage() for record in caplog.records] == [
        "fsa-net: one file, where the published estimator is the mean of 2: a.onnx",
        "fsa-net: the mean of 3 files, where the published estimator is the mean of 2: "
        "a.onnx, b.onnx, c.onnx",
    ]
    (tmp_path / "link.onnx").symlink_to(files[0])
    with pytest.raises(HeadposeError, match=r"fsa-net: \S+link.onnx is named twice; name it once"):
        PeerEstimator(CONVENTIONS["fsa-net"], [files[0], tmp_path / "link.onnx"])


@pytest.mark.parametrize(
    ("name", "outputs", "message"),
    [
        ("fsa-net", [66, 66, 66], "gives 1x66, 1x66, 1x66, not degrees as fsa-net does"),
        ("hopenet", [3], "gives 1x3, not bins as hopenet does"),
        ("6drepnet", [6], "gives 1x6, not rotation as 6drepnet does"),
    ],
)
def test_outputs_of_another_network_are_told(tmp_path, name, outputs, message):
    weights, biases = [np.zeros((3, n)) for n in outputs], [np.zeros(n) for n in outputs]
    convention = CONVENTIONS[name]
    path = write_linear(tmp_path / "a.onnx", weights, biases, size=convention.size)
    with pytest.raises(HeadposeError, match=message):
        PeerEstimator(convention, [path])


def test_a_circular_mean_does_not_average_across_the_back():
    """Half at 174, half at -174: the published expectation is 0, the direction 180."""
    logits = np.full((1, 120), -50.0)
    logits[0, [118, 2]] = 0
    rest = np.full((1, 66), -50.0)
    rest[0, 33] = 0
    outputs = [logits, rest, rest]
    assert decoded(outputs, CONVENTIONS["whenet-published"])[0, 1] == pytest.approx(0, abs=1e-6)
    told = decoded(outputs, CONVENTIONS["whenet-nhwc"])[0]
    assert abs(told[1]) == pytest.approx(180)
    np.testing.assert_allclose(told[[0, 2]], 0, atol=1e-6)
