import logging

import keras
import pytest

from headpose.errors import HeadposeError
from headpose.training.callbacks import BestModel, Checkpoint


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
    with caplog.at_level(logging.INFO, "headpose"):
        best.begin_with("begun.keras")
        best.replay([{"score": score} for score in epochs])
        best.compare_with_start()
    first, *told = [record.getMessage() for record in caplog.records]
    assert first == f"begun.keras: score {before} before training"
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


@pytest.mark.parametrize(
    ("scores", "kept"),
    [
        ([3.0, 2.0, 2.5], [0, 1]),
        # Where nothing can be measured, an earlier run's file is not taken for this one's.
        ([float("nan"), float("nan")], [0]),
        ([float("nan"), 2.0, 3.0], [0, 1]),
    ],
)
def test_the_first_epoch_is_kept_and_then_what_is_better(monkeypatch, tmp_path, scores, kept):
    saved, epochs = [], iter(scores)
    monkeypatch.setattr("headpose.training.callbacks.save_model", lambda *given: saved.append(at))
    best = BestModel(None, lambda: {"score": next(epochs)}, "score", False, tmp_path / "b.keras")
    for at in range(len(scores)):
        best.on_epoch_end(at, {})
    assert saved == kept


def test_a_damaged_state_is_told(tmp_path):
    state = tmp_path / "epoch-00001.weights.h5"
    state.write_bytes(b"no weights")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    checkpoint = Checkpoint(tmp_path)
    checkpoint.set_model(model)
    with pytest.raises(HeadposeError, match=r"epoch-00001.weights.h5: no state of this run"):
        checkpoint.on_train_begin()
