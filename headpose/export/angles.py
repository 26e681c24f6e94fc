"""The angles of exported estimators; those that ask themselves twice are rebuilt to ask once.

A program needs some microseconds for each operation of a network, however small it is, and
computes two crops at once faster than one after another. Here the network is in the graph
once, with twice the crops, and the columns of the rotations that follow from its answers and
from their mean are computed together.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from headpose.models.specs import ERROR_SCALE, MIN_ERROR, RAW_SCALE
from headpose.pose.error_calibration import ErrorCalibration
from headpose.pose.rotation import (
    DIFFERENCE,
    MIRROR_SIGNS,
    TURNED,
    TURNED_BACK,
    HeadAngles,
    MeanWithMirror,
    asked_once,
    crop_layer,
    expected_error,
    portable_columns,
)


class PortableAngles(HeadAngles):
    """`HeadAngles` by one arc tangent for all angles, without what few runtimes know.

    A program that knows no arc tangent of two numbers needs some twenty operations for one,
    however many angles it is of.
    """

    def call(self, raw):
        raw = ops.cast(raw, "float32")
        return ops.concatenate([_degrees(*portable_columns(raw)), expected_error(raw)[:, None]], 1)

    def compute_output_spec(self, raw):
        return keras.KerasTensor((raw.shape[0], 6), "float32")


def _degrees(x, y, z):
    """Returns tilt, pan, roll, azimuth and elevation (…, 5) of a rotation's columns (…, 3)."""
    z0, z1, z2 = ops.split(z, 3, axis=-1)
    # asin(s) = atan2(s, sqrt(1 - s^2)); the nose of a head turned away points to z2 < 0,
    # and its pan is that of its mirror image behind the picture.
    cosines = ops.sqrt(ops.maximum(1.0 - ops.square(z), 0.0))
    cosine, level, _ = ops.split(cosines, 3, axis=-1)
    side = 1.0 - 2.0 * ops.cast(z2 < 0, "float32")
    turned = side * ops.concatenate([z1, y[..., 0:1], z2, cosine, x[..., 0:1]], axis=-1)
    up, lean, front, flat, upright = ops.split(turned, 5, axis=-1)
    left = 0.0 - z0
    rises = ops.concatenate([up, left, lean, left, z1], axis=-1)
    runs = ops.concatenate([front, flat, upright, z2, level], axis=-1)
    return ops.arctan2(rises, runs) * (180 / math.pi)


class WithMirrorImages(layers.Layer):
    """Crops (B, H, W, C), each followed by its mirror image: (2 B, H, W, C)."""

    def call(self, crops):
        columns = np.arange(crops.shape[2] - 1, -1, -1, dtype=np.int32)
        below = ops.concatenate([crops, ops.take(crops, columns, axis=2)], axis=1)
        return ops.reshape(below, (-1, *crops.shape[1:]))

    def compute_output_spec(self, crops):
        return keras.KerasTensor((None, *crops.shape[1:]), crops.dtype)


class MirroredAngles(layers.Layer):
    """Degrees (B, 6) of raw outputs (2 B, 7) for crops, each followed by its mirror image.

    It computes what `MeanWithMirror`, `ErrorCalibration` (if there is one) and `HeadAngles` do,
    with as few operations as there can be: what is computed of the two answers and of their
    mean is computed at once, and sums and choices of numbers are products of matrices.

    Args:
        calibration: Whose weights are taken; None leaves the expected error as it is.
    """

    def __init__(self, calibration: ErrorCalibration | None, **kwargs):
        super().__init__(**kwargs)
        self._calibration = None if calibration is None else _weights(calibration)

    def call(self, raw):
        pair = ops.reshape(ops.cast(raw, "float32"), (-1, 2 * 7))
        told = ops.reshape(ops.matmul(pair, MEAN_AND_BOTH) + np.tile(FRONT, 3), (-1, 7))
        long, error = ops.split(told, [6], axis=-1)
        rows = ops.concatenate([*_columns(long), long, error], axis=-1)
        rows = ops.reshape(rows, (-1, 3 * ROW))
        x, y, z, _, error, _ = ops.split(rows, [3, 6, 9, ROW - 1, ROW], axis=-1)
        if self._calibration is not None:
            first, first_bias, last, last_bias = self._calibration
            both = ops.matmul(rows, MEAN_AND_APART)
            logs = ops.log(ops.matmul(ops.square(both), SQUARES) + SMALL)
            features = ops.concatenate([logs, ops.abs(ops.matmul(both, SIZES)), both], axis=-1)
            hidden = ops.tanh(ops.matmul(features, first) + first_bias)
            error += ops.matmul(hidden, last) + last_bias
        error = MIN_ERROR + ERROR_SCALE * ops.softplus(error)
        return ops.concatenate([_degrees(x, y, z), error], axis=-1)

    def compute_output_spec(self, raw):
        return keras.KerasTensor((None, 6), "float32")


def _columns(long):
    """Does what `headpose.pose.rotation.portable_columns` does of its two columns (B, 6)."""
    x, y = ops.split(long, 2, axis=-1)
    x = _unit(x)
    y = _unit(y - ops.sum(x * y, axis=-1, keepdims=True) * x)
    products = ops.matmul(x, TURNED) * ops.matmul(y, TURNED_BACK)
    return x, y, ops.matmul(products, DIFFERENCE)


def _unit(vectors):
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors / ops.sqrt(ops.maximum(squares, 1e-8))


def _sums(size: int, *sums) -> np.ndarray:
    """Returns the matrix by which each of `sums` is the sum of so many of `size` numbers."""
    picked = [np.isin(np.arange(size), list(of)) for of in sums]
    return np.stack(picked, axis=1).astype(np.float32)


# Of seven raw outputs the first six are scaled and added to the frontal head, see `rotation`.
FRONT = np.array([1, 0, 0, 0, 1, 0, 0], np.float32)
_SCALED = np.diag([RAW_SCALE] * 6 + [1.0])
_MIRRORED = np.diag(MIRROR_SIGNS) @ _SCALED
# From raw outputs for a crop and its mirror image to the mean of both, and both.
MEAN_AND_BOTH = np.block(
    [[_SCALED / 2, _SCALED, 0 * _SCALED], [_MIRRORED / 2, 0 * _SCALED, _MIRRORED]]
).astype(np.float32)
ROW = 16  # three columns of a rotation, the two that they were made of, the raw error
# From the rows of mean and both to the mean's, and how far the two are apart.
_ROW = np.eye(ROW)
MEAN_AND_APART = np.block([[_ROW, 0 * _ROW], [0 * _ROW, _ROW], [0 * _ROW, -_ROW]]).astype(
    np.float32
)
# Sums of squares: how far rotations are apart, and noses; the mean's two columns' lengths.
SQUARES = _sums(2 * ROW, range(ROW, ROW + 9), range(ROW + 6, ROW + 9), (9, 10, 11), (12, 13, 14))
# What counts without its sign: z0 and x1 of the mean, and how far the errors are apart.
SIZES = _sums(2 * ROW, (6,), (1,), (2 * ROW - 1,))
SMALL = 1e-6  # as `ErrorCalibration` adds it before roots and logarithms


def _weights(calibration: ErrorCalibration) -> list[np.ndarray]:
    """Returns the weights of a calibration's two layers, for features as `MirroredAngles` has.

    These are four logarithms of squares, three sizes, and rows of the mean and of differences,
    of which four numbers count. Centre and scale are in the first layer.
    """
    weights = (calibration.centre, calibration.scale, calibration.first, calibration.first_bias)
    centre, scale, first, bias, last, last_bias = (
        np.asarray(ops.convert_to_numpy(weight), np.float64)
        for weight in (*weights, calibration.last, calibration.last_bias)
    )
    scaled = first * scale[:, None]
    placed = np.zeros((7 + 2 * ROW, first.shape[1]))
    placed[:7] = scaled[[2, 3, 4, 5, 6, 9, 1]]
    placed[:4] /= 2  # of a square the logarithm is twice as large
    placed[[7 + 7, 7 + 8, 7 + 4, 7 + ROW - 1]] = scaled[[7, 8, 10, 0]]
    return [part.astype(np.float32) for part in (placed, bias - centre @ scaled, last, last_bias)]


def asked_together(model: keras.Model) -> keras.Model:
    """Returns an estimator that asks itself twice as one that does so at once.

    Weights are shared; other networks stay as they are.
    """
    if not any(isinstance(layer, MeanWithMirror) for layer in model.layers):
        return model
    crop, network = crop_layer(model), asked_once(model)
    learned = next((layer for layer in model.layers if isinstance(layer, ErrorCalibration)), None)
    crops = keras.Input(model.input_shape[1:], name=model.inputs[0].name)
    x = type(crop).from_config(crop.get_config())(crops)
    raw = network(WithMirrorImages(name="with_mirror_images")(x))
    degrees = MirroredAngles(learned, name="degrees", dtype="float32")(raw)
    return keras.Model(crops, degrees, name=model.name)
