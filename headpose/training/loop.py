"""The loop that trains networks, or goes on with it."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import keras

from headpose.parallel.prefetch import ahead
from headpose.reporting import shows_announcements
from headpose.training.callbacks import (
    BestModel,
    Checkpoint,
    EpochLog,
    MetricsLogger,
    Patience,
    SwapAverage,
)
from headpose.training.run_folder import check_log, saved_epochs, write_log
from headpose.training.schedule import Schedule

# Over which the statistics of batch normalization are measured for averaged weights. Epochs
# shorter than that go on with the running ones: fewer and small batches tell too little.
STATISTICS_BATCHES = 20


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
        model: Compiled with `headpose.training.schedule.optimizer`.
        batches: From a batch's number, all batches from there on.
        schedule: See there.
        best, patience: Callbacks.
        folder: Where log and checkpoint go.
        earlier: The log's rows so far.
        on_epoch: Told each epoch's number and log; stops training where it returns True.

    Raises:
        HeadposeError: If log and checkpoint are not of the same run.
    """
    check_log(folder, earlier, patience.score)
    if _finished(earlier, patience, schedule):
        best.replay(earlier)
        return
    earlier = earlier[: saved_epochs(folder)]
    write_log(folder / "log.csv", earlier)
    best.replay(earlier)
    patience.replay(earlier)

    def for_statistics(epoch: int) -> Iterator:
        if schedule.steps < STATISTICS_BATCHES:
            return iter(())
        return itertools.islice(batches((epoch + 1) * schedule.steps), STATISTICS_BATCHES)

    swap = [SwapAverage(for_statistics)] if schedule.average else []
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
            EpochLog(folder / "log.csv", earlier),
            *([MetricsLogger(on_epoch)] if on_epoch else []),
        ],
        shuffle=False,
        verbose=2 if shows_announcements() else 0,  # Keras prints a line an epoch
    )


def _finished(earlier: list[dict], patience: Patience, schedule: Schedule) -> bool:
    trial = Patience(patience.score, patience.higher, schedule)
    trial.replay(earlier)
    return len(earlier) >= schedule.epochs or trial.exhausted
