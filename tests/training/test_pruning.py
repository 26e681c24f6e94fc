"""Networks that begin with the strongest channels of wider ones."""

import keras
import numpy as np
import pytest
from small_models import small_detector

from headpose.detection.head_detector import HeadDetector
from headpose.detection.networks import FAST_STAGES, build_compact, build_fast
from headpose.errors import HeadposeError
from headpose.training.multiply_adds import multiply_adds
from headpose.training.pruning import take_strongest


def random_scales(model: keras.Model, seed: int) -> None:
    """Gives batch normalization and biases values that differ from channel to channel."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            mean = rng.normal(0, 0.1, shape)
            layer.set_weights(
                [rng.uniform(0.5, 1.5, shape), rng.normal(0, 0.1, shape), mean, np.ones(shape)]
            )


def silence(model: keras.Model, names: list[str], count: int, seed: int = 5) -> None:
    """Leaves so many channels of some layers, the same ones in all; the rest say nothing.

    A channel that is scaled by 0 and has an offset of 0 adds nothing to what comes after it.
    """
    silent = None
    for name in names:
        gamma, beta, mean, variance = model.get_layer(f"{name}_bn").get_weights()
        if silent is None:
            silent = np.random.default_rng(seed).permutation(len(gamma))[count:]
        gamma[silent] = beta[silent] = 0
        model.get_layer(f"{name}_bn").set_weights([gamma, beta, mean, variance])


def test_what_adds_nothing_is_what_is_left_out():
    """The answers of a network whose other channels are silent stay what they are."""
    keras.utils.set_random_seed(3)
    wide = build_compact()
    random_scales(wide, 4)
    # Two blocks are not in the narrow network at all.
    silence(wide, ["stride4_block0_wide"], 0)
    silence(wide, ["stride8_block1_wide"], 0)
    for stage in FAST_STAGES[1:]:
        name = f"stride{stage.stride}"
        blocks = [f"{name}_block{i}" for i in range(stage.blocks)]
        # What is added has the same channels.
        silence(wide, [f"{name}_down", *(f"{block}_wide" for block in blocks)], stage.filters)
        for block in blocks:
            silence(wide, [f"{block}_narrow"], stage.narrow)
        silence(wide, [f"level{stage.stride}_out"], stage.level, stage.stride)
    silence(wide, [f"level{stage.stride}_lateral" for stage in FAST_STAGES[1:]], 32)
    narrow = build_fast()
    take_strongest(narrow, wide, "wide.keras")
    pictures = np.random.default_rng(9).integers(0, 256, (1, 128, 192, 3)).astype(np.float32)
    boxes, scores = narrow.predict(pictures, verbose=0)
    all_boxes, all_scores = wide.predict(pictures, verbose=0)
    # Without the level of stride 4: 32 x 48 places, two priors each.
    np.testing.assert_allclose(boxes, all_boxes[:, 32 * 48 * 2 :], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(scores, all_scores[:, 32 * 48 * 2 :], rtol=1e-3)


def test_the_fast_detector_has_a_third_of_the_multiply_adds():
    fast = build_fast()
    assert multiply_adds(fast, (384, 512)) <= 350e6
    assert multiply_adds(build_compact(), (384, 512)) == pytest.approx(972e6, rel=1e-3)
    assert [stride for stride, _ in HeadDetector(fast).levels] == [8, 16, 32, 64]


@pytest.mark.parametrize("wide", [build_fast, small_detector])
def test_what_is_no_wider_is_refused(wide):
    with pytest.raises(HeadposeError, match="is no wider form of this network"):
        take_strongest(build_compact(), wide(), "d.keras")
