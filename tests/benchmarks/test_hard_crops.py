"""How heads are turned and cut for measuring (benchmarks/hard_crops.py)."""

import numpy as np
import pytest
from hard_crops import cut, darkened, turned


@pytest.fixture
def picture() -> np.ndarray:
    """A white dot above the middle of a head at (60..100, 40..90)."""
    picture = np.zeros((150, 200, 3), np.uint8)
    picture[43:48, 78:83] = 255
    return picture


BOX = np.array([60.0, 40.0, 100.0, 90.0])


@pytest.mark.parametrize(
    ("degrees", "direction", "half"),
    [(0, (0, -1), (20, 25)), (90, (1, 0), (25, 20)), (180, (0, 1), (20, 25))],
)
def test_pictures_turn_clockwise_with_their_box(picture, degrees, direction, half):
    made, box = turned(picture, BOX, degrees)
    centre = (box[:2] + box[2:]) / 2
    np.testing.assert_allclose((box[2:] - box[:2]) / 2, half, atol=1e-6)
    dot = np.argwhere(made[..., 0] > 128).mean(axis=0)[::-1]
    np.testing.assert_allclose(dot - centre, np.array(direction) * 19.5, atol=1)


def test_the_border_hides_a_share_of_the_box(picture):
    made, box = cut(picture, BOX, 0.25)
    assert made.shape == (150, 130, 3)
    np.testing.assert_array_equal(box, (0, 40, 30, 90))
    np.testing.assert_array_equal(made, picture[:, 70:])


def test_dark_pictures_have_a_share_of_the_light(picture):
    made, box = darkened(picture + 100 * (picture == 0).astype(np.uint8), BOX, 0.3)
    assert made.mean() == pytest.approx(30, abs=2)
    assert box is BOX
