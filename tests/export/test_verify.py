import dataclasses

import numpy as np
import pytest
from small_models import (
    small_detector,
)

from headpose.errors import HeadposeError
from headpose.export.verify import Difference, differences
from headpose.models.network import network_of

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
