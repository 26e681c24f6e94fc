"""Statistics of batch normalization: measured anew for averaged weights, put back for training."""

import itertools

import keras
import numpy as np
import pytest

from headpose.training.callbacks import SwapAverage, renew_statistics
from headpose.training.schedule import Schedule, optimizer

RNG = np.random.default_rng(0)


def network(frozen=False):
    inputs = keras.Input((4,))
    x = keras.layers.Dense(3, name="dense")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    model = keras.Model(inputs, keras.layers.Dense(1, name="answer")(x))
    model.get_layer("norm").trainable = not frozen
    return model


def statistic(model):
    return keras.ops.convert_to_numpy(model.get_layer("norm").moving_mean).copy()


def batches(count, size=32):
    return [(RNG.normal(1, 2, (size, 4)).astype("float32"),) for _ in range(count)]


def normalized(model, inputs):
    """What batch normalization gets, computed without Keras."""
    kernel, bias = model.get_layer("dense").get_weights()
    return inputs @ kernel + bias


def test_statistics_are_those_of_all_batches_together():
    model, given = network(), batches(5)
    norm = model.get_layer("norm")
    norm.moving_mean.assign([7.0, 8.0, 9.0])
    ((mean, variance),) = renew_statistics(model, given)
    assert np.allclose(mean, [7, 8, 9]) and np.allclose(variance, 1)
    seen = [normalized(model, inputs) for (inputs,) in given]
    assert np.allclose(norm.moving_mean, np.concatenate(seen).mean(0), atol=1e-5)
    assert np.allclose(norm.moving_variance, np.concatenate(seen).var(0), rtol=1e-4)
    assert norm.momentum == pytest.approx(0.99)


def test_without_batches_they_stay():
    model = network()
    model.get_layer("norm").moving_mean.assign([7.0, 8.0, 9.0])
    renew_statistics(model, [])
    assert np.allclose(statistic(model), [7, 8, 9])
    assert np.allclose(model.get_layer("norm").moving_variance, 1)


def test_frozen_layers_keep_theirs():
    model = network(frozen=True)
    assert renew_statistics(model, batches(2)) == []
    assert np.allclose(model.get_layer("norm").moving_mean, 0)


def test_averaged_weights_are_kept_with_their_own_statistics():
    model, given = network(), batches(6)
    model.compile(optimizer(Schedule(2, 3, 0.05, average=0.9)), loss="mse")
    between = []

    class Between(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            between.append(statistic(model))

    seen = []

    def for_statistics(epoch):
        seen.append(statistic(model))
        return given

    endless = ((x, np.ones((len(x), 1))) for (x,) in itertools.cycle(given))
    callbacks = [SwapAverage(for_statistics), Between()]
    model.fit(endless, epochs=2, steps_per_epoch=3, callbacks=callbacks, verbose=0)
    # The second epoch began with what the first one's training had left.
    assert np.allclose(between[1], seen[0]) and not np.allclose(between[1], between[0])
    means = [normalized(model, x).mean(0) for (x,) in given]
    assert np.allclose(model.get_layer("norm").moving_mean, np.mean(means, 0), atol=1e-5)
