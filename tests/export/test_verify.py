import dataclasses
import types

import numpy as np
import pytest
from small_models import (
    small_detector,
)

from headpose.errors import HeadposeError
from headpose.export import verify
from headpose.export.verify import Difference, differences
from headpose.models.network import network_of
from headpose.models.specs import ESTIMATOR

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("full_precision"),
]


def test_a_detector_of_eight_bits_is_judged_where_heads_are_seen():
    network = network_of(small_detector(), "head detector")
    black = [np.zeros((64, 64, 3), np.uint8)]
    found = differences(network, network, black, int8=False)
    assert [d.largest for d in found] == [0, 0]
    sees_none = dataclasses.replace(network, spec=dataclasses.replace(network.spec, confidence=1.0))
    with pytest.raises(HeadposeError, match="no head is seen"):
        differences(sees_none, sees_none, black, int8=True)


@pytest.mark.parametrize(
    ("largest", "mean", "by_mean", "too_large"),
    [
        (0.2, 0.1, False, False),
        (0.6, 0.1, False, True),
        (0.6, 0.1, True, False),
        (9.0, 0.6, True, True),
        (np.nan, np.nan, False, True),
    ],
)
def test_what_is_too_large(largest, mean, by_mean, too_large):
    assert Difference("x", largest, mean, 0.5, by_mean).too_large is too_large


def test_the_same_rotation_told_by_other_angles_is_no_difference(monkeypatch):
    """At a pan near 90 tilt and roll may differ by any angle, straight up the azimuth."""
    first = np.array([[-86.6, -82.9, 45.4, 0, 0, 5], [89.5, 10, 0, 170, 89.99, 7]])
    second = np.array([[93.4, -97.1, -134.6, 0, 0, 5], [89.5, 10, 0, -20, 89.99, 7.02]])

    class Fake:
        def __init__(self, told):
            self._told = told

        def estimate_all(self, crops):
            return self._told[: len(crops)].astype(np.float32)

    monkeypatch.setattr(verify, "PoseEstimator", Fake)
    networks = [_WithTable(told) for told in (first, second)]
    found = verify.differences(*networks, np.zeros((2, 64, 64), np.uint8), int8=False)
    assert [difference.what.partition(" of ")[0] for difference in found] == [
        "turn between the rotations",
        "angle between the noses",
        "expected error",
    ]
    # 2 cos(89.99) sin(95): the noses are as far apart as they are near the pole.
    expected = np.degrees([0, 2 * np.cos(np.radians(89.99)) * np.sin(np.radians(95)), 0])
    expected[2] = 0.02
    np.testing.assert_allclose([d.largest for d in found], expected, atol=2e-4)
    assert not any(difference.too_large for difference in found)
    other = _WithTable(np.add(second, [0, 3, 0, 3, 0, 3]))
    found = verify.differences(networks[0], other, np.zeros((2, 64, 64), np.uint8), int8=False)
    assert [difference.too_large for difference in found] == [True, True, True]


class _WithTable(np.ndarray):
    """What `PoseEstimator` is replaced for: a table of answers with the description of ours."""

    spec = types.SimpleNamespace(kind=ESTIMATOR, outputs=6)

    def __new__(cls, told):
        return np.asarray(told).view(cls)
