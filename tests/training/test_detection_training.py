import keras
import numpy as np
import pytest

from headpose.detection import ssd
from headpose.training import detection as dt


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0, 0, 2, 2), (0, 0, 2, 2), 1.0),
        ((0, 0, 2, 2), (1, 0, 3, 2), 2 / 6),  # the hull is their union
        ((0, 0, 1, 1), (2, 0, 3, 1), -1 / 3),  # apart: nothing shared, a third of the hull empty
        ((0, 0, 2, 2), (1, 1, 3, 3), 1 / 7 - 2 / 9),
    ],
)
def test_generalized_iou_by_hand(first, second, expected):
    value = dt.generalized_iou(np.float32([first]), np.float32([second]))
    assert float(value[0]) == pytest.approx(expected, abs=1e-6)


def test_the_loss_by_hand():
    """One positive prior with a right box, one negative, one ignored."""
    boxes = np.float32([[(0, 0, 2, 2), (0, 0, 1, 1), (0, 0, 1, 1)]])
    targets = np.float32([[(0, 0, 2, 2, 1), (0, 0, 0, 0, 0), (0, 0, 0, 0, -1)]])
    logits = np.float32([[0.0, -1.0, 5.0]])
    p = 1 / (1 + np.exp(1.0))
    positive = 0.5**2 * np.log(2)
    negative = p**2 * -np.log(1 - p)
    expected = dt.SCORE_WEIGHT * 0.5 * (positive + negative)
    assert float(dt.detection_loss(boxes, logits, targets)) == pytest.approx(expected, rel=1e-5)


def test_both_networks_train_on_the_same_targets():
    """SSD512's two softmax channels and the compact network's sigmoid share one loss."""
    two = np.float32([[[0.3, 1.0], [2.0, -1.0]]])
    one = (two[..., 1] - two[..., 0])[..., None]
    np.testing.assert_allclose(ssd.head_logit(two), ssd.head_logit(one))
    softmax = np.exp(two) / np.exp(two).sum(-1, keepdims=True)
    np.testing.assert_allclose(keras.ops.sigmoid(ssd.head_logit(two)), softmax[..., 1], rtol=1e-6)
