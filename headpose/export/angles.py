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
    angles_layer,
    asked_once,
    crop_layer,
    expected_error,
    portable_columns,
)


class PortableAngles(HeadAngles):
    """`HeadAngles` by one arc tangent for all angles, without what few runtimes know.

    Args:
        profile_turn: See `HeadAngles`.
        of_two: Whether the runtime knows the arc tangent of two numbers, and of one does not.
    """

    def __init__(self, profile_turn=0.0, of_two=False, **kwargs):
        super().__init__(profile_turn, **kwargs)
        self._of_two = of_two

    def call(self, raw):
        raw = ops.cast(raw, "float32")
        columns = ops.concatenate(portable_columns(raw), axis=-1)
        angles = _degrees(columns, self.profile_turn, self._of_two)
        return ops.concatenate([angles, expected_error(raw)[:, None]], 1)

    def compute_output_spec(self, raw):
        return keras.KerasTensor((raw.shape[0], 6), "float32")


def _degrees(rows, profile_turn, of_two):
    """Returns tilt, pan, roll, azimuth and elevation (B, 5) of rotations.

    Columns may have any length, as long as all have the same: of y, which a turn leaves as it
    is, the length is made that of the others.

    Args:
        rows: (B, 9 or more), which begin with a rotation's columns x, y and z.
        profile_turn: Degrees, see `HeadAngles`.
        of_two: See `PortableAngles`.
    """
    shown = SHOWN[:, :5]
    if profile_turn:
        tangents = np.repeat([1, math.tan(math.radians(profile_turn)), 1], (5, 5, 1))
        shown = (SHOWN * tangents).astype(np.float32)
    seen = ops.matmul(rows, np.pad(shown, ((0, rows.shape[-1] - 9), (0, 0))))
    if profile_turn:
        seen, across, side = ops.split(seen, [5, 10], axis=-1)
        seen += across * (side * side * side)
    lengths = ops.sqrt(ops.matmul(ops.square(seen), LENGTHS))
    # The nose of a head turned away points to z2 < 0, and its pan is that of its mirror image
    # behind the picture.
    behind = ops.cast(seen[:, 2:3] < 0, "float32")
    signs = ops.matmul(behind, -2 * BEHIND) + np.ones(10, np.float32)
    if profile_turn:
        signs *= ops.matmul(lengths, LENGTHENED) + (1 - LENGTHENED.sum(axis=0))
    ends = (ops.matmul(seen, ENDS) + SOME_END + ops.matmul(lengths, LENGTH_ENDS)) * signs
    rises, runs = ops.split(ends, 2, axis=-1)
    if of_two:
        return ops.arctan2(rises, runs) * (180 / math.pi)
    up, right = ops.split(ops.sign(ends), 2, axis=-1)
    # In units of a right angle.
    return (ops.arctan(rises / runs) * (2 / math.pi) + (up - up * right)) * 90.0


def _picked(size: int, *parts: tuple[int, float]) -> np.ndarray:
    """Returns the matrix that makes of `size` numbers these, each times a factor."""
    matrix = np.zeros((size, len(parts)), np.float32)
    for column, (part, factor) in enumerate(parts):
        matrix[part, column] = factor
    return matrix


# Of x (0 to 2), y (3 to 5) and z (6 to 8): z0, z1, z2, x0, y0; what a turn about y adds to
# them; z0.
SHOWN = _picked(
    9,
    *((6, 1), (7, 1), (8, 1), (0, 1), (3, 1)),
    *((0, 1), (1, 1), (2, 1), (6, -1), (0, 0)),
    (6, 1),
)
# From their squares to how long z is without z0, without z1, and itself.
LENGTHS = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0]], np.float32)
# Angles are arc tangents of rises over runs, here one after another: of tilt z1 over z2, of
# pan -z0 over z's length without z0, of roll y0 over x0, of azimuth -z0 over z2, of elevation
# z1 over z's length without z1. All of the first three but -z0 change their sign behind.
ENDS = _picked(
    5,
    *((1, 1), (0, -1), (4, 1), (0, -1), (1, 1)),
    *((2, 1), (0, 0), (3, 1), (2, 1), (0, 0)),
)
LENGTH_ENDS = np.zeros((3, 10), np.float32)
LENGTH_ENDS[0, 6] = LENGTH_ENDS[1, 9] = 1
# So that nothing is divided by 0, or has no sign.
SOME_END = np.repeat([1e-36, 1e-30], 5).astype(np.float32)
BEHIND = np.isin(np.arange(10), (0, 2, 5, 6, 7)).astype(np.float32)[None]
LENGTHENED = np.zeros((3, 10), np.float32)
LENGTHENED[2, 2] = 1  # y0 gets the length of the others


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
        profile_turn: Degrees, see `HeadAngles`.
        of_two: See `PortableAngles`.
    """

    def __init__(
        self,
        calibration: ErrorCalibration | None,
        profile_turn: float = 0.0,
        of_two: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._profile_turn, self._of_two = profile_turn, of_two
        self._calibration = None if calibration is None else _weights(calibration)

    def call(self, raw):
        pair = ops.reshape(ops.cast(raw, "float32"), (-1, 2 * 7))
        told = ops.reshape(ops.matmul(pair, MEAN_AND_BOTH) + np.tile(FRONT, 3), (-1, 7))
        rows = ops.reshape(ops.concatenate([*_columns(told), told], axis=-1), (-1, 3 * ROW))
        error = rows[:, ROW - 1 : ROW]
        if self._calibration is not None:
            first, first_bias, last, last_bias = self._calibration
            both = ops.matmul(rows, MEAN_AND_APART)
            logs = ops.log(ops.matmul(ops.square(both), SQUARES) + SMALL)
            features = ops.concatenate([logs, ops.abs(ops.matmul(both, SIZES)), both], axis=-1)
            hidden = ops.tanh(ops.matmul(features, first) + first_bias)
            error += ops.matmul(hidden, last) + last_bias
        error = MIN_ERROR + ERROR_SCALE * ops.softplus(error)
        return ops.concatenate([_degrees(rows, self._profile_turn, self._of_two), error], axis=-1)

    def compute_output_spec(self, raw):
        return keras.KerasTensor((None, 6), "float32")


def _columns(told):
    """Does what `portable_columns` does, of its two columns and another number (B, 7)."""
    x, y, _ = ops.split(told, [3, 6], axis=-1)
    x = _unit(x)
    y = _unit(y - ops.sum(x * y, axis=-1, keepdims=True) * x)
    products = ops.matmul(x, TURNED) * ops.matmul(y, TURNED_BACK)
    return x, y, ops.matmul(products, DIFFERENCE)


def _unit(vectors):
    """Returns vectors (B, 3) with a length of 1, in a form of which runtimes make one step."""
    mean = ops.mean(ops.power(vectors, 2.0), axis=[-1], keepdims=True)
    return vectors / ops.sqrt(mean + SOME_LENGTH) * UNIT


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
SOME_LENGTH = 1e-12
UNIT = np.full(3, 1 / math.sqrt(3), np.float32)
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


def asked_together(model: keras.Model, of_two: bool = False) -> keras.Model:
    """Returns an estimator that asks itself twice as one that does so at once.

    Weights are shared; other networks stay as they are. `of_two` is of `PortableAngles`.
    """
    if not any(isinstance(layer, MeanWithMirror) for layer in model.layers):
        return model
    crop, network = crop_layer(model), asked_once(model)
    learned = next((layer for layer in model.layers if isinstance(layer, ErrorCalibration)), None)
    crops = keras.Input(model.input_shape[1:], name=model.inputs[0].name)
    x = type(crop).from_config(crop.get_config())(crops)
    raw = network(WithMirrorImages(name="with_mirror_images")(x))
    turn = angles_layer(model).profile_turn
    degrees = MirroredAngles(learned, turn, of_two, name="degrees", dtype="float32")(raw)
    return keras.Model(crops, degrees, name=model.name)
