"""Whether expected errors are to be trusted: calibration, ranking, slope."""

import cv2
import numpy as np
import pytest
from scipy.stats import linregress, spearmanr

from headpose.errors import HeadposeError
from headpose.pose import reliability as rel
from headpose.pose.figures import plot_reliability


@pytest.fixture
def heads() -> tuple[np.ndarray, np.ndarray]:
    """Frontal to profile heads; told pans are off by as much as is expected, on average."""
    rng = np.random.default_rng(0)
    truth = np.zeros((3000, 3))
    truth[:, 1] = rng.uniform(-89, 89, 3000)
    expected = 2 + np.abs(truth[:, 1]) / 5
    told = np.zeros((3000, 6))
    told[:, 1] = truth[:, 1] + rng.choice([-1, 1], 3000) * rng.exponential(expected)
    told[:, 5] = expected
    return told, truth


@pytest.mark.parametrize("ties", [False, True])
def test_the_rank_correlation_is_spearmans(ties):
    rng = np.random.default_rng(1)
    first = rng.integers(0, 5, 200) if ties else rng.normal(size=200)
    second = first + rng.normal(size=200)
    assert rel.rank_correlation(first, second) == pytest.approx(spearmanr(first, second)[0])
    assert rel.rank_correlation(first, first**3) == pytest.approx(1)


def test_a_constant_has_no_rank_correlation():
    assert np.isnan(rel.rank_correlation([1, 1, 1], [1, 2, 3]))
    assert np.isnan(rel.rank_correlation([1], [2]))


def test_the_bias_is_the_median_near_the_front():
    truth = np.array([[0, 0, 0], [10, -20, 0], [5, 30, 0], [0, 80, 0], [3, -179, 0]], float)
    told = truth + np.array([[1, 2, 0], [3, 2, 0], [2, 4, 0], [50, 50, 0], [50, 50, 0]])
    assert rel.front_bias(told, truth, 0) == pytest.approx(2)
    assert rel.front_bias(told, truth, 1) == pytest.approx(2)
    assert np.isnan(rel.front_bias(told[3:], truth[3:], 0))


def test_the_slope_tells_shrunken_pans():
    rng = np.random.default_rng(2)
    truth = np.zeros((400, 3))
    truth[:, 1] = rng.uniform(-95, 95, 400)
    told = truth * 0.8 + rng.normal(0, 3, truth.shape)
    slope = linregress(truth[:, 1], told[:, 1]).slope
    assert rel.pan_slope(told, truth) == pytest.approx(slope)
    assert slope == pytest.approx(0.8, abs=0.01)
    # Backs do not count, and a full circle is nothing.
    backs = np.array([[0, 170, 0], [0, -150, 0]], float)
    around = np.concatenate([told, backs * 0])
    around[0, 1] += 360
    assert rel.pan_slope(around, np.concatenate([truth, backs])) == pytest.approx(slope)


def test_reliability_has_the_means_of_each_range(heads):
    told, truth = heads
    table = rel.reliability(told, truth)
    assert list(table) == ["all", "0-30", "30-60", "60-90"]
    off = np.abs(told[:, 1] - truth[:, 1])  # of a head that only pans, the turn
    chosen = (np.abs(truth[:, 1]) >= 30) & (np.abs(truth[:, 1]) < 60)
    row = table["30-60"]
    assert row["heads"] == chosen.sum()
    assert row["true"] == pytest.approx(off[chosen].mean(), rel=1e-6)
    assert row["expected"] == pytest.approx(told[chosen, 5].mean())
    assert row["expected"] == pytest.approx(row["true"], rel=0.1)
    assert table["all"]["rank correlation"] == pytest.approx(spearmanr(told[:, 5], off)[0])


def test_bins_hold_equally_many_heads_in_order(heads):
    told, truth = heads
    off = np.abs(told[:, 1] - truth[:, 1])
    points = rel.binned(told[:, 5], off)
    order = np.argsort(told[:, 5], kind="stable")
    np.testing.assert_allclose(points[0], [told[order[:300], 5].mean(), off[order[:300]].mean()])
    assert (np.diff(points[:, 0]) > 0).all()
    assert rel.binned([3.0], [4.0]).tolist() == [[3.0, 4.0]]
    assert rel.binned([], []).shape == (0, 2)


def test_it_is_drawn_for_those_that_tell(heads, tmp_path):
    told, truth = heads
    plot_reliability({"a": (told, truth), "b": (told[:, :3], truth)}, tmp_path / "r.png")
    assert cv2.imread(str(tmp_path / "r.png")).shape[1] > 800
    with pytest.raises(HeadposeError, match="no estimator tells an expected error"):
        plot_reliability({"b": (told[:, :3], truth)}, tmp_path / "s.png")
    with pytest.raises(HeadposeError, match=r"r\.what"):
        plot_reliability({"a": (told, truth)}, tmp_path / "r.what")
