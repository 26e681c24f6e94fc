"""The SSD family of single-shot detectors: priors, box coding and networks.

Two members share it: SSD512 on VGG-16 (Liu et al., "SSD: Single Shot MultiBox
Detector", ECCV 2016), into which the published head detector converts, and a compact
residual network that is small enough to ship and to run on a CPU. A detector is one
Keras model: BGR pictures in 0..255 in, all boxes with their scores out. Suppression is
not part of it; see `headpose.detector`.

Everything here uses Keras operations only and runs on any backend.
"""

import dataclasses
import math

import keras
import numpy as np
from keras import layers, ops

VARIANCES = (0.1, 0.1, 0.2, 0.2)


@dataclasses.dataclass(frozen=True)
class Level:
    """The priors of one feature map: at each cell's middle, one box of each shape.

    Attributes:
        step: Distance of neighbouring cells, pixels of the input picture.
        shapes: Width and height of each prior, pixels of the input picture.
    """

    step: int
    shapes: tuple[tuple[float, float], ...]

    @classmethod
    def from_config(cls, config: dict) -> "Level":
        return cls(int(config["step"]), tuple((float(w), float(h)) for w, h in config["shapes"]))


def priors(levels: tuple[Level, ...], height, width):
    """Lays out the prior boxes of a picture.

    Cells in the order of memory (x moves first), the shapes of a cell together, the
    levels one after another. A level has ceil(size / step) cells along each axis.

    Args:
        levels: The feature maps.
        height, width: The input picture's size, integers or scalar tensors.

    Returns:
        float32 tensor (N, 4): centre x, centre y, width, height in pixels.
    """
    parts = []
    for level in levels:
        rows, columns = -(-height // level.step), -(-width // level.step)
        y = (ops.cast(ops.arange(rows), "float32") + 0.5) * level.step
        x = (ops.cast(ops.arange(columns), "float32") + 0.5) * level.step
        shapes = ops.convert_to_tensor(np.array(level.shapes, np.float32))
        count = len(level.shapes)
        grid = (rows, columns, count, 1)
        cells = [
            ops.broadcast_to(x[None, :, None, None], grid),
            ops.broadcast_to(y[:, None, None, None], grid),
            ops.broadcast_to(shapes[None, None, :, None, 0], grid),
            ops.broadcast_to(shapes[None, None, :, None, 1], grid),
        ]
        parts.append(ops.reshape(ops.concatenate(cells, axis=-1), (-1, 4)))
    return ops.concatenate(parts, axis=0)


def decode(boxes, prior_boxes, variances=VARIANCES):
    """Decodes regressed offsets (..., N, 4) to corners in pixels.

    cx = v0 l0 pw + pcx, w = exp(v2 l2) pw, and likewise for y (Liu et al. 2016, eq. 2).
    """
    return keras.utils.bounding_boxes.decode_deltas_to_boxes(
        prior_boxes, boxes, "center_xywh", "xyxy", "center_xywh", list(variances)
    )


def encode(boxes, prior_boxes, variances=VARIANCES):
    """Encodes corners (..., N, 4) as offsets from the priors: the inverse of `decode`."""
    return keras.utils.bounding_boxes.encode_box_to_deltas(
        prior_boxes, boxes, "center_xywh", "xyxy", "center_xywh", list(variances)
    )


def head_logit(confidence):
    """Returns the logit (..., N) of "head" from one sigmoid or two softmax channels.

    The softmax of (background, head) is the sigmoid of their difference.
    """
    if confidence.shape[-1] == 1:
        return confidence[..., 0]
    return confidence[..., 1] - confidence[..., 0]


@keras.saving.register_keras_serializable("headpose")
class DecodeBoxes(layers.Layer):
    """Turns the heads' raw outputs into boxes and scores; what a detector ends with.

    Args:
        levels: `Level`s of the priors.
        variances: Four factors of the box coding.
        confidence: The score from which a box should count as a head; kept here so
            that a model file carries its own default.

    Call arguments:
        loc: (B, N, 4) offsets.
        conf: (B, N, 1) or (B, N, 2) logits, background first.
        image: (B, H, W, 3), of which only the size counts.

    Returns:
        Corners (B, N, 4) in pixels of the input, not clipped, and scores (B, N) in 0..1.
    """

    def __init__(self, levels, variances=VARIANCES, confidence=0.5, **kwargs):
        super().__init__(**kwargs)
        self.levels = tuple(
            level if isinstance(level, Level) else Level.from_config(level) for level in levels
        )
        self.variances = tuple(float(v) for v in variances)
        self.confidence = float(confidence)

    def call(self, loc, conf, image):
        height, width = ops.shape(image)[1:3]
        boxes = decode(ops.cast(loc, "float32"), priors(self.levels, height, width), self.variances)
        return boxes, ops.sigmoid(ops.cast(head_logit(conf), "float32"))

    def compute_output_shape(self, loc_shape, conf_shape, image_shape):
        return tuple(loc_shape), tuple(conf_shape[:-1])

    def compute_output_spec(self, loc, conf, image):
        boxes, scores = self.compute_output_shape(loc.shape, conf.shape, image.shape)
        return keras.KerasTensor(boxes, "float32"), keras.KerasTensor(scores, "float32")

    def get_config(self):
        return super().get_config() | {
            "levels": [dataclasses.asdict(level) for level in self.levels],
            "variances": list(self.variances),
            "confidence": self.confidence,
        }


@keras.saving.register_keras_serializable("headpose")
class L2Normalization(layers.Layer):
    """Scales each position's channel vector to a learned length per channel.

    gamma * x / sqrt(sum over channels of x^2) (ParseNet, Liu et al. 2015), as SSD
    applies it to conv4_3. The sum of squares is at least epsilon.
    """

    def __init__(self, initial=20.0, epsilon=1e-12, **kwargs):
        super().__init__(**kwargs)
        self.initial = float(initial)
        self.epsilon = float(epsilon)

    def build(self, input_shape):
        self.gamma = self.add_weight(
            name="gamma",
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.initial),
        )

    def call(self, inputs):
        squares = ops.sum(ops.square(inputs), axis=-1, keepdims=True)
        return self.gamma * inputs * ops.rsqrt(ops.maximum(squares, self.epsilon))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"initial": self.initial, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("headpose")
class ReverseChannels(layers.Layer):
    """BGR to RGB and back."""

    def call(self, inputs):
        return ops.flip(inputs, axis=-1)

    def compute_output_shape(self, input_shape):
        return input_shape


def detector(image, features, levels, classes, head_names, confidence, name, **head_options):
    """Adds prediction heads and the decoding to feature maps and makes it a model.

    Args:
        image: The input tensor.
        features: One feature map per level.
        levels: `Level`s, as many as features.
        classes: Channels of a prior's confidence: 1 (sigmoid) or 2 (softmax).
        head_names: Name of each level, from which its layers get theirs.
        confidence: Default threshold, stored in the model.
        name: The model's name.
        **head_options: `bias`: the initial bias of the confidence convolutions.
    """
    bias = keras.initializers.Constant(head_options.get("bias", 0.0))
    locs, confs = [], []
    for feature, level, head in zip(features, levels, head_names, strict=True):
        count = len(level.shapes)
        loc = layers.Conv2D(4 * count, 3, padding="same", name=f"{head}_mbox_loc")(feature)
        conf = layers.Conv2D(
            classes * count,
            3,
            padding="same",
            bias_initializer=bias,
            name=f"{head}_mbox_conf",
        )(feature)
        locs.append(layers.Reshape((-1, 4), name=f"{head}_loc_rows")(loc))
        confs.append(layers.Reshape((-1, classes), name=f"{head}_conf_rows")(conf))
    # Linear layers in float32, so that scores keep their precision under mixed policies.
    loc = layers.Concatenate(axis=1, name="loc", dtype="float32")(locs)
    conf = layers.Concatenate(axis=1, name="conf", dtype="float32")(confs)
    decoding = DecodeBoxes(levels, confidence=confidence, name="decode", dtype="float32")
    return keras.Model(image, decoding(loc, conf, image), name=name)


def raw_outputs(model: keras.Model) -> keras.Model:
    """Returns the model up to its raw `loc` and `conf`, sharing weights, for training."""
    return keras.Model(model.input, [model.get_layer("loc").output, model.get_layer("conf").output])


# --------------------------------------------------------------------------- SSD512

SSD512_STEPS = (8, 16, 32, 64, 128, 256, 512)
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


def scaled_levels(scales, ratios, steps, size: int) -> tuple[Level, ...]:
    """Builds SSD's priors from scales (Liu et al. 2016, section 2.2).

    Level k has a square of scale s_k, one of sqrt(s_k s_k+1), and for each ratio r the
    boxes s_k sqrt(r) x s_k / sqrt(r) and the same on end.
    """
    result = []
    for k, (step, more) in enumerate(zip(steps, ratios, strict=True)):
        s = scales[k] * size
        between = math.sqrt(scales[k] * scales[k + 1]) * size
        shapes = [(s, s), (between, between)]
        for ratio in more:
            root = math.sqrt(ratio)
            shapes += [(s * root, s / root), (s / root, s * root)]
        result.append(Level(step, tuple(shapes)))
    return tuple(result)


def ssd512_levels(preset: str = "original") -> tuple[Level, ...]:
    """Returns the priors of SSD512, 24,564 in a picture of 512 x 512."""
    return scaled_levels(PRESETS[preset].scales, SSD512_RATIOS, SSD512_STEPS, 512)


def build_ssd512(preset: str = "original", confidence: float = 0.2) -> keras.Model:
    """Builds SSD512 on VGG-16 for two classes: 24,386,328 parameters.

    Args:
        preset: `original` or `matconvnet`, see `PRESETS`.
        confidence: Default threshold stored in the model (0.2 in the published demo).

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
    return detector(image, sources, ssd512_levels(preset), 2, SSD512_SOURCES, confidence, "ssd512")


# -------------------------------------------------------------------------- compact

# Head boxes are a little taller than wide. Sizes rise by about 1.45 from prior to prior,
# so that the size of any head is within a factor 1.2 of one.
COMPACT_SIZES = {4: (9, 13), 8: (19, 28), 16: (41, 60), 32: (87, 126), 64: (183, 265, 385)}


def compact_levels() -> tuple[Level, ...]:
    """Returns the priors of the compact detector: 0.9 s x 1.1 s for each size s."""
    return tuple(
        Level(step, tuple((0.9 * s, 1.1 * s) for s in sizes))
        for step, sizes in COMPACT_SIZES.items()
    )


def build_compact(confidence: float = 0.5) -> keras.Model:
    """Builds the compact detector: a small residual network with a top-down path.

    Every convolution is followed by batch normalization and ReLU. The backbone goes
    down to stride 64; the top-down path (feature pyramid, Lin et al. 2017) brings it
    back up to stride 4, whose cells are fine enough for heads of 8 pixels.

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

    def stage(x, filters, blocks, name):
        x = unit(x, filters, 3, f"{name}_down", strides=2)
        for i in range(blocks):
            y = unit(x, filters // 2, 1, f"{name}_block{i}_narrow")
            y = unit(y, filters, 3, f"{name}_block{i}_wide")
            x = layers.Add(name=f"{name}_block{i}")([x, y])
        return x

    image = keras.Input((None, None, 3), name="image")
    x = layers.Rescaling(1 / 127.5, -1.0, name="scale")(image)
    x = unit(x, 16, 3, "stem", strides=2)
    features = []
    for stride, filters, blocks in [
        (4, 32, 1),
        (8, 64, 2),
        (16, 128, 2),
        (32, 192, 1),
        (64, 192, 1),
    ]:
        x = stage(x, filters, blocks, f"stride{stride}")
        features.append(x)

    levels = compact_levels()
    pyramid = []
    above = None
    for feature, level in zip(reversed(features), reversed(levels), strict=True):
        width, name = (32 if level.step == 4 else 64), f"level{level.step}"
        merged = unit(feature, width, 1, f"{name}_lateral", activation=False)
        if above is not None:
            if above.shape[-1] != width:
                above = unit(above, width, 1, f"{name}_from_above", activation=False)
            above = layers.UpSampling2D(2, name=f"{name}_up")(above)
            merged = layers.Add(name=f"{name}_sum")([merged, above])
        above = layers.ReLU(name=f"{name}_relu")(merged)
        pyramid.insert(0, unit(above, width, 3, f"{name}_out"))
    return detector(
        image,
        pyramid,
        levels,
        1,
        [f"level{level.step}" for level in levels],
        confidence,
        "compact",
        bias=-4.6,  # a prior score of 0.01, as focal loss wants it (Lin et al. 2017)
    )


ARCHITECTURES = {"compact": build_compact, "ssd512": build_ssd512}
