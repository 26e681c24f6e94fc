"""Angles over time: the One Euro filter, and the measures of jitter and lag."""

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headpose.pipeline import Head
from headpose.video.smoothing import HeadSmoother, OneEuro, RotationFilter, jitter, lag


def smoothed(angles, times, **constants) -> np.ndarray:
    smooth = OneEuro(**constants)
    return np.array([smooth(a, t) for a, t in zip(angles, times, strict=True)])


def noise(count: int, deviation: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, deviation, count)


def test_a_constant_stays_and_the_first_value_passes():
    assert smoothed([17.5] * 9, np.arange(9) / 25) == pytest.approx([17.5] * 9)


def test_values_follow_the_published_formula():
    """Algorithm 1 of the paper, step by step, for a series with uneven times."""
    times, angles = [0, 0.04, 0.1, 0.12, 0.3], [0.0, 3.0, 10.0, 9.0, 30.0]
    found = smoothed(angles, times, min_cutoff=0.8, beta=0.07)

    def alpha(cutoff, period):
        return 1 / (1 + (1 / (2 * math.pi * cutoff)) / period)

    value, speed = angles[0], 0.0
    for i in range(1, 5):
        period = times[i] - times[i - 1]
        slope = (angles[i] - value) / period
        speed = alpha(1.0, period) * slope + (1 - alpha(1.0, period)) * speed
        a = alpha(0.8 + 0.07 * abs(speed), period)
        value = a * angles[i] + (1 - a) * value
        assert found[i] == pytest.approx(value)


@pytest.mark.parametrize("rate", [10, 12.5, 25, 30, 60])
@pytest.mark.parametrize("deviation", [0.3, 1.0, 2.0])
def test_the_jitter_of_a_still_head_at_least_halves(rate, deviation):
    times = np.arange(300) / rate
    angles = 20 + noise(300, deviation)
    assert jitter(smoothed(angles, times)) < 0.5 * jitter(angles)
    assert smoothed(angles, times).mean() == pytest.approx(20, abs=deviation / 2)


TURNS = {
    "to and fro": lambda t: 40 * np.sin(2 * np.pi * 0.3 * t),
    "slowly": lambda t: 25 * np.sin(2 * np.pi * 0.2 * t),
    "once": lambda t: np.clip(60 * (t - 3), 0, 50) - np.clip(60 * (t - 7), 0, 50),
}


@pytest.mark.parametrize("rate", [12.5, 25, 30])
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("deviation", [0.5, 1.5])
def test_a_turning_head_is_less_than_100_ms_late(rate, turn, deviation):
    times = np.arange(0, 10, 1 / rate)
    true = TURNS[turn](times)
    assert lag(times, true, smoothed(true + noise(len(times), deviation), times)) < 0.1


def test_the_way_past_180_degrees_is_short():
    times = np.arange(60) / 30
    straight = 150 + 60 * times / times[-1]
    around = (straight + 180) % 360 - 180
    difference = smoothed(around, times) - smoothed(straight - 150, times) - 150
    assert np.abs((difference + 180) % 360 - 180).max() < 1e-9
    assert np.abs(smoothed(around, times)).max() <= 180


def test_a_lower_cutoff_is_calmer_and_a_higher_beta_less_late():
    times = np.arange(0, 10, 0.04)
    still, turn = noise(250, 1.0), TURNS["to and fro"](times)
    assert jitter(smoothed(still, times, min_cutoff=0.3)) < jitter(
        smoothed(still, times, min_cutoff=3)
    )
    assert lag(times, turn, smoothed(turn, times, beta=0.5)) < lag(
        times, turn, smoothed(turn, times, beta=0.005)
    )


def test_after_a_long_gap_it_begins_anew():
    smooth = OneEuro()
    for i in range(20):
        smooth(0.0, i / 25)
    assert 0 < smooth(40.0, 1.0) < 40
    assert smooth(-60.0, 5.0) == -60


def test_a_value_at_the_same_time_is_returned_as_it_is():
    smooth = OneEuro()
    smooth(1.0, 0.0)
    assert smooth(5.0, 0.0) == 5.0


def head(**angles) -> Head:
    return Head((0, 0, 10, 10), 0.9, **({"tilt": None, "pan": None} | angles))


def test_heads_are_smoothed_each_by_itself():
    smoother = HeadSmoother()
    for i in range(10):
        smoother(1, head(tilt=0.0, pan=0.0, roll=0.0), i / 25)
        smoother(2, head(tilt=50.0, pan=-50.0), i / 25)
    first = smoother(1, head(tilt=10.0, pan=20.0, roll=30.0), 0.4)
    assert 0 < first.tilt < 10
    assert 0 < first.pan < 20
    assert 0 < first.roll < 30
    second = smoother(2, head(tilt=50.0, pan=-50.0), 0.4)
    assert (second.tilt, second.pan, second.roll) == (50.0, -50.0, None)
    assert (first.box, first.score) == ((0, 0, 10, 10), 0.9)


def test_angles_that_are_not_known_stay_so_and_harm_no_others():
    smoother = HeadSmoother()
    smoother(1, head(tilt=10.0, pan=10.0), 0.0)
    unknown = smoother(1, head(expected_error=50.0), 0.04)
    assert (unknown.tilt, unknown.pan, unknown.expected_error) == (None, None, 50.0)
    assert smoother(1, head(tilt=10.0, pan=10.0), 0.08).pan == pytest.approx(10)


def test_heads_that_are_gone_are_forgotten():
    smoother = HeadSmoother()
    for track in (1, 2):
        smoother(track, head(tilt=0.0, pan=0.0), 0.0)
    smoother.keep([2])
    assert smoother(1, head(tilt=30.0, pan=30.0), 0.04).tilt == 30
    assert smoother(2, head(tilt=30.0, pan=30.0), 0.04).tilt < 30


# ---------------------------------------------------------------------- rotations
# Rotations are made with scipy, the filter's are not.


def told(rotation: Rotation) -> Head:
    """A head as an estimator tells it, x right, y up, z toward the viewer."""
    matrix = rotation.as_matrix()
    x, y, z = matrix[:, 2]
    # R = Rx(-tilt) Ry(-pan) Rz(-roll): scipy's intrinsic XYZ, its middle angle within ±90.
    tilt, pan, roll = -rotation.as_euler("XYZ", degrees=True)
    if abs(tilt) > 90:
        tilt, pan, roll = tilt + 180, 180 - pan, roll + 180
    tilt, pan, roll = ((a + 180) % 360 - 180 for a in (tilt, pan, roll))
    return head(
        tilt=tilt,
        pan=pan,
        roll=roll,
        azimuth=math.degrees(math.atan2(-x, z)),
        elevation=math.degrees(math.asin(max(-1.0, min(1.0, y)))),
    )


def nose(smooth: Head) -> np.ndarray:
    return Rotation.from_euler("XYZ", [-smooth.tilt, -smooth.pan, 0], degrees=True).apply((0, 0, 1))


@pytest.mark.parametrize("rate", [10, 25])
@pytest.mark.parametrize("nod", [-40, -15, 0, 25, 50])
def test_the_nose_of_a_head_that_turns_through_the_profile_does_not_bend(rate, nod):
    """Turned about the vertical, the nose stays at its height, and all angles agree."""
    smoother = HeadSmoother()
    for i in range(3 * rate):
        pan = -150 + 300 * i / (3 * rate - 1)
        rotation = Rotation.from_euler("YX", [-pan, -nod], degrees=True)
        smooth = smoother(1, told(rotation), i / rate)
        assert smooth.elevation == pytest.approx(nod, abs=1e-6)
        assert math.degrees(math.asin(nose(smooth)[1])) == pytest.approx(nod, abs=1e-6)
        assert -90 <= smooth.tilt <= 90
        # 100 degrees a second: behind, but not by 100 ms.
        assert -10 < smooth.azimuth - pan < 1e-6


def test_all_angles_are_of_one_rotation():
    """With noise all over the sphere: azimuth and elevation tell tilt's and pan's nose."""
    smoother, noises = HeadSmoother(), np.random.default_rng(0).normal(0, 20, (200, 3))
    for i, vector in enumerate(noises.cumsum(axis=0)):
        smooth = smoother(1, told(Rotation.from_rotvec(vector, degrees=True)), i / 25)
        a, e = np.radians([smooth.azimuth, smooth.elevation])
        expected = (-np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e))
        assert nose(smooth) == pytest.approx(np.array(expected), abs=1e-9)


def test_a_rotation_about_one_axis_is_filtered_as_its_angle():
    """About a fixed axis the filter is the One Euro filter of the angle, turned or not."""
    times = np.arange(100) / 25
    angles = TURNS["to and fro"](times) + noise(100, 1.0)
    expected = smoothed(angles, times)
    axis = np.array([0.6, -0.48, 0.64])
    start = Rotation.from_euler("xyz", [20, 100, -30], degrees=True)
    smooth = RotationFilter()
    for angle, time, wanted in zip(angles, times, expected, strict=True):
        turned = Rotation.from_rotvec(angle * axis, degrees=True) * start
        found = Rotation.from_matrix(smooth(turned.as_matrix(), time)) * start.inv()
        assert found.as_rotvec(degrees=True) == pytest.approx(wanted * axis, abs=1e-6)


def test_jitter_is_the_mean_second_difference():
    assert jitter([0, 1, 2, 3]) == 0
    assert jitter([0, 1, 0, 1]) == 2
    assert jitter([179, -179, -177]) == 0


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.123, 0.3])
def test_lag_finds_a_shift(delay):
    times = np.arange(0, 8, 0.04)
    assert lag(times, np.sin(times), np.sin(times - delay)) == pytest.approx(delay, abs=2e-3)
