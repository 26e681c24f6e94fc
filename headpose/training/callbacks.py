"""What happens after each epoch: measuring, keeping the best model, stopping, checkpoints."""

from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np

from headpose.errors import HeadposeError, first_line
from headpose.files import atomic_write
from headpose.models.keras_files import save_model, weights_as_bytes
from headpose.reporting import logger
from headpose.training.run_folder import newest_state
from headpose.training.run_log import write_log
from headpose.training.schedule import Schedule

PAUSE = 5  # epochs without gain before the rate is halved, where patience has no end


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
        self.score, self.higher = score, higher
        self._sign, self._path = 1 if higher else -1, path
        self._best = -float("inf")
        self._start: tuple[str | Path, float] | None = None
        self._has_kept = False

    def begin_with(self, start: str | Path | None) -> None:
        """Measures a model before training, if it has the weights of a file, `start`."""
        if start is not None:
            before = self._measure()[self.score]
            logger.info("%s: %s %.3g before training", start, self.score, before)
            self._start = start, self._sign * before

    def compare_with_start(self) -> None:
        """Warns where no epoch was better than what training began with."""
        if self._start is None or not self._best < self._start[1]:
            return
        start, before = self._start
        logger.warning(
            "no epoch was better than %s on the validation data: %s %.3g before, %.3g in the best "
            "epoch; keep that file, or try a smaller --learning-rate or more data",
            start,
            self.score,
            self._sign * before,
            self._sign * self._best,
        )

    def replay(self, rows: Iterable[dict]) -> None:
        """Takes up the best score of the epochs that a log tells of."""
        rows = list(rows)
        self._has_kept = bool(rows)
        self._best = max([self._best, *(self._sign * float(r[self.score]) for r in rows)])

    def on_epoch_end(self, epoch, logs=None):
        logs.update(self._measure())
        value = self._sign * logs[self.score]
        # The first is kept whatever its score: NaN, say, where nothing can be measured. Else
        # an earlier run's model would be taken for this one's.
        if value > self._best or not self._has_kept:
            self._best, self._has_kept = max(self._best, value), True
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

    The statistics of batch normalization are those of the weights, batch by batch; for
    their mean they are measured anew (Izmailov et al. 2018, "Averaging Weights Leads to
    Wider Optima and Better Generalization"), and put back before training goes on.

    At the end Keras' own callback lets weights and means share arrays, which JAX deletes
    when the model is called.

    Args:
        batches: From an epoch's number, batches whose first item are inputs as in training.
    """

    def __init__(self, batches: Callable[[int], Iterable]):
        super().__init__(swap_on_epoch=True)
        self._batches = batches
        self._own: list[list[np.ndarray]] = []

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        for layer, own in zip(learning_norms(self.model), self._own, strict=False):
            layer.moving_mean.assign(own[0])
            layer.moving_variance.assign(own[1])

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        self._own = renew_statistics(self.model, self._batches(epoch))

    def _backend_finalize_ema_values(self, optimizer):
        pairs = zip(
            optimizer._model_variables_moving_average, optimizer._trainable_variables, strict=True
        )
        for mean, weight in pairs:
            mean.assign(keras.ops.copy(weight))


def learning_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Returns a model's layers of batch normalization that aren't frozen."""
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]


def renew_statistics(model: keras.Model, batches: Iterable) -> list[list[np.ndarray]]:
    """Gives batch normalization the statistics of some batches, for the weights as they are.

    Without any batch it keeps those that it has.

    Returns:
        Mean and variance of each of `learning_norms`, as they were.
    """
    norms = learning_norms(model)
    if not norms:
        return []
    before, momenta = [_statistics(layer) for layer in norms], [n.momentum for n in norms]
    seen = []
    try:
        for layer in norms:
            layer.momentum = 0.0  # what a batch has becomes the statistics
        for inputs, *_ in batches:
            model(inputs, training=True)
            seen.append([_statistics(layer) for layer in norms])
    finally:
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
    for layer, each in zip(norms, zip(*seen, strict=True), strict=bool(seen)):
        means = np.array([mean for mean, _ in each])
        variances = np.array([variance for _, variance in each])
        layer.moving_mean.assign(means.mean(axis=0))
        # Of all batches as one: small batches alone vary too little.
        layer.moving_variance.assign(variances.mean(axis=0) + means.var(axis=0))
    return before


def _statistics(layer: keras.layers.BatchNormalization) -> list[np.ndarray]:
    variables = (layer.moving_mean, layer.moving_variance)
    return [keras.ops.convert_to_numpy(variable).copy() for variable in variables]


class MetricsLogger(keras.callbacks.Callback):
    """Tells somebody each epoch's log, who may stop training by returning True."""

    def __init__(self, on_epoch: Callable[[int, dict[str, float]], bool]):
        super().__init__()
        self._on_epoch = on_epoch

    def on_epoch_end(self, epoch, logs=None):
        if self._on_epoch(epoch, dict(logs)):
            self.model.stop_training = True


class EpochLog(keras.callbacks.Callback):
    """Writes each epoch's log by the names of its columns, whole or not at all.

    Keras's `CSVLogger` goes on under the columns of an earlier run, whatever their names are.

    Args:
        path: The CSV file.
        earlier: The rows that it has.
    """

    def __init__(self, path: Path, earlier: list[dict]):
        super().__init__()
        self._path, self._rows = path, list(earlier)

    def on_epoch_end(self, epoch, logs=None):
        self._rows.append({"epoch": epoch} | {k: float(v) for k, v in sorted(logs.items())})
        write_log(self._path, self._rows)


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
            try:
                self.model.load_weights(state)
            except Exception as error:  # whatever h5py and Keras make of it
                raise HeadposeError(
                    f"{state}: no state of this run, or a damaged one ({first_line(error)}); use "
                    "--overwrite or another --output"
                ) from error

    def on_epoch_begin(self, epoch, logs=None):
        if epoch:
            older = newest_state(self._folder)
            path = self._folder / f"epoch-{epoch:05d}.weights.h5"
            content = weights_as_bytes(self.model)
            with atomic_write(path) as temporary:
                temporary.write_bytes(content)
            if older and older != path:
                older.unlink()
        # The counters of dropout are not part of the weights: each epoch starts its own.
        for variable in self.model.variables:
            if variable.path.endswith("seed_generator_state"):
                seed = int(keras.ops.convert_to_numpy(variable)[0])
                variable.assign(np.array([seed, epoch << 16], "uint32"))
