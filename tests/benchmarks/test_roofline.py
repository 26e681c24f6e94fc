import numpy as np
import pytest
import roofline


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(roofline, "SIDE", 32)


def test_limits_are_what_networks_need_at_the_peak():
    networks = [
        {"network": "our detector", "multiply-adds": 2e9},
        {"network": "our estimator", "multiply-adds": 1e8},
    ]
    results = {
        "onnxruntime-float32": {
            "detect 1, seconds": [0.05, 0.06, 0.04],
            "estimate 32, seconds": [0.064],
        },
        "onnxruntime-int8": {"detect 1, seconds": [0.03]},
        "yunet-fsanet": {"detect 1, seconds": [0.03]},
    }
    told = roofline.table(results, networks, {"float32": 100e9}).splitlines()
    assert len(told) == 3  # no peak of int8 is known, and others' networks have no row
    # 2e9 / 100e9 are 20 ms, 32 times 1e8 are 32 ms.
    wanted = ["onnxruntime-float32", "100", "50.00 / 20.00 = 2.5", "-", "64.00 / 32.00 = 2.0"]
    assert [text.strip() for text in told[2].strip("|").split("|")] == wanted


def test_the_processor_has_a_peak():
    peaks = roofline.peaks()
    assert peaks["float32"] > 0
    assert set(peaks) <= {"float32", "bfloat16", "int8"}


def test_the_kernel_in_eight_bits_multiplies_matrices():
    pytest.importorskip("onnx", reason="the extra export is not installed")
    (product,) = roofline._int8()()
    left = np.random.default_rng(0).integers(0, 256, (32, 32))
    right = np.random.default_rng(0).integers(-64, 64, (32, 32))
    np.testing.assert_array_equal(product, left @ right)
