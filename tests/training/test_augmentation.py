import numpy as np
import pytest

from headpose.training.augmentation import add_noise


@pytest.mark.parametrize("shape", [(200, 200), (200, 200, 3)])
def test_noise_has_its_deviation_in_every_channel(shape):
    grey = np.full(shape, 128, np.uint8)
    noisy = add_noise(np.random.default_rng(0), grey, 8.0)
    assert noisy.dtype == np.uint8
    deviations = (noisy.astype(float) - 128).std(axis=(0, 1))
    np.testing.assert_allclose(deviations, 8.0, rtol=0.03)
