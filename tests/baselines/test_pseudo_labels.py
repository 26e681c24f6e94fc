"""Labels that two published estimators agree on."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headpose.baselines.pseudo_labels import label, mean_rotation

# The tilt of a head with a pan of 20 degrees that is nodded up by 1 about its own axis.
UP = np.degrees(np.arctan(np.tan(np.radians(1)) / np.cos(np.radians(20))))


def rotation(tilt: float, pan: float, roll: float) -> np.ndarray:
    return Rotation.from_euler("XYZ", [-tilt, -pan, -roll], degrees=True).as_matrix()


@pytest.mark.parametrize(
    ("first", "mirrored", "whenet", "expected"),
    [
        # Near the front: the mean of both, 1 degree up; they differ by 8 in pan.
        ((0, 16, 0), (0, 16, 0), (0, 24, 0), (UP, 20, None, 8)),
        # A profile: WHENet's, with at least 7 degrees of disagreement.
        ((0, 60, 0), (0, 60, 0), (0, 66, 0), (None, 66, None, 7)),
        ((0, 50, 0), (0, 50, 0), (0, 80, 0), (None, 80, None, 18)),
        # Too far apart, unsteady, or a back.
        ((0, 0, 0), (0, 0, 0), (0, 30, 0), None),
        ((0, 30, 0), (0, 0, 0), (0, 20, 0), None),
        ((0, 90, 0), (0, 90, 0), (0, 120, 0), None),
    ],
)
def test_labels_are_what_both_agree_on(first, mirrored, whenet, expected):
    told = np.stack([rotation(*first), rotation(*mirrored), rotation(*whenet)])[None]
    row = label(told).iloc[0]
    if expected is None:
        assert row.isna().all()
        return
    for value, wanted in zip(row, expected, strict=True):
        if wanted is not None:
            assert value == pytest.approx(wanted, abs=0.1)


def test_the_mean_of_rotations_lies_between_them():
    first, second = rotation(0, 20, 5), rotation(0, 40, 5)
    mean = mean_rotation(first[None], second[None])[0]
    halves = [Rotation.from_matrix(m.T @ mean).magnitude() for m in (first, second)]
    assert np.linalg.det(mean) == pytest.approx(1)
    assert halves[0] == pytest.approx(halves[1])
    assert np.degrees(halves[0]) == pytest.approx(10, abs=0.05)
