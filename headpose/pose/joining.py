"""Several rotation networks asked as one."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from headpose.errors import HeadposeError
from headpose.pose.rotation import angles_layer, asked_once, crop_layer, degrees_layer

# Of blue, green and red, as OpenCV makes pictures grey (ITU-R BT.601).
GREY_WEIGHTS = (0.114, 0.587, 0.299)


@keras.saving.register_keras_serializable("headpose")
class ReducedCrops(layers.Layer):
    """Shrinks crops (B, S, S, C), as `cv2.resize` does by area, and makes them grey if asked.

    Args:
        size: Side wanted, pixels, at most S.
        grey: Whether to make colour (BGR) grey.
    """

    def __init__(self, size: int, grey: bool, **kwargs):
        super().__init__(**kwargs)
        self.size, self.grey = int(size), bool(grey)

    def call(self, crops):
        if self.grey and crops.shape[-1] == 3:
            crops = ops.sum(
                crops * ops.convert_to_tensor(GREY_WEIGHTS, crops.dtype), axis=-1, keepdims=True
            )
        if crops.shape[1] == self.size:
            return crops
        shares = area_shares(crops.shape[1], self.size).T[None, None]
        # Columns, then rows take the place of channels: every runtime knows convolutions.
        for axes in ((0, 1, 3, 2), (0, 3, 2, 1)):
            crops = ops.transpose(crops, axes)
            kernel = ops.convert_to_tensor(shares, crops.dtype)
            crops = ops.conv(crops, kernel, padding="valid", data_format="channels_last")
        return ops.transpose(crops, (0, 3, 1, 2))

    def compute_output_shape(self, input_shape):
        channels = 1 if self.grey else input_shape[-1]
        return (input_shape[0], self.size, self.size, channels)

    def get_config(self):
        return super().get_config() | {"size": self.size, "grey": self.grey}


def area_shares(size: int, smaller: int) -> np.ndarray:
    """Returns how much of each pixel of a line each pixel of a shorter one has.

    Args:
        size: Pixels of the line.
        smaller: Pixels of the shorter one.

    Returns:
        float32 (smaller, size); rows sum up to 1.
    """
    edges = np.arange(smaller + 1)[:, None] * size / smaller
    place = np.arange(size)[None, :]
    common = np.minimum(edges[1:], place + 1) - np.maximum(edges[:-1], place)
    return (np.maximum(common, 0) * smaller / size).astype(np.float32)


def joined(models: Sequence[keras.Model]) -> keras.Model:
    """Returns a rotation network that asks several ones and averages their raw outputs.

    Networks that learned differently err differently: their mean errs less. Of models that
    ask themselves twice (`averaged_with_mirror`) what they ask is taken; expected errors are
    averaged as well, and should be learned anew. The joined one takes crops as large as the
    largest that any takes, in colour if any does; the others get them reduced.

    Args:
        models: Rotation estimators of crops that are cut alike; their weights are shared.

    Raises:
        HeadposeError: If crops are not cut alike, or one does not tell rotations.
    """
    networks = [asked_once(model) for model in models]  # says so where one tells no rotations
    first = crop_layer(models[0])
    size = max(model.input_shape[1] for model in models)
    channels = max(model.input_shape[3] for model in models)
    crops = keras.Input((size, size, channels), name="crops")
    raws = []
    x = type(first).from_config(first.get_config())(crops)
    for i, (model, network) in enumerate(zip(models, networks, strict=True), 1):
        cut = crop_layer(model)
        if (cut.side, cut.margin) != (first.side, first.margin):
            raise HeadposeError("estimators whose crops are cut differently cannot be averaged")
        network.name = f"network{i}"
        shape = model.input_shape
        seen = x
        if shape[1:] != (size, size, channels):
            seen = ReducedCrops(shape[1], shape[3] == 1, name=f"reduced{i}")(x)
        raws.append(network(seen))
    raw = layers.Rescaling(1 / len(raws), name="mean", dtype="float32")(
        layers.Add(name="sum", dtype="float32")(raws)
    )
    turn = sum(angles_layer(model).profile_turn for model in models) / len(models)
    return keras.Model(crops, degrees_layer(turn)(raw), name="joined")
