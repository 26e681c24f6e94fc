"""The detectors of the SSD family: SSD512 on VGG-16, and the compact one that ships."""

import dataclasses
import math
from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import layers

from headpose.detection.published import PICTURE_CONFIDENCE
from headpose.detection.ssd import AnchorLevel, L2Normalization, ReverseChannels, detector

# --------------------------------------------------------------------------- SSD512

SSD512_STRIDES = (8, 16, 32, 64, 128, 256, 512)
SSD512_RATIOS = ((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,))
SSD512_SOURCES = (
    "conv4_3_norm",
    "fc7",
    "conv6_2",
    "conv7_2",
    "conv8_2",
    "conv9_2",
    "conv10_2",
)


@dataclasses.dataclass(frozen=True)
class Preset:
    """Prior scales (of the input's side) and channel means (RGB order) of an SSD512."""

    scales: tuple[float, ...]
    mean_rgb: tuple[float, float, float]


# `original`: what the published demos compute. They subtract (123, 117, 104) from BGR
# channels, red's mean from blue, and swap afterwards: in RGB order that is its reverse.
# `matconvnet`: how the network was trained.
PRESETS = {
    "original": Preset(tuple(np.linspace(0.1, 1.0, 8).tolist()), (104.0, 117.0, 123.0)),
    "matconvnet": Preset((0.07, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05), (123.0, 117.0, 104.0)),
}


def scaled_levels(scales, ratios, strides, size: int) -> tuple[AnchorLevel, ...]:
    """Builds SSD's priors from scales (Liu et al. 2016, section 2.2).

    Level k has a square of scale s_k, one of sqrt(s_k s_k+1), and for each ratio r the
    boxes s_k sqrt(r) x s_k / sqrt(r) and the same on end.
    """
    result = []
    for k, (stride, more) in enumerate(zip(strides, ratios, strict=True)):
        s = scales[k] * size
        between = math.sqrt(scales[k] * scales[k + 1]) * size
        shapes = [(s, s), (between, between)]
        for ratio in more:
            root = math.sqrt(ratio)
            shapes += [(s * root, s / root), (s / root, s * root)]
        result.append(AnchorLevel(stride, tuple(shapes)))
    return tuple(result)


def ssd512_levels(preset: str = "original") -> tuple[AnchorLevel, ...]:
    """Returns the priors of SSD512, 24,564 in a picture of 512 x 512."""
    return scaled_levels(PRESETS[preset].scales, SSD512_RATIOS, SSD512_STRIDES, 512)


def build_ssd512(preset: str = "original") -> keras.Model:
    """Builds SSD512 on VGG-16 for two classes: 24,386,328 parameters.

    Args:
        preset: `original` or `matconvnet`, see `PRESETS`.

    Returns:
        A model from (B, 512, 512, 3) BGR in 0..255 to boxes (B, 24564, 4) in pixels
        and scores (B, 24564). Layers are named as in `models/layers.csv`.
    """

    def conv(x, filters, kernel, name, padding="same", **options):
        return layers.Conv2D(
            filters, kernel, padding=padding, activation="relu", name=name, **options
        )(x)

    mean = PRESETS[preset].mean_rgb
    image = keras.Input((512, 512, 3), name="image")
    x = ReverseChannels(name="rgb")(image)
    x = layers.Rescaling(1.0, [-m for m in mean], name="mean")(x)
    sources = []
    for block, (filters, count) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], 1):
        for i in range(1, count + 1):
            x = conv(x, filters, 3, f"conv{block}_{i}")
        if block == 4:
            sources.append(L2Normalization(name="conv4_3_norm")(x))
        pool, stride = (2, 2) if block < 5 else (3, 1)
        x = layers.MaxPooling2D(pool, stride, padding="same", name=f"pool{block}")(x)
    x = conv(x, 1024, 3, "fc6", dilation_rate=6)
    x = conv(x, 1024, 1, "fc7")
    sources.append(x)
    for block, (narrow, wide) in enumerate([(256, 512)] + [(128, 256)] * 4, 6):
        x = conv(x, narrow, 1, f"conv{block}_1")
        x = layers.ZeroPadding2D(1, name=f"conv{block}_2_padding")(x)
        kernel, stride = (3, 2) if block < 10 else (4, 1)
        x = conv(x, wide, kernel, f"conv{block}_2", "valid", strides=stride)
        sources.append(x)
    return detector(
        image, sources, ssd512_levels(preset), 2, SSD512_SOURCES, PICTURE_CONFIDENCE, "ssd512"
    )


# -------------------------------------------------------------------------- compact

# Head boxes are a little taller than wide. Sizes rise by about 1.45 from prior to prior,
# so that the size of any head is within a factor 1.2 of one.
COMPACT_CONFIDENCE = 0.5  # until a threshold is chosen on validation pictures
COMPACT_SIZES = {4: (9, 13), 8: (19, 28), 16: (41, 60), 32: (87, 126), 64: (183, 265, 385)}


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stage of the compact detectors' backbone.

    Attributes:
        stride: Of its features, pixels of the input picture; twice that of the one before.
        filters: Channels of its features.
        narrow: Channels inside its residual blocks.
        blocks: How many residual blocks follow the convolution that halves the resolution.
        level: Channels of the pyramid's level at this stride; 0 for none.
    """

    stride: int
    filters: int
    narrow: int
    blocks: int
    level: int


COMPACT_STAGES = (
    Stage(4, 32, 16, 1, 32),
    Stage(8, 64, 32, 2, 64),
    Stage(16, 128, 64, 2, 64),
    Stage(32, 192, 96, 1, 64),
    Stage(64, 192, 96, 1, 64),
)
# A third of the multiply-adds. The level of stride 4, left out here, has a sixth of them.
FAST_STAGES = (
    Stage(4, 32, 16, 0, 0),
    Stage(8, 48, 16, 1, 32),
    Stage(16, 96, 48, 2, 32),
    Stage(32, 128, 64, 1, 32),
    Stage(64, 96, 48, 1, 32),
)


def compact_levels(stages: Sequence[Stage] = COMPACT_STAGES) -> tuple[AnchorLevel, ...]:
    """Returns the priors of a compact detector: 0.9 s x 1.1 s for each size s."""
    return tuple(
        AnchorLevel(stage.stride, tuple((0.9 * s, 1.1 * s) for s in COMPACT_SIZES[stage.stride]))
        for stage in stages
        if stage.level
    )


def build_compact(stages: Sequence[Stage] = COMPACT_STAGES) -> keras.Model:
    """Builds the compact detector: a small residual network with a top-down path.

    Every convolution is followed by batch normalization and ReLU. The backbone goes
    down to stride 64; the top-down path (feature pyramid, Lin et al. 2017) brings it
    back up to stride 4, whose cells are fine enough for heads of 8 pixels.

    Args:
        stages: Of the backbone and the pyramid.

    Returns:
        A model from (B, H, W, 3) BGR in 0..255, H and W multiples of 64, to boxes
        (B, N, 4) in pixels and scores (B, N).
    """

    def unit(x, filters, kernel, name, strides=1, activation=True):
        x = layers.Conv2D(
            filters, kernel, strides, padding="same", use_bias=False, name=f"{name}_conv"
        )(x)
        x = layers.BatchNormalization(momentum=0.97, name=f"{name}_bn")(x)
        return layers.ReLU(name=f"{name}_relu")(x) if activation else x

    def stage_of(x, stage, name):
        x = unit(x, stage.filters, 3, f"{name}_down", strides=2)
        for i in range(stage.blocks):
            y = unit(x, stage.narrow, 1, f"{name}_block{i}_narrow")
            y = unit(y, stage.filters, 3, f"{name}_block{i}_wide")
            x = layers.Add(name=f"{name}_block{i}")([x, y])
        return x

    image = keras.Input((None, None, 3), name="image")
    x = layers.Rescaling(1 / 127.5, -1.0, name="scale")(image)
    x = unit(x, 16, 3, "stem", strides=2)
    features = []
    for stage in stages:
        x = stage_of(x, stage, f"stride{stage.stride}")
        features.append(x)

    pyramid: list = []
    above = None
    for feature, stage in zip(reversed(features), reversed(stages), strict=True):
        if not stage.level:
            break
        name = f"level{stage.stride}"
        merged = unit(feature, stage.level, 1, f"{name}_lateral", activation=False)
        if above is not None:
            if above.shape[-1] != stage.level:
                above = unit(above, stage.level, 1, f"{name}_from_above", activation=False)
            above = layers.UpSampling2D(2, name=f"{name}_up")(above)
            merged = layers.Add(name=f"{name}_sum")([merged, above])
        above = layers.ReLU(name=f"{name}_relu")(merged)
        pyramid.insert(0, unit(above, stage.level, 3, f"{name}_out"))
    levels = compact_levels(stages)
    return detector(
        image,
        pyramid,
        levels,
        1,
        [f"level{level.stride}" for level in levels],
        COMPACT_CONFIDENCE,
        "compact",
        bias=-4.6,  # a prior score of 0.01, as focal loss wants it (Lin et al. 2017)
    )


def build_fast() -> keras.Model:
    """Builds the compact detector with fewer channels and without priors below 19 pixels."""
    return build_compact(FAST_STAGES)


ARCHITECTURES: dict[str, Callable[..., keras.Model]] = {
    "compact": build_compact,
    "fast": build_fast,
    "ssd512": build_ssd512,
}
