"""The log of a training run, a row for each epoch."""

import csv

from headpose.training.callbacks import EpochLog


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_measures_are_written_under_their_own_names(tmp_path):
    """A folder may have been renamed before a run goes on: other names, in another order."""
    path = tmp_path / "log.csv"
    EpochLog(path, []).on_epoch_end(0, {"loss": 2.0, "b pan": 20.0, "c pan": 30.0})
    EpochLog(path, rows(path)).on_epoch_end(1, {"a/c pan": 31.0, "loss": 1.0, "b pan": 21.0})
    told = [{k: float(v) for k, v in row.items() if v} for row in rows(path)]
    assert told == [
        {"epoch": 0, "loss": 2.0, "b pan": 20.0, "c pan": 30.0},
        {"epoch": 1, "loss": 1.0, "b pan": 21.0, "a/c pan": 31.0},
    ]
