import logging
import subprocess
import sys

import keras
import numpy as np
import pytest

from headpose.errors import HeadposeError
from headpose.models.keras_files import weights_as_bytes
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


FULL = """
import resource, signal, sys
from pathlib import Path
import keras
from headpose.errors import HeadposeError
from headpose.training.callbacks import Checkpoint

model = keras.Sequential([keras.Input((90,)), keras.layers.Dense(90)])
model.compile("sgd", "mse")
checkpoint = Checkpoint(Path(sys.argv[1]))
checkpoint.set_model(model)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    checkpoint.on_epoch_begin(1)
except HeadposeError as error:
    print(error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of Linux")
def test_a_state_that_finds_no_room_is_told(tmp_path):
    """HDF5 could not close its file then, and the process ended with a segmentation fault."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"cannot write {tmp_path}/epoch-00001.weights.h5: file too large; make room or choose "
        "another place\n"
    )
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_weights_in_memory_are_those_of_a_file(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    (tmp_path / "a.weights.h5").write_bytes(weights_as_bytes(model))
    before = [np.array(variable) for variable in model.variables]
    model.set_weights([0 * weight for weight in model.get_weights()])
    model.load_weights(tmp_path / "a.weights.h5")
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, np.array(new))
