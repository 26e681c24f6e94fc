"""The loop that trains networks, or goes on with it."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
from headpose.training.run_folder import LOG, saved_epochs
from headpose.training.run_log import check_log, write_log
from headpose.training.schedule import Schedule

# Over which the statistics of batch normalization are measured for averaged weights. Epochs
# shorter than that go on with the running ones: fewer and small batches tell too little.
STATISTICS_BATCHES = 20


@dataclasses.dataclass(frozen=True)
class Batches:
    """Batches of examples without end, made ahead on threads.

    Attributes:
        examples: Has `batch(number, count)`.
        count: Examples a batch.
        workers: Threads.
    """

    examples: Any
    count: int
    workers: int

    def since(self, first: int) -> Iterator:
        """Yields the batches from number `first` on."""
        numbers = itertools.count(first)
        yield from ahead(lambda n: self.examples.batch(n, self.count), numbers, self.workers)


def fit(
    model: keras.Model,
    batches: Batches,
    schedule: Schedule,
    best: BestModel,
    folder: Path,
    earlier: list[dict],
    on_epoch: Callable[[int, dict[str, float]], bool] | None = None,
) -> None:
    """Trains a compiled model, or goes on with it.

    Args:
        model: Compiled with `headpose.training.schedule.optimizer`.
        batches: What it learns from.
        schedule: See there.
        best: Measures each epoch; training stops when its score no longer improves.
        folder: Where log and checkpoint go.
        earlier: The log's rows so far.
        on_epoch: Told each epoch's number and log; stops training where it returns True.

    Raises:
        HeadposeError: If log and checkpoint are not of the same run.
    """
    check_log(folder / LOG, earlier, saved_epochs(folder), best.score)
    patience = Patience(best.score, best.higher, schedule)
    if _finished(earlier, patience, schedule):
        best.replay(earlier)
        return
    earlier = earlier[: saved_epochs(folder)]
    write_log(folder / LOG, earlier)
    best.replay(earlier)
    patience.replay(earlier)

    def for_statistics(epoch: int) -> Iterator:
        if schedule.steps < STATISTICS_BATCHES:
            return iter(())
        return itertools.islice(batches.since((epoch + 1) * schedule.steps), STATISTICS_BATCHES)

    swap = [SwapAverage(for_statistics)] if schedule.average else []
    model.fit(
        batches.since(len(earlier) * schedule.steps),
        initial_epoch=len(earlier),
        epochs=schedule.epochs,
        steps_per_epoch=schedule.steps,
        callbacks=[
            *swap,
            Checkpoint(folder / "checkpoint"),
            best,
            patience,
            EpochLog(folder / LOG, earlier),
            *([MetricsLogger(on_epoch)] if on_epoch else []),
        ],
        shuffle=False,
        verbose=2 if shows_announcements() else 0,  # Keras prints a line an epoch
    )


def _finished(earlier: list[dict], patience: Patience, schedule: Schedule) -> bool:
    trial = Patience(patience.score, patience.higher, schedule)
    trial.replay(earlier)
    return len(earlier) >= schedule.epochs or trial.exhausted
