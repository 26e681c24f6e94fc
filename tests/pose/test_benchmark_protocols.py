"""Figures of benchmarks against a count by hand and by scipy."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headpose.pose.benchmark_protocols import benchmark_score

TRUTH = np.array([[10.0, 0, 0], [0, 45, 5], [-20, 88, 30], [0, -170, 0]])
PREDICTED = np.array([[13.0, -2, 1], [4, 40, 5], [-60, 84, -10], [6, 175, 2]])


def rotations(angles):
    return Rotation.from_euler("XYZ", -angles, degrees=True)


def test_all_heads_count_and_yaw_goes_round():
    score = benchmark_score(PREDICTED, TRUTH)
    assert score.heads == 4
    assert score.pitch == pytest.approx((3 + 4 + 40 + 6) / 4)
    assert score.yaw == pytest.approx((2 + 5 + 4 + 15) / 4)
    assert score.roll == pytest.approx((1 + 0 + 40 + 2) / 4)
    assert score.mean == pytest.approx((53 + 26 + 43) / 12)
    turns = (rotations(PREDICTED).inv() * rotations(TRUTH)).magnitude()
    assert score.geodesic == pytest.approx(np.degrees(turns).mean())
    # At a yaw of 88 pitch and roll are off by 40 each and cancel: the rotation is nearly right.
    assert np.degrees(turns[2]) < 6


def test_degenerate_heads_are_told_apart():
    score = benchmark_score(PREDICTED, TRUTH)
    assert score.locked == 1
    assert score.pitch_unlocked == pytest.approx((3 + 4 + 6) / 3)
    assert score.roll_unlocked == pytest.approx((1 + 0 + 2) / 3)


def test_ranges_of_yaw():
    ranges = benchmark_score(PREDICTED, TRUTH).ranges
    assert {name: row.heads for name, row in ranges.items()} == {
        "0-30": 1, "30-60": 1, "60-90": 1, "150-180": 1,
    }  # fmt: skip
    assert ranges["30-60"].mean == pytest.approx((4 + 5 + 0) / 3)


@pytest.mark.parametrize("missing", ["labels", "estimates"])
def test_without_roll_two_angles_are_averaged(missing):
    truth, predicted = TRUTH.copy(), PREDICTED
    if missing == "labels":
        truth[:, 2] = np.nan
    else:
        predicted = PREDICTED[:, :2]
    score = benchmark_score(predicted, truth)
    assert score.mean == pytest.approx((53 + 26) / 8)
    assert np.isnan(score.roll)
    assert np.isnan(score.geodesic)
