"""Layers of ours, and of Keras, made of operations that runtimes know and have few steps for."""

import math

import keras
import numpy as np
from keras import layers, ops

from headpose.detection.ssd import DecodeBoxes, head_logit, level_centres, spread

ENLARGED = 2  # times, by all that enlarges a feature map


class Standardize(layers.Layer):
    """`LayerNormalization` of whole crops without weights.

    OpenCV 4.14 computes another number for a mean over three axes at once, and OpenVINO 2026.4
    fails where the axis is no list.
    """

    def __init__(self, epsilon: float, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, crops):
        flat = ops.reshape(crops, (-1, math.prod(crops.shape[1:])))
        centred = flat - ops.mean(flat, axis=[-1], keepdims=True)
        variance = ops.mean(ops.square(centred), axis=[-1], keepdims=True)
        return ops.reshape(centred / ops.sqrt(variance + self.epsilon), (-1, *crops.shape[1:]))


class Shift(layers.Layer):
    """`Rescaling` whose scale the next convolution has taken over."""

    def __init__(self, scaling: layers.Rescaling, **kwargs):
        super().__init__(**kwargs)
        self.offset = np.float32(scaling.offset / scaling.scale)

    def call(self, pictures):
        return pictures + self.offset


class ScaledConvolution(layers.Layer):
    """A convolution, without a bias, of what a `Shift` gives; weights are shared with it.

    Pictures are gone through once less, and the borders see the same zeros.
    """

    def __init__(self, convolution: layers.Conv2D, scale: float, **kwargs):
        super().__init__(**kwargs)
        self.convolution, self.scale = convolution, np.float32(scale)

    def call(self, pictures):
        convolution = self.convolution
        return ops.conv(
            pictures,
            convolution.kernel * self.scale,
            strides=convolution.strides,
            padding=convolution.padding,
            data_format="channels_last",
        )

    def compute_output_spec(self, pictures):
        return self.convolution.compute_output_spec(pictures)


class NormalizedDense(layers.Layer):
    """A dense layer without an activation and the batch normalization after it, in one."""

    def __init__(self, dense: layers.Dense, norm: layers.BatchNormalization, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.norm = dense, norm

    def call(self, features):
        dense, norm = self.dense, self.norm
        scale = ops.rsqrt(norm.moving_variance + norm.epsilon)
        if norm.scale:
            scale *= norm.gamma
        shift = -norm.moving_mean * scale
        if dense.use_bias:
            shift += dense.bias * scale
        if norm.center:
            shift += norm.beta
        return ops.matmul(features, dense.kernel * scale) + shift

    def compute_output_spec(self, features):
        return self.dense.compute_output_spec(features)


class AsItIs(layers.Layer):
    """In place of a layer whose work another one does."""

    def call(self, features, mask=None):
        return features


class Enlarge(layers.UpSampling2D):
    """`UpSampling2D` that is one operation.

    Keras repeats rows and columns by a dozen operations, some of which OpenCV does not
    know; its own resizing takes no size that is only known in use.
    """

    def call(self, feature):
        height, width = feature.shape[1:3]
        if height is None or width is None:
            import tensorflow as tf

            size = tf.shape(feature)[1:3] * tf.constant(self.size)
            return tf.image.resize(feature, size, method="nearest")
        size = (self.size[0] * height, self.size[1] * width)
        return ops.image.resize(feature, size, interpolation="nearest")


class Reverse(layers.Layer):
    """`ReverseChannels` from slices."""

    def call(self, pictures):
        return ops.concatenate([pictures[..., i : i + 1] for i in (2, 1, 0)], axis=-1)


class Mirror(layers.Layer):
    """`MirrorImage` by a list of columns."""

    def call(self, crops):
        columns = np.arange(crops.shape[2] - 1, -1, -1, dtype=np.int32)
        return ops.take(crops, columns, axis=2)


class JointConvolution(layers.Layer):
    """The convolutions for a level's offsets and its logits in one.

    Processors compute channels in blocks of eight or sixteen: convolutions of 8 and of 2 are two
    blocks, one of 10 is a single one of sixteen. Weights are shared with the two.

    Returns:
        Offsets of the centre and of the size, each (B, rows * columns * K, 2), and logits
        (B, rows * columns * K, classes).
    """

    def __init__(self, offsets: layers.Conv2D, logits: layers.Conv2D, **kwargs):
        super().__init__(**kwargs)
        self.offsets, self.logits = offsets, logits
        self.count = offsets.filters // 4
        self.classes = logits.filters // self.count

    def call(self, feature):
        kernel = self._joint(self.offsets.kernel, self.logits.kernel)
        bias = self._joint(self.offsets.bias, self.logits.bias)
        maps = ops.conv(feature, kernel, padding="same", data_format="channels_last") + bias
        first, second = 2 * self.count, 4 * self.count
        parts = (maps[..., :first], 2), (maps[..., first:second], 2), (maps[..., second:], None)
        height, width = ops.shape(feature)[1:3]
        rows = height * width * self.count
        return [ops.reshape(part, (-1, rows, n or self.classes)) for part, n in parts]

    def _joint(self, offsets, logits):
        """Puts all centres first, then all sizes: cut apart so, a program need not copy."""
        each = ops.reshape(offsets, (*offsets.shape[:-1], self.count, 4))
        parts = (each[..., :2], each[..., 2:])
        flat = [ops.reshape(part, (*offsets.shape[:-1], -1)) for part in parts]
        return ops.concatenate([*flat, logits], axis=-1)

    def compute_output_spec(self, feature):
        return [keras.KerasTensor((feature.shape[0], None, n)) for n in (2, 2, self.classes)]


class JointDecoding(layers.Layer):
    """`DecodeBoxes` of what `JointConvolution` gives, of all levels one after another."""

    def __init__(self, decoding: DecodeBoxes, **kwargs):
        super().__init__(**kwargs)
        self.levels, self.variances = decoding.levels, decoding.variances

    def call(self, centres, sizes, logits, image):
        height, width = ops.shape(image)[1:3]
        v = self.variances
        middle, factor, half = self._priors(height, width)
        # Liu et al. 2016, eq. 2. One factor costs less than one for each of two columns.
        sizes = sizes * (v[2] if v[2] == v[3] else np.float32(v[2:]))
        centre, half = centres * factor + middle, ops.exp(sizes) * half
        boxes = ops.concatenate([centre - half, centre + half], axis=-1)
        return boxes, ops.sigmoid(head_logit(logits))

    def _priors(self, height, width):
        """Returns each prior's centre, what a step of its offsets is, and half its size (N, 2).

        They are those of `headpose.detection.ssd.priors`, in pixels and in its order, laid out
        as they are used.
        """
        middles, steps, halves = [], [], []
        for level in self.levels:
            shapes = np.array(level.shapes)
            middles.append(level_centres(level, height, width))
            steps.append(spread(level, height, width, self.variances[:2] * shapes))
            halves.append(spread(level, height, width, shapes / 2))
        return [ops.concatenate(parts, axis=0) for parts in (middles, steps, halves)]

    def compute_output_spec(self, centres, sizes, logits, image):
        shape = centres.shape[:2]
        return keras.KerasTensor((*shape, 4), "float32"), keras.KerasTensor(shape, "float32")
