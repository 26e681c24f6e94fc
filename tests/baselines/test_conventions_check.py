import numpy as np
import pytest

from headpose.baselines.convention_checks import check_outputs


def test_an_offset_is_told_and_not_taken_off(truth):
    offset = np.array([-5.0, 1.0, 0.0])
    check = check_outputs(truth + offset, truth)
    assert check.bias == pytest.approx({"tilt": -5, "pan": 1, "roll": 0})
    assert check.stated == pytest.approx({"tilt": 5, "pan": 1, "roll": 0}, abs=1e-9)
    assert check.unbiased == pytest.approx({"tilt": 0, "pan": 0, "roll": 0}, abs=1e-9)
    assert check.warnings == []


def test_estimates_without_roll_or_labels_without_it_are_checked_by_two_angles(truth):
    unknown = truth.copy()
    unknown[3, 2] = np.nan
    for predicted, labels in ((truth[:, :2] * [1, -1], truth), (truth * [1, -1, 1], unknown)):
        check = check_outputs(predicted, labels)
        assert set(check.stated) == {"tilt", "pan"}
        assert [a.what for a in check.alternatives if a.better] == ["turning the sign of pan"]


def test_chance_is_not_taken_for_a_convention():
    """Constant guesses come nearer by another sign, but follow the labels no better."""
    truth = np.random.default_rng(3).normal([10, 10, 0], 5, (200, 3))
    check = check_outputs(np.full((200, 3), [-10.0, 10, 0]), truth)
    assert check.alternatives[0].errors["tilt"] < check.stated["tilt"] - 5
    assert not any(a.better for a in check.alternatives)
    assert sum("hardly follows" in w for w in check.warnings) == 3


def test_few_heads_say_nothing():
    assert check_outputs(np.ones((5, 2)), -np.ones((5, 3))).warnings == [
        "5 heads are too few to check its conventions"
    ]
