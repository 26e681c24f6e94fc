"""EfficientNet-Lite0 without its last layers, to fine-tune for heads.

Tan and Le 2019 ("EfficientNet"), in the form for small devices that has neither swish nor
squeeze-and-excitation: inverted residual blocks (Sandler et al. 2018, "MobileNetV2") with
ReLU6. Weights learned on ImageNet are read by `headpose.convert.efficientnet_lite`.
"""

import keras
from keras import layers

# Of each stage: kernel, stride of the first block, expansion, filters, blocks.
STAGES = (
    *((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3)),
    *((5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1)),
)
STEM_FILTERS = 32
# Pixels as the network saw them on ImageNet: (value - 127) / 128.
PIXEL_MEAN, PIXEL_SCALE = 127.0, 1 / 128
EPSILON, MOMENTUM = 1e-3, 0.98  # of batch normalization


def block_names() -> list[str]:
    """Returns the names of all blocks, `stage1_block1` first, as layers' names begin."""
    return [
        f"stage{stage}_block{block}"
        for stage, (*_, blocks) in enumerate(STAGES, 1)
        for block in range(1, blocks + 1)
    ]


def features(x, blocks: int):
    """Applies the stem and the first blocks.

    Args:
        x: Scaled pixels (B, H, W, C); three channels in the order of the weights, or one.
        blocks: How many of the 16; 9 to 11 give 112 channels at a sixteenth of the rows, 12
            to 15 give 192 at half of these.

    Returns:
        Features, a Keras tensor.
    """
    x = _unit(x, layers.Conv2D(STEM_FILTERS, 3, 2, padding="same", use_bias=False), "stem")
    for block in block_names()[:blocks]:
        stage, number = (int(part[5:]) for part in block.split("_"))
        kernel, stride, expansion, filters, _ = STAGES[stage - 1]
        x = _block(x, block, kernel, stride if number == 1 else 1, expansion, filters)
    return x


def _block(x, name: str, kernel: int, stride: int, expansion: int, filters: int):
    """An inverted residual block; it adds its input where the shapes are the same."""
    y = x
    if expansion > 1:
        wide = layers.Conv2D(x.shape[-1] * expansion, 1, use_bias=False)
        y = _unit(y, wide, f"{name}_expand")
    depth = layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False)
    y = _unit(y, depth, f"{name}_depth")
    y = _unit(y, layers.Conv2D(filters, 1, use_bias=False), f"{name}_project", activation=False)
    return layers.Add(name=f"{name}_sum")([x, y]) if x.shape == y.shape else y


def _unit(x, convolution: layers.Layer, name: str, activation: bool = True):
    convolution.name = f"{name}_conv"
    x = convolution(x)
    x = layers.BatchNormalization(epsilon=EPSILON, momentum=MOMENTUM, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activation else x


def trunk(channels: int = 3) -> keras.Model:
    """Builds all stages as a model of their own, a file to begin training from.

    Args:
        channels: 3 for colour, 1 for grey.
    """
    pixels = keras.Input((None, None, channels), name="pixels")
    return keras.Model(pixels, features(pixels, len(block_names())), name="efficientnet_lite0")
