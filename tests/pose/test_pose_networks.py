import keras
import numpy as np
import pytest

from headpose.models.keras_files import load_model, save_model
from headpose.pose import networks as architectures


def test_the_published_network_has_the_published_number_of_parameters():
    assert architectures.build_patacchiola().count_params() == 6_813_442


def patacchiola_parameters(size, blocks, filters, dense, units, outputs):
    """Counted by hand from the layers' shapes."""
    total, channels = 0, 1
    for i in range(blocks):
        total += 9 * channels * filters * 2**i + filters * 2**i
        channels = filters * 2**i
        size //= 2
    width = size * size * channels
    for _ in range(dense):
        total += width * units + units
        width = units
    return total + width * outputs + outputs


@pytest.mark.parametrize(
    ("blocks", "filters", "dense", "units", "outputs"),
    [(6, 32, 1, 512, 2), (3, 16, 2, 64, 2), (1, 8, 0, 1, 3), (4, 64, 3, 128, 3)],
)
def test_every_option_of_the_family_counts(blocks, filters, dense, units, outputs):
    model = architectures.build_patacchiola(64, blocks, filters, dense, units, 0.3, outputs)
    expected = patacchiola_parameters(64, blocks, filters, dense, units, outputs)
    assert model.count_params() == expected
    assert model.output_shape == (None, outputs)


def test_the_default_network_is_small():
    model = architectures.build_compact()
    assert model.count_params() < 700_000
    assert model.output_shape == (None, 3)


def test_normalization_is_inside_the_published_network():
    """With all weights 0 the output is the mean angle; a bias moves it by its deviation."""
    model = architectures.build_patacchiola()
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    crops = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 1)).astype(np.float32)
    np.testing.assert_allclose(model(crops), [(-0.041212 * 90, -0.000276 * 90)] * 2, rtol=1e-5)
    model.get_layer("angles").bias.assign([1.0, -1.0])
    expected = ((0.323931 - 0.041212) * 90, (-0.540958 - 0.000276) * 90)
    np.testing.assert_allclose(model(crops), [expected] * 2, rtol=1e-5)


def test_pixels_are_scaled_as_published():
    model = architectures.build_patacchiola()
    scaled = keras.Model(model.input, model.get_layer("scale").output)
    got = np.ravel(scaled(np.full((1, 64, 64, 1), 200.0, np.float32)))[0]
    assert got == pytest.approx((200 / 255 - 0.408808) / 0.237583, rel=1e-5)


def test_light_and_contrast_do_not_change_the_default_network_s_answer():
    keras.utils.set_random_seed(0)
    model = architectures.build_compact()
    model.get_layer("angles").kernel.assign(np.random.default_rng(1).normal(size=(128, 3)))
    crop = np.random.default_rng(2).uniform(80, 120, (1, 64, 64, 1)).astype(np.float32)
    np.testing.assert_allclose(model(crop), model(crop * 1.5 + 20), atol=0.02)


@pytest.mark.parametrize("build", [architectures.build_compact, architectures.build_patacchiola])
@pytest.mark.parametrize("half", [False, True])
def test_models_come_back_from_one_file(tmp_path, build, half):
    keras.utils.set_random_seed(3)
    model = build()
    model.get_layer("angles").kernel.assign(
        np.random.default_rng(1).normal(size=model.get_layer("angles").kernel.shape) * 0.1
    )
    save_model(model, tmp_path / "model.keras", half)
    loaded = load_model(tmp_path / "model.keras")
    crops = np.random.default_rng(0).uniform(0, 255, (3, 64, 64, 1)).astype(np.float32)
    np.testing.assert_allclose(loaded(crops), model(crops), atol=0.05 if half else 1e-5)
    assert [f.name for f in tmp_path.iterdir()] == ["model.keras"]
    if half:
        save_model(model, tmp_path / "full.keras")
        half_size, size = ((tmp_path / f).stat().st_size for f in ("model.keras", "full.keras"))
        assert half_size < 0.65 * size


def test_saving_in_half_precision_leaves_the_model_as_it_was(tmp_path):
    model = architectures.build_compact()
    before = model.get_weights()
    save_model(model, tmp_path / "model.keras", half=True)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
