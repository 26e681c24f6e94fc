"""Networks that regress head angles from crops, 64x64 and grey unless asked otherwise.

Every model takes crops (B, S, S, C) in 0..255 and gives degrees (B, 2, 3 or 6): as many
of `headpose.pose.estimator.MEASURES`. Input normalization and output scale are layers, so a
model file needs no constants beside it.
"""

from typing import Any

import keras
from keras import layers

from headpose.geometry.crops import side_name
from headpose.models import efficientnet_lite
from headpose.pose.rotation import RAW_OUTPUTS, degrees_layer

# Of the published estimator: grey levels as fractions of 255, angles as fractions of 90.
PUBLISHED_NORMALIZATION: dict[str, Any] = {
    "pixel_mean": 0.408808,
    "pixel_deviation": 0.237583,
    "angle_mean": (-0.041212, -0.000276),
    "angle_deviation": (0.323931, 0.540958),
}
ROLL_DEVIATION = 0.25  # the same of roll, which it does not tell; chosen by hand, not measured
EFFICIENTNET_BLOCKS = 10  # of 16: 0.57 M parameters, less than the residual network has


@keras.saving.register_keras_serializable("headpose")
class CropInput(layers.Layer):
    """Passes crops on; its settings tell whoever cuts them how (`headpose.geometry.crops`).

    Args:
        side: `short` or `long`, the side of the head box that the square has.
        margin: Factor on that side.
    """

    def __init__(self, side="short", margin=1.0, **kwargs):
        super().__init__(**kwargs)
        self.side = side_name(side)
        self.margin = float(margin)

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"side": self.side, "margin": self.margin}


def build_patacchiola(
    in_size: int = 64,
    num_conv_blocks: int = 6,
    num_filters_start: int = 32,
    num_dense_layers: int = 1,
    dense_layer_size: int = 512,
    dropout_rate: float = 0.5,
    outputs: int = 2,
    normalization: dict | None = None,
    side: str = "short",
    margin: float = 1.0,
) -> keras.Model:
    """Builds a member of the family of Patacchiola and Cangelosi (2017).

    Blocks of a 3x3 convolution, ReLU and 2x2 max pooling, the number of filters doubling
    from block to block; then dense layers without an activation, as in the published
    estimator, each followed by dropout. 6/32/1/512 has 6,813,442 parameters.

    Args:
        in_size: Side of the crops, pixels; at least 2 ** num_conv_blocks.
        num_conv_blocks: Convolution blocks.
        num_filters_start: Filters of the first one.
        num_dense_layers: Hidden dense layers.
        dense_layer_size: Units of each.
        dropout_rate: 0..1.
        outputs: 2 for tilt and pan, 3 with roll.
        normalization: Constants as in `PUBLISHED_NORMALIZATION`, the default.
        side: How crops are cut, see `CropInput`.
        margin: The same.
    """
    norm = normalization or PUBLISHED_NORMALIZATION
    crops = keras.Input((in_size, in_size, 1), name="crops")
    x = CropInput(side, margin, name="crop")(crops)
    scale = 1 / (255 * norm["pixel_deviation"])
    x = layers.Rescaling(scale, -norm["pixel_mean"] / norm["pixel_deviation"], name="scale")(x)
    for i in range(num_conv_blocks):
        filters = num_filters_start * 2**i
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{i + 1}")(x)
        x = layers.MaxPooling2D(name=f"pool{i + 1}")(x)
    x = layers.Flatten(name="flatten")(x)
    for i in range(num_dense_layers):
        x = layers.Dense(dense_layer_size, name=f"dense{i + 1}")(x)
        x = layers.Dropout(dropout_rate, name=f"dropout{i + 1}")(x)
    x = layers.Dense(outputs, name="angles")(x)
    deviation = [90 * s for s in (*norm["angle_deviation"], ROLL_DEVIATION)[:outputs]]
    mean = [90 * m for m in (*norm["angle_mean"], 0.0)[:outputs]]
    x = layers.Rescaling(deviation, mean, name="degrees", dtype="float32")(x)
    return keras.Model(crops, x, name="patacchiola")


def build_compact(
    in_size: int = 64,
    dropout_rate: float = 0.2,
    outputs: int = 3,
    side: str = "short",
    margin: float = 1.0,
) -> keras.Model:
    """Builds a small residual network for angles, under 0.7 M parameters.

    Args:
        in_size: Side of the crops, pixels, a multiple of 16.
        dropout_rate: Before the last layer, 0..1.
        outputs: 2 for tilt and pan, 3 with roll.
        side: How crops are cut, see `CropInput`.
        margin: The same.
    """
    crops, x = _residual_features(in_size, dropout_rate, side, margin)
    x = layers.Dense(outputs, kernel_initializer="zeros", name="angles")(x)
    x = layers.Rescaling(10.0, name="degrees", dtype="float32")(x)
    return keras.Model(crops, x, name="compact_pose")


def build_rotation(
    in_size: int = 64,
    dropout_rate: float = 0.2,
    side: str = "short",
    margin: float = 1.0,
    channels: int = 1,
) -> keras.Model:
    """Builds the default network: `build_compact`'s, but answering with a rotation.

    It gives all of `headpose.pose.estimator.MEASURES`, over the whole turn. Train it on what
    `headpose.pose.rotation.raw_outputs` returns.

    Args:
        in_size: Side of the crops, pixels, a multiple of 16.
        dropout_rate: Before the last layer, 0..1.
        side: How crops are cut, see `CropInput`.
        margin: The same.
        channels: 1 for grey crops, 3 for BGR.
    """
    crops, x = _residual_features(in_size, dropout_rate, side, margin, channels)
    return _rotation(crops, x, "rotation_pose")


def build_efficientnet(
    in_size: int = 64,
    dropout_rate: float = 0.2,
    side: str = "short",
    margin: float = 1.0,
    channels: int = 1,
    blocks: int = EFFICIENTNET_BLOCKS,
) -> keras.Model:
    """Builds a network as `build_rotation`, but on the first blocks of EfficientNet-Lite0.

    Args:
        in_size: Side of the crops, pixels, a multiple of 16.
        dropout_rate: Before the last layer, 0..1.
        side: How crops are cut, see `CropInput`.
        margin: The same.
        channels: 1 for grey crops, 3 for BGR.
        blocks: See `headpose.models.efficientnet_lite.features`.
    """
    crops, x = _standardized(in_size, side, margin, channels)
    # Grey levels deviate by half as much where the network was trained.
    x = layers.Rescaling(0.5, name="scale")(x)
    x = _hidden(efficientnet_lite.features(x, blocks), dropout_rate)
    return _rotation(crops, x, "efficientnet_pose")


def _rotation(crops, x, name: str) -> keras.Model:
    """Ends a network with a rotation, told from the last hidden layer."""
    x = layers.Dense(RAW_OUTPUTS, kernel_initializer="zeros", name="rotation", dtype="float32")(x)
    return keras.Model(crops, degrees_layer()(x), name=name)


def _standardized(in_size: int, side: str, margin: float, channels: int):
    """Returns an input of crops, and these standardized: neither light nor contrast counts."""
    crops = keras.Input((in_size, in_size, channels), name="crops")
    x = CropInput(side, margin, name="crop")(crops)
    x = layers.LayerNormalization(
        axis=[1, 2, 3], center=False, scale=False, epsilon=1.0, name="standardize"
    )(x)
    return crops, x


def _hidden(x, dropout_rate: float):
    """Applies the last hidden layer to features (B, P, P, C).

    A mean over the places whose weights each channel learns for itself (Chen et al. 2018,
    MobileFaceNets), since it matters where in the crop something is; one hidden layer with
    batch norm before its ReLU (without it the hidden units die and only pan is learned).
    """
    places = x.shape[1]
    x = layers.DepthwiseConv2D(
        places,
        use_bias=False,
        depthwise_initializer=keras.initializers.Constant(1 / places**2),
        name="pool",
    )(x)
    x = layers.Flatten(name="pooled")(x)
    x = layers.Dense(128, use_bias=False, name="hidden")(x)
    x = layers.BatchNormalization(momentum=0.98, name="hidden_bn")(x)
    x = layers.ReLU(name="hidden_relu")(x)
    return layers.Dropout(dropout_rate, name="dropout")(x)


def _residual_features(
    in_size: int, dropout_rate: float, side: str, margin: float, channels: int = 1
):
    """Returns the input and the last hidden layer of a small residual network.

    Four stages halve the picture, 64 pixels to 4.
    """

    def unit(x, filters, strides, name, activation=True):
        x = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False, name=f"{name}_conv")(
            x
        )
        x = layers.BatchNormalization(momentum=0.98, name=f"{name}_bn")(x)
        return layers.ReLU(name=f"{name}_relu")(x) if activation else x

    crops, x = _standardized(in_size, side, margin, channels)
    for filters, blocks in [(24, 1), (48, 2), (80, 2), (112, 1)]:
        x = unit(x, filters, 2, f"down{filters}")
        for i in range(blocks):
            y = unit(x, filters, 1, f"block{filters}_{i}_first")
            y = unit(y, filters, 1, f"block{filters}_{i}_second", activation=False)
            x = layers.Add(name=f"block{filters}_{i}")([x, y])
            x = layers.ReLU(name=f"block{filters}_{i}_relu")(x)
    return crops, _hidden(x, dropout_rate)


# By the names that `headpose train` knows.
ROTATIONS = {"rotation": build_rotation, "efficientnet": build_efficientnet}
