import numpy as np
import pytest

from headpose.detection.calibration import best_threshold, shift_scores
from headpose.detection.metrics import Judged


def judged(scores, true, heads, pictures=1):
    return Judged(np.float32(scores), np.array(true, bool), heads, pictures)


def test_a_higher_threshold_may_cost_a_little():
    """F1 from the surest find down: 2/7, 4/8, 4/9, 6/10; so 0.1 less than the best still does."""
    one = judged([0.9, 0.6, 0.5, 0.4], [1, 1, 0, 1], 6)
    assert best_threshold([one]) == (pytest.approx(0.21), pytest.approx(0.6))
    assert best_threshold([one], within=0.11) == (pytest.approx(0.55), pytest.approx(0.5))
    assert best_threshold([one], within=0.05)[0] == pytest.approx(0.21)


def test_the_best_threshold_by_hand():
    """Two of three heads with one false find between: F1 = 4 / 6 at all, 2 / 4 at the first.

    Below the last find is the score of 0.02, from which finds are searched.
    """
    threshold, f1 = best_threshold([judged([0.9, 0.6, 0.4], [1, 0, 1], 3)])
    assert f1 == pytest.approx(4 / 6)
    assert threshold == pytest.approx(0.21)
    threshold, f1 = best_threshold([judged([0.9, 0.6, 0.4], [1, 0, 0], 1)])
    assert (threshold, f1) == (pytest.approx(0.75), 1)


def test_each_source_weighs_the_same():
    """A false find a picture without heads outweighs the last of many heads."""
    many = judged([0.9] * 9 + [0.3], [1] * 10, 10)
    assert best_threshold([many])[0] == pytest.approx(0.16)
    assert best_threshold([many, judged([0.5], [0], 0, 1)])[0] == pytest.approx(0.7)


def test_equal_scores_stay_together():
    threshold, f1 = best_threshold([judged([0.5, 0.5], [1, 0], 1)])
    assert threshold == pytest.approx(0.26)
    assert f1 == pytest.approx(2 / 3)


def test_without_finds_nothing_moves():
    assert best_threshold([judged([], [], 3)]) == (0.5, 0)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_scores_are_shifted_in_the_weights(threshold):
    from headpose.detection.networks import build_compact

    detector = build_compact()
    picture = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    before = np.array(detector(picture)[1])
    shift_scores(detector, threshold)
    after = np.array(detector(picture)[1])
    odds = lambda p: p / (1 - p)  # noqa: E731
    np.testing.assert_allclose(odds(after), odds(before) / odds(threshold), rtol=1e-3)
    assert detector.get_layer("decode").confidence == 0.5
