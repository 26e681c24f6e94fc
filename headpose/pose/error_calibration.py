"""An expected error that can be trusted: a layer that corrects it.

A network that learns its expected error from the heads that it learned the angles from
expects too little of others. So a small layer learns it anew, from heads that were held
out of all that, after the angles are done. It reads what the network answered to the crop
and to its mirror image, and above all how far the two answers are apart: they should be
mirror images, and where the network guesses they are not. Of a network that is asked once
it has the one answer. How it is learned is in `headpose.training.error_fitting`.
"""

import keras
from keras import layers, ops

from headpose.pose.rotation import (
    MIRROR_SIGNS,
    RAW_SCALE,
    MeanWithMirror,
    angles_layer,
    degrees_layer,
    portable_columns,
)

FEATURES = 11


@keras.saving.register_keras_serializable("headpose")
class ErrorCalibration(layers.Layer):
    """Corrects the expected error, the last of raw outputs (B, 7), by a small network.

    Called with the raw outputs for crops and for their mirror images and with the mean of
    both as `MeanWithMirror` gives it, or with the raw outputs for crops alone; returns the
    first with its last number corrected. A new layer corrects nothing. If both are given,
    mirrored crops get the same expected error.

    Args:
        units: Of its hidden layer.
    """

    def __init__(self, units: int = 16, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, *shapes):
        self.centre = self.add_weight(
            shape=(FEATURES,), initializer="zeros", trainable=False, name="centre"
        )
        self.scale = self.add_weight(
            shape=(FEATURES,), initializer="ones", trainable=False, name="scale"
        )
        self.first = self.add_weight(
            shape=(FEATURES, self.units), initializer="glorot_uniform", name="first"
        )
        self.first_bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.last = self.add_weight(shape=(self.units, 1), initializer="zeros", name="last")
        self.last_bias = self.add_weight(shape=(1,), initializer="zeros", name="last_bias")

    def call(self, mean, raw=None, mirrored=None):
        mean = ops.cast(mean, "float32")
        x = (self.features(mean, raw, mirrored) - self.centre) * self.scale
        x = ops.tanh(ops.matmul(x, self.first) + self.first_bias)
        more = ops.matmul(x, self.last) + self.last_bias
        return ops.concatenate([mean[:, :6], mean[:, 6:7] + more], axis=-1)

    def features(self, mean, raw=None, mirrored=None):
        """Returns what the correction is made of (B, `FEATURES`), the same for mirror images."""
        if raw is None:
            x, y, z = portable_columns(mean)
            apart = turn = more = mean[:, 6:7] - mean[:, 6:7]  # OpenCV knows no other zeros
        else:
            raw, mirrored = (ops.cast(r, "float32") for r in (raw, mirrored))
            mirrored = mirrored * ops.convert_to_tensor(MIRROR_SIGNS)
            x, y, z = portable_columns(mean)
            pairs = zip(portable_columns(raw), portable_columns(mirrored), strict=True)
            apart = ops.concatenate([a - b for a, b in pairs], axis=-1)  # (B, 9)
            turn = ops.sum(ops.square(apart[:, 6:]), axis=-1, keepdims=True)
            apart = ops.sum(ops.square(apart), axis=-1, keepdims=True)
            more = ops.abs(raw[:, 6:7] - mirrored[:, 6:7])
        between = ops.sqrt(apart + 1e-6)
        # Averaging answers that differ makes the numbers behind a column smaller.
        length = _norm(RAW_SCALE * mean[:, :3] + ops.convert_to_tensor([1.0, 0.0, 0.0]))
        height = _norm(RAW_SCALE * mean[:, 3:6] + ops.convert_to_tensor([0.0, 1.0, 0.0]))
        return ops.concatenate(
            [
                mean[:, 6:7],
                more,
                ops.log(between),
                ops.log(ops.sqrt(turn + 1e-6)),
                ops.log(length),
                ops.log(height),
                ops.abs(z[:, 0:1]),
                z[:, 1:2],
                z[:, 2:3],
                ops.abs(x[:, 1:2]),
                y[:, 1:2],
            ],
            axis=-1,
        )

    def multiply_adds(self):
        """Counts the products of its two matrices, which are used once a crop."""
        return FEATURES * self.units + self.units

    def compute_output_shape(self, mean_shape, raw_shape=None, mirrored_shape=None):
        return mean_shape

    def get_config(self):
        return super().get_config() | {"units": self.units}


def _norm(vectors):
    return ops.sqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True) + 1e-6)


def with_calibration(model: keras.Model) -> keras.Model:
    """Returns a rotation estimator with an `ErrorCalibration`.

    Weights are shared with `model`, which may be one of `rotation.averaged_with_mirror`; the
    new layer corrects nothing yet.
    """
    means = [layer for layer in model.layers if isinstance(layer, MeanWithMirror)]
    last = angles_layer(model)
    given = [means[0].output, *means[0].input] if means else [last.input]
    x = ErrorCalibration(name="calibration", dtype="float32")(*given)
    return keras.Model(model.input, degrees_layer(last.profile_turn)(x), name=model.name)
