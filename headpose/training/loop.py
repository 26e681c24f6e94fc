"""The loop that trains networks: optimizer, log, checkpoints, early stopping, resuming."""

import csv
import dataclasses
import itertools
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from headpose.errors import HeadposeError
from headpose.files import atomic_write
from headpose.models.keras_files import save_model
from headpose.parallel.prefetch import ahead

PAUSE = 5  # epochs without gain before the rate is halved, where patience has no end


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    Attributes:
        epochs: At most so many.
        steps: Batches an epoch.
        learning_rate: Largest, reached after a warm-up.
        weight_decay: Of AdamW.
        kind: `cosine` falls to 0 over all epochs; `plateau` halves the rate when the
            score has not improved for half of `patience` epochs (5, if that has no end).
        patience: Epochs without improvement after which training stops; 0 never stops.
        average: Momentum of the running mean of the weights that is measured and kept;
            0 keeps the weights themselves.
    """

    epochs: int
    steps: int
    learning_rate: float
    weight_decay: float = 1e-4
    kind: str = "cosine"
    patience: int = 0
    average: float = 0.998


def optimizer(schedule: Schedule) -> keras.optimizers.Optimizer:
    """Builds AdamW as the schedule says, with gradients clipped to a norm of 5."""
    rate: float | keras.optimizers.schedules.LearningRateSchedule = schedule.learning_rate
    if schedule.kind == "cosine":
        total = schedule.epochs * schedule.steps
        warm_up = min(300, max(1, total // 10))
        rate = keras.optimizers.schedules.CosineDecay(
            schedule.learning_rate * 0.02,
            max(1, total - warm_up),
            warmup_target=schedule.learning_rate,
            warmup_steps=warm_up,
        )
    return keras.optimizers.AdamW(
        rate,
        weight_decay=schedule.weight_decay,
        clipnorm=5.0,
        use_ema=schedule.average > 0,
        ema_momentum=schedule.average or 0.99,
    )


class BestModel(keras.callbacks.Callback):
    """Measures after each epoch and keeps the best model.

    Args:
        model_to_keep: What is saved; shares weights with the model in training.
        measure: Returns figures for the log.
        score: The figure to watch.
        higher: Whether more of it is better.
        path: File for the best model so far.
    """

    def __init__(
        self,
        model_to_keep: keras.Model,
        measure: Callable[[], dict[str, float]],
        score: str,
        higher: bool,
        path: Path,
    ):
        super().__init__()
        self._keep, self._measure = model_to_keep, measure
        self._score, self._sign, self._path = score, 1 if higher else -1, path
        self._best = -float("inf")

    def replay(self, rows: Iterable[dict]) -> None:
        """Takes up the best score of the epochs that a log tells of."""
        self._best = max([self._best, *(self._sign * float(r[self._score]) for r in rows)])

    def on_epoch_end(self, epoch, logs=None):
        logs.update(self._measure())
        value = self._sign * logs[self._score]
        if value > self._best:
            self._best = value
            save_model(self._keep, self._path)


class Patience(keras.callbacks.Callback):
    """Halves the learning rate and stops when a figure no longer improves.

    Args:
        score: The figure to watch.
        higher: Whether more of it is better.
        schedule: `patience` and `kind`.
    """

    def __init__(self, score: str, higher: bool, schedule: Schedule):
        super().__init__()
        self.score, self.higher = score, higher
        self._schedule = schedule
        self._best, self._waited = -float("inf"), 0

    @property
    def exhausted(self) -> bool:
        """Whether training should stop."""
        return 0 < self._schedule.patience <= self._waited

    def _note(self, value: float) -> None:
        value = value if self.higher else -value
        self._waited = 0 if value > self._best else self._waited + 1
        self._best = max(self._best, value)

    def replay(self, rows: Iterable[dict]) -> None:
        """Takes up the state that the epochs of a log lead to; the rate is in the checkpoint."""
        for row in rows:
            self._note(float(row[self.score]))

    def on_epoch_end(self, epoch, logs=None):
        self._note(logs[self.score])
        pause = self._schedule.patience // 2 or PAUSE
        if self._schedule.kind == "plateau" and self._waited and self._waited % pause == 0:
            self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) / 2
        if self.exhausted:
            self.model.stop_training = True


class SwapAverage(keras.callbacks.SwapEMAWeights):
    """Has the running mean of the weights measured and kept instead of the weights.

    At the end Keras' own callback lets weights and means share arrays, which JAX deletes
    when the model is called.
    """

    def __init__(self):
        super().__init__(swap_on_epoch=True)

    def _backend_finalize_ema_values(self, optimizer):
        pairs = zip(
            optimizer._model_variables_moving_average, optimizer._trainable_variables, strict=True
        )
        for mean, weight in pairs:
            mean.assign(keras.ops.copy(weight))


class MetricsLogger(keras.callbacks.Callback):
    """Tells somebody each epoch's log, who may stop training by returning True."""

    def __init__(self, on_epoch: Callable[[int, dict[str, float]], bool]):
        super().__init__()
        self._on_epoch = on_epoch

    def on_epoch_end(self, epoch, logs=None):
        if self._on_epoch(epoch, dict(logs)):
            self.model.stop_training = True


class Checkpoint(keras.callbacks.Callback):
    """Saves the state of training when an epoch begins, and takes it up again.

    By then the epoch before is in the log, and the running mean of the weights has left
    the model again: log and checkpoint never disagree by more than the log's last row.
    Each state is one file, moved into place when it is whole.

    Args:
        folder: Where states go; the newest one is kept.
    """

    def __init__(self, folder: Path):
        super().__init__()
        self._folder = folder

    def on_train_begin(self, logs=None):
        state = newest_state(self._folder)
        if state:
            self.model.optimizer.build(self.model.trainable_variables)
            self.model.load_weights(state)

    def on_epoch_begin(self, epoch, logs=None):
        if epoch:
            older = newest_state(self._folder)
            path = self._folder / f"epoch-{epoch:05d}.weights.h5"
            with atomic_write(path) as temporary:
                self.model.save_weights(temporary)
            if older and older != path:
                older.unlink()
        # The counters of dropout are not part of the weights: each epoch starts its own.
        for variable in self.model.variables:
            if variable.path.endswith("seed_generator_state"):
                seed = int(keras.ops.convert_to_numpy(variable)[0])
                variable.assign(np.array([seed, epoch << 16], "uint32"))


def newest_state(folder: Path) -> Path | None:
    """Returns the newest state in a folder of checkpoints."""
    return max(folder.glob("epoch-*.weights.h5"), default=None)


def saved_epochs(folder: Path) -> int:
    """Returns how many epochs the checkpoint of a run has behind it."""
    state = newest_state(folder / "checkpoint")
    return int(state.name.split("-")[1].split(".")[0]) if state else 0


def open_run(
    folder: Path, settings: dict[str, Any], resume: bool, overwrite: bool
) -> list[dict[str, Any]]:
    """Prepares a run's folder and returns the log's rows of an earlier part of it.

    Args:
        folder: Of the run.
        settings: All that its result depends on.
        resume: Whether to go on with what is there.
        overwrite: Whether to start anew where there is something.

    Raises:
        HeadposeError: If the folder has results and neither resuming nor overwriting was
            asked for, or if it belongs to a run with other settings.
    """
    log, notes = folder / "log.csv", folder / "arguments.json"
    told = {k: str(v) for k, v in settings.items()}
    if log.exists() and not (resume or overwrite):
        raise HeadposeError(f"{folder} has results; use --resume, --overwrite or another --output")
    rows: list[dict] = []
    if resume and log.exists():
        before = json.loads(notes.read_text()) if notes.exists() else told
        changed = [k for k in told if before.get(k) != told[k]]
        if changed:
            raise HeadposeError(
                f"{folder} was run with other values of {', '.join(changed)}; give the same"
            )
        with log.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        folder.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
        notes.write_text(json.dumps(told, indent=2) + "\n")
    return rows


def batches(examples, first: int, count: int, workers: int) -> Iterator:
    """Yields batches of examples without end from number `first` on, made ahead on threads.

    Args:
        examples: Has `batch(number, count)`.
        first: Number of the first batch.
        count: Examples a batch.
        workers: Threads.
    """
    yield from ahead(lambda step: examples.batch(step, count), itertools.count(first), workers)


def fit(
    model: keras.Model,
    batches: Callable[[int], Iterable],
    schedule: Schedule,
    best: BestModel,
    patience: Patience,
    folder: Path,
    earlier: list[dict],
    on_epoch: Callable[[int, dict[str, float]], bool] | None = None,
) -> None:
    """Trains a compiled model, or goes on with it.

    Args:
        model: Compiled with `optimizer`.
        batches: From a batch's number, all batches from there on.
        schedule: See there.
        best, patience: Callbacks.
        folder: Where log and checkpoint go.
        earlier: The log's rows so far.
        on_epoch: Told each epoch's number and log; stops training where it returns True.
    """
    if _finished(earlier, patience, schedule):
        return
    earlier = earlier[: saved_epochs(folder)]
    _write_log(folder / "log.csv", earlier)
    best.replay(earlier)
    patience.replay(earlier)
    swap = [SwapAverage()] if schedule.average else []
    model.fit(
        batches(len(earlier) * schedule.steps),
        initial_epoch=len(earlier),
        epochs=schedule.epochs,
        steps_per_epoch=schedule.steps,
        callbacks=[
            *swap,
            Checkpoint(folder / "checkpoint"),
            best,
            patience,
            keras.callbacks.CSVLogger(folder / "log.csv", append=bool(earlier)),
            *([MetricsLogger(on_epoch)] if on_epoch else []),
        ],
        shuffle=False,
        verbose=2,
    )


def _finished(earlier: list[dict], patience: Patience, schedule: Schedule) -> bool:
    trial = Patience(patience.score, patience.higher, schedule)
    trial.replay(earlier)
    return len(earlier) >= schedule.epochs or trial.exhausted


def _write_log(path: Path, rows: list[dict]) -> None:
    """Leaves only these rows in a log."""
    if rows:
        with (
            atomic_write(path) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.unlink(missing_ok=True)
