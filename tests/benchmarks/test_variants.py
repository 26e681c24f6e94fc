"""The ways that are compared: their files, sizes and loading."""

import argparse

import numpy as np
import pytest
import variants
from onnx_files import write_linear
from onnx_multiply_adds import onnx_size
from small_models import CAN_EXPORT_ONNX, exported, saved, small_detector, small_estimator
from variants import PUBLISHED, SSD512, VARIANTS

from headpose.errors import HeadposeError
from headpose.geometry.crops import head_crops
from headpose.models.network import network_of

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_an_untrained_detector_is_said_to_find_one_head():
    network = variants.with_one_head(network_of(small_detector(), "head detector"))
    found, scores = network.call(np.zeros((2, 64, 128, 3), np.float32))
    assert (scores > network.spec.confidence).sum(axis=1).tolist() == [1, 1]
    np.testing.assert_allclose(found[scores > 0.5], [[51.2, 19.2, 76.8, 38.4]] * 2, rtol=1e-6)


def test_a_peer_has_all_measures_that_follow_from_its_angles(tmp_path):
    pytest.importorskip("onnxruntime")
    file = write_linear(tmp_path / "peer.onnx", [np.zeros((3, 3))], [np.array([30.0, 0.0, 5.0])])
    variant = VARIANTS["yunet-fsanet"]
    peer = variants.load_estimator(variant, [str(file)])
    crops = head_crops(np.zeros((99, 99, 3), np.uint8), [(9, 9, 60, 60)] * 2, **peer.crop_options)
    measures = peer.measures(crops)
    np.testing.assert_allclose(measures[:, :5], [[0, 30, 5, 30, 0]] * 2, atol=1e-4)
    assert np.isnan(measures[:, 5]).all()


@pytest.mark.parametrize("kind", [SSD512, PUBLISHED])
def test_the_published_networks_have_their_size(kind):
    expected = {SSD512: 24_386_328, PUBLISHED: 6_813_442}
    assert variants.build(kind).count_params() == expected[kind]


@pytest.mark.skipif(not CAN_EXPORT_ONNX, reason="ONNX files cannot be made and run here")
def test_an_onnx_file_counts_as_the_model_that_it_was_made_from(tmp_path):
    from headpose.training.multiply_adds import multiply_adds

    source = saved(small_estimator(2), tmp_path / "small.keras")
    _, counted = onnx_size(exported(source, "onnx"), (1, 32, 32, 1))
    assert counted == multiply_adds(small_estimator(2))


def test_an_onnx_file_has_the_parameters_of_its_layers(tmp_path):
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package)
    weights = [np.zeros((3, 5)), np.zeros((3, 2))]
    file = write_linear(tmp_path / "linear.onnx", weights, [np.zeros(5), np.zeros(2)])
    size = onnx_size(file, (1, 3, 64, 64))
    assert size == (3 * 7 + 7, 3 * 7)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("yunet-fsanet", "needs --peers"),
        ("openvino-int8", "needs --calibrate-detector"),
        ("onnxruntime-int8", "no eight-bit file beside it"),
    ],
)
def test_a_variant_says_what_it_needs(tmp_path, name, told):
    source = tmp_path / "model.keras"
    source.write_bytes(b"x")
    given = {"detector": source, "estimator": source, "peers": None}
    given |= {"calibrate_detector": None, "calibrate_estimator": None}
    files = variants.ModelFiles(argparse.Namespace(**given), tmp_path)
    with pytest.raises(HeadposeError, match=told):
        files.of(VARIANTS[name])
