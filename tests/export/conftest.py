"""What the tests of this wing share."""

import pytest
from small_models import (
    saved,
    small_estimator,
)


@pytest.fixture(scope="module")
def estimator(model_folder):
    return saved(small_estimator(3), model_folder / "estimator.keras")
