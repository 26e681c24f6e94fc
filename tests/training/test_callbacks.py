import logging

import pytest

from headpose.training.callbacks import BestModel


@pytest.mark.parametrize(
    ("higher", "before", "epochs", "worse"),
    [
        (False, 2.6, [3.5, 3.1], True),
        (False, 2.6, [3.5, 2.5], False),
        (True, 0.9, [0.8, 0.85], True),
        (True, 0.9, [0.8, 0.95], False),
        (False, 2.6, [2.6], False),
        (False, float("nan"), [3.0], False),
    ],
)
def test_training_that_only_harms_is_told(tmp_path, caplog, higher, before, epochs, worse):
    best = BestModel(None, lambda: {"score": before}, "score", higher, tmp_path / "best.keras")
    best.begin_with("begun.keras")
    best.replay([{"score": score} for score in epochs])
    with caplog.at_level(logging.WARNING, "headpose"):
        best.compare_with_start()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == worse
    if worse:
        chosen = max(epochs) if higher else min(epochs)
        assert (
            f"no epoch was better than begun.keras on the validation data: score {before}"
            in (told[0])
        )
        assert f"{chosen} in the best epoch" in told[0]


def test_training_from_scratch_measures_nothing_before(tmp_path, caplog):
    def measure():
        raise AssertionError("measured")

    best = BestModel(None, measure, "score", False, tmp_path / "best.keras")
    best.begin_with(None)
    best.replay([{"score": 3.0}])
    best.compare_with_start()
    assert not caplog.records
