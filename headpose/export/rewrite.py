"""Networks rebuilt from operations that every backend knows, sharing their weights."""

import keras
import numpy as np
from keras import layers, ops

from headpose.detection.ssd import DecodeBoxes, ReverseChannels
from headpose.pose.rotation import HeadAngles, MirrorImage, portable_columns


class Standardize(layers.Layer):
    """`LayerNormalization` of whole crops without weights.

    OpenCV 4.14 computes another number for a mean over three axes at once.
    """

    def __init__(self, epsilon: float, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, crops):
        centred = crops - _mean(crops)
        return centred * ops.rsqrt(_mean(ops.square(centred)) + self.epsilon)


def _mean(crops):
    """Returns the mean (B, 1, 1, 1) of each crop."""
    means = ops.average_pool(crops, crops.shape[1:3])
    return means if crops.shape[-1] == 1 else ops.mean(means, axis=-1, keepdims=True)


class Enlarge(layers.UpSampling2D):
    """`UpSampling2D` that is one operation where the size is known.

    Keras repeats rows and columns by a dozen operations, some of which OpenCV does not
    know; its own resizing takes no size that is only known in use.
    """

    def call(self, feature):
        height, width = feature.shape[1:3]
        if height is None or width is None:
            return super().call(feature)
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


class PortableAngles(HeadAngles):
    """`HeadAngles` without the arc sine and the cross product, which few runtimes know."""

    columns = staticmethod(portable_columns)

    @staticmethod
    def arcsine(sine):
        # asin(s) = atan2(s, sqrt(1 - s^2))
        return ops.arctan2(sine, ops.sqrt(ops.maximum(1.0 - ops.square(sine), 0.0)))

    def compute_output_spec(self, raw):
        return keras.KerasTensor((raw.shape[0], 6), "float32")


def rewrite(model: keras.Model, decoded: bool = True) -> keras.Model:
    """Returns a network that computes the same from operations that runtimes know.

    Args:
        model: A head detector or a pose estimator of ours.
        decoded: Whether boxes and angles are decoded in the network. If not, it ends
            with what `headpose.models.decoding` reads: a detector with the prediction maps of
            each level (offsets, then logits), an estimator of rotations with its raw
            outputs.
    """

    def replaced(layer):
        if type(layer) is layers.LayerNormalization and not layer.weights:
            return Standardize(layer.epsilon, name=layer.name)
        if type(layer) is layers.UpSampling2D and layer.interpolation == "nearest":
            return Enlarge(layer.size, name=layer.name)
        if type(layer) is ReverseChannels:
            return Reverse(name=layer.name)
        if type(layer) is MirrorImage:
            return Mirror(name=layer.name)
        if type(layer) is HeadAngles:
            return PortableAngles(name=layer.name, dtype="float32")
        return layer

    if not decoded:
        model = _undecoded(model)
    return keras.models.clone_model(model, clone_function=replaced, recursive=True)


def _undecoded(model: keras.Model) -> keras.Model:
    """Returns the model up to what its last layer decodes."""
    for layer in model.layers:
        if isinstance(layer, HeadAngles):
            return keras.Model(model.input, layer.input)
        if isinstance(layer, DecodeBoxes):
            # Before the maps of all levels are laid out as rows and put together.
            rows = [y for kind in ("loc", "conf") for y in model.get_layer(kind).input]
            return keras.Model(model.input, [y._keras_history.operation.input for y in rows])
    return model
