"""Networks that answer with a rotation: their last layer and their loss.

The rotation is told by six numbers, two columns of the matrix before they are made
orthonormal (Zhou et al. 2019, "On the Continuity of Rotation Representations in Neural
Networks"): unlike angles they have no jump anywhere in the whole turn. A seventh number
tells the expected error.
"""

import math
from collections.abc import Iterator

import keras
import numpy as np
from keras import layers, ops

from headpose.errors import HeadposeError
from headpose.models.specs import ERROR_SCALE, MAX_PROFILE_TURN, MIN_ERROR, RAW_SCALE

RAW_OUTPUTS = 7
QUADRATIC_BELOW = 4.0  # degrees, where the Huber loss turns linear
AWAY_FROM = 100.0  # degrees from the viewer that a head "turned away" has at least
ERROR_WEIGHT = 1.0
# Added under the square roots of a loss's angle, whose slope is infinite without them.
NEAR_0, NEAR_180 = 1e-7, 2e-3
# Of a target row: a rotation matrix (columns one after another), then what is known.
ROTATION, NOSE, AWAY = 0.0, 1.0, 2.0
_DEGREES = 180 / math.pi


# What raw outputs of a mirrored crop are multiplied by: mirrored, R becomes M R M with
# M = diag(-1, 1, 1), so that the numbers of R's first row but the first, and of its first
# column but the first, change sign.
MIRROR_SIGNS = (1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0)


def matrix_columns(raw):
    """Returns the orthonormal columns x, y, z, each (B, 3), of raw outputs (B, >= 6).

    Zeros are the frontal head, R = identity, so that training starts from there.
    """
    x, y = _first_columns(raw)
    return x, y, ops.cross(x, y)


# Of x and y their parts 1, 2, 0 and 2, 0, 1; the products of the first of x with the second
# of y, less those of the second of x with the first of y, are the cross product.
TURNED = np.eye(3, dtype=np.float32)[:, [1, 2, 0, 2, 0, 1]]
TURNED_BACK = TURNED[:, [3, 4, 5, 0, 1, 2]]
DIFFERENCE = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)


def portable_columns(raw):
    """`matrix_columns` without the operation of a cross product, which few programs know.

    By products of matrices, because each small operation costs a program as much as another.
    """
    x, y = _first_columns(raw)
    products = ops.matmul(x, TURNED) * ops.matmul(y, TURNED_BACK)
    return x, y, ops.matmul(products, DIFFERENCE)


def _first_columns(raw):
    x = _unit(RAW_SCALE * raw[:, :3] + ops.convert_to_tensor([1.0, 0.0, 0.0]))
    y = RAW_SCALE * raw[:, 3:6] + ops.convert_to_tensor([0.0, 1.0, 0.0])
    return x, _unit(y - ops.sum(x * y, axis=-1, keepdims=True) * x)


def _unit(vectors):
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors * ops.rsqrt(ops.maximum(squares, 1e-8))


def expected_error(raw):
    """Returns the expected error (B,) in degrees of raw outputs (B, 7)."""
    return MIN_ERROR + ERROR_SCALE * ops.softplus(raw[:, 6])


@keras.saving.register_keras_serializable("headpose")
class HeadAngles(layers.Layer):
    """Turns raw outputs (B, 7) into degrees (B, 6), the columns of `estimator.MEASURES`.

    Tilt, pan and roll are those of R = Rx(-tilt) Ry(-pan) Rz(-roll) with tilt in -90..90,
    so that pan is beyond ±90 exactly when the nose points away from the viewer; azimuth
    and elevation are the direction of the nose, R's third column.

    Args:
        profile_turn: Degrees by which heads in profile are turned further than the raw
            outputs say, see `headpose.geometry.angles.turned_further`; training does not see
            it.
    """

    def __init__(self, profile_turn=0.0, **kwargs):
        super().__init__(**kwargs)
        self.profile_turn = float(profile_turn)
        if not 0 <= self.profile_turn <= MAX_PROFILE_TURN:
            raise HeadposeError(f"profile_turn is not in 0..{MAX_PROFILE_TURN:g}")

    def get_config(self):
        return super().get_config() | {"profile_turn": self.profile_turn}

    def call(self, raw):
        raw = ops.cast(raw, "float32")
        x, y, z = matrix_columns(raw)
        if self.profile_turn:
            x, z = turned_further(x, z, self.profile_turn)
        z0, z1, z2 = (z[:, i : i + 1] for i in range(3))
        away = ops.cast(z2 < 0, "float32")
        side = 1.0 - 2.0 * away
        # With |pan| <= 90: pan = -asin R02, tilt = atan2(R12, R22), roll = atan2(R01, R00);
        # the other set of angles of the same rotation has the signs of both pairs swapped.
        near = _arcsine(z0)
        turned = math.pi * (1.0 - 2.0 * ops.cast(z0 > 0, "float32")) + near
        pan = away * turned - (1.0 - away) * near
        tilt = ops.arctan2(side * z1, side * z2)
        roll = ops.arctan2(side * y[:, 0:1], side * x[:, 0:1])
        azimuth = ops.arctan2(-z0, z2)
        angles = ops.concatenate([tilt, pan, roll, azimuth, _arcsine(z1)], axis=1) * _DEGREES
        return ops.concatenate([angles, expected_error(raw)[:, None]], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 6)


def turned_further(x, z, degrees):
    """Does what `headpose.geometry.angles.turned_further` does to columns x and z (…, 3)."""
    side = z[..., :1]
    tangent = math.tan(math.radians(degrees)) * side * ops.square(side)
    size = ops.rsqrt(1.0 + ops.square(tangent))
    return (x - tangent * z) * size, (z + tangent * x) * size


def with_profile_turn(model: keras.Model, degrees: float) -> keras.Model:
    """Returns a rotation estimator that turns heads in profile further, sharing weights."""
    return keras.Model(
        model.input, degrees_layer(degrees)(angles_layer(model).input), name=model.name
    )


def angles_layer(model: keras.Model) -> HeadAngles:
    """Returns the last layer of a rotation estimator."""
    return next(layer for layer in model.layers if isinstance(layer, HeadAngles))


def degrees_layer(profile_turn: float = 0.0) -> HeadAngles:
    """Returns a last layer of a rotation estimator, which computes in float32."""
    return HeadAngles(profile_turn, name="degrees", dtype="float32")


def _arcsine(sine):
    return ops.arcsin(ops.clip(sine, -1.0, 1.0))


@keras.saving.register_keras_serializable("headpose")
class MirrorImage(layers.Layer):
    """Mirrors crops (B, H, W, C)."""

    def call(self, crops):
        return ops.flip(crops, axis=2)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("headpose")
class MeanWithMirror(layers.Layer):
    """Averages the raw outputs (B, 7) of crops with those of their mirror images."""

    def call(self, raw, mirrored):
        signs = ops.convert_to_tensor(MIRROR_SIGNS)
        return (ops.cast(raw, "float32") + ops.cast(mirrored, "float32") * signs) / 2

    def compute_output_shape(self, raw_shape, mirrored_shape):
        return raw_shape


def averaged_with_mirror(model: keras.Model) -> keras.Model:
    """Returns a model that asks a rotation network twice, for a crop and its mirror image.

    The two answers err differently: their mean errs less, at twice the work. Weights are
    shared with `model`.
    """
    crop = crop_layer(model)
    network = raw_outputs(model)
    network.name = "once"
    crops = keras.Input(model.input_shape[1:], name="crops")
    x = type(crop).from_config(crop.get_config())(crops)
    raw = MeanWithMirror(name="mean", dtype="float32")(network(x), network(MirrorImage()(x)))
    last = degrees_layer(angles_layer(model).profile_turn)
    return keras.Model(crops, last(raw), name=model.name)


def crop_layer(model: keras.Model) -> layers.Layer:
    """Returns an estimator's layer that tells how its crops are cut."""
    return next(layer for layer in model.layers if type(layer).__name__ == "CropInput")


def asked_once(model: keras.Model) -> keras.Model:
    """Returns the network inside a rotation estimator, from crops to raw outputs.

    Raises:
        HeadposeError: If the model does not tell rotations.
    """
    inside = next((layer for layer in model.layers if isinstance(layer, keras.Model)), None)
    if inside is not None and any(isinstance(layer, MeanWithMirror) for layer in model.layers):
        return inside
    if not any(isinstance(layer, HeadAngles) for layer in model.layers):
        raise HeadposeError("only estimators that tell rotations can be averaged")
    return raw_outputs(model)


def all_layers(model: keras.Model) -> Iterator[layers.Layer]:
    """Yields a model's layers, and those of the models in it instead of these."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from all_layers(layer)
        else:
            yield layer


def raw_outputs(model: keras.Model) -> keras.Model:
    """Returns a model up to what its `HeadAngles` reads, sharing weights, for training."""
    return keras.Model(model.input, angles_layer(model).input)


@keras.saving.register_keras_serializable("headpose")
def rotation_loss(target, raw):
    """Huber losses of the error in degrees, and a likelihood of its size; (B,).

    The error is the turn from the true to the told rotation. Its parts about the head's
    three axes count one by one, so that each is learned at its own pace: of the whole
    angle's loss a part gets only its share of slope, and the nod, the smallest part,
    would wait for the others. Beyond 90 degrees the whole angle counts. Where only the
    nose's direction is known, the error is the angle between noses; of a head turned
    away, how much less than 100 degrees the nose is turned from the viewer. Near 180 degrees
    errors count as a few less, see `_angle`.

    The expected error b is fitted as the scale of a Laplace distribution of the error e,
    e / b + log b, which is smallest at b = E[e]; the error itself does not learn from it.

    Args:
        target: (B, 10): R's columns one after another and `ROTATION`, `NOSE` or `AWAY`.
        raw: (B, 7).
    """
    target, raw = ops.cast(target, "float32"), ops.cast(raw, "float32")
    told = matrix_columns(raw)
    true = [target[:, i : i + 3] for i in (0, 3, 6)]
    known = target[:, 9]
    # Chords: |A - B| = 2 sqrt(2) sin(angle / 2) of matrices, 2 sin(angle / 2) of vectors.
    between = sum(_squared_distance(a, b) for a, b in zip(told, true, strict=True))
    whole, nose = _angle(between / 8), _angle(_squared_distance(told[2], true[2]) / 4)
    viewer = ops.convert_to_tensor([[0.0, 0.0, 1.0]])
    away = ops.maximum(AWAY_FROM - _angle(_squared_distance(told[2], viewer) / 4), 0.0)

    # The antisymmetric part of true^T told is sin(angle) times the axis of the turn.
    sines = ops.stack(
        [
            (_dot(true[i], told[j]) - _dot(true[j], told[i])) / 2
            for i, j in ((1, 2), (2, 0), (0, 1))
        ],
        axis=-1,
    )
    length = ops.sqrt(ops.sum(ops.square(sines), axis=-1) + 1e-6)
    parts = sines * ops.stop_gradient(whole / length)[:, None]
    by_axis = ops.sum(huber(ops.abs(parts)), axis=-1)
    loss = ops.where(whole < 90.0, by_axis, huber(whole))
    loss = ops.where(ops.equal(known, NOSE), huber(nose), loss)
    loss = ops.where(ops.equal(known, AWAY), huber(away), loss)

    error = ops.stop_gradient(ops.where(ops.equal(known, NOSE), nose, whole))
    b = expected_error(raw)
    # Of a head turned away no error is known, so it says nothing of the error's size.
    likelihood = ops.where(ops.equal(known, AWAY), 0.0, error / b + ops.log(b))
    return loss + ERROR_WEIGHT * likelihood


def _dot(first, second):
    return ops.sum(first * second, axis=-1)


def _squared_distance(first, second):
    return ops.sum(ops.square(first - second), axis=-1)


def huber(error):
    """Returns the Huber loss of errors in degrees, linear from 4 degrees on."""
    return ops.where(
        error < QUADRATIC_BELOW,
        ops.square(error) / (2 * QUADRATIC_BELOW),
        error - QUADRATIC_BELOW / 2,
    )


def _angle(squared_sine):
    """Returns degrees from sin(angle / 2) squared; the slope stays finite at 0 and 180.

    For that they are a little off: 0 becomes 0.04, 90 becomes 89.9, 170 becomes 168.8 and 180
    becomes 174.9.
    """
    squared_sine = ops.clip(squared_sine, 0.0, 1.0)
    sine = ops.sqrt(squared_sine + NEAR_0)
    return 2 * _DEGREES * ops.arctan2(sine, ops.sqrt(1.0 - squared_sine + NEAR_180))
