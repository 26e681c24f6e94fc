"""The SSD family of single-shot detectors: priors, box coding, layers, and what all end in.

Two members share it: SSD512 on VGG-16 (Liu et al., "SSD: Single Shot MultiBox
Detector", ECCV 2016), into which the published head detector converts, and a compact
residual network that is small enough to ship and to run on a CPU; both are built in
`headpose.detection.networks`. A detector is one
Keras model: BGR pictures in 0..255 in, all boxes with their scores out. Suppression is
not part of it; see `headpose.detection.head_detector`.

Everything here uses Keras operations only and runs on any backend.
"""

import dataclasses

import keras
import numpy as np
from keras import layers, ops

VARIANCES = (0.1, 0.1, 0.2, 0.2)


@dataclasses.dataclass(frozen=True)
class AnchorLevel:
    """The priors of one feature map: at each cell's middle, one box of each shape.

    Attributes:
        stride: Distance of neighbouring cells, pixels of the input picture.
        shapes: Width and height of each prior, pixels of the input picture.
    """

    stride: int
    shapes: tuple[tuple[float, float], ...]

    @classmethod
    def from_config(cls, config: dict) -> "AnchorLevel":
        stride = config["stride"] if "stride" in config else config["step"]  # of earlier versions
        return cls(int(stride), tuple((float(w), float(h)) for w, h in config["shapes"]))


def priors(levels: tuple[AnchorLevel, ...], height, width):
    """Lays out the prior boxes of a picture.

    Cells in the order of memory (x moves first), the shapes of a cell together, the
    levels one after another. A level has ceil(size / stride) cells along each axis.

    Args:
        levels: The feature maps.
        height, width: The input picture's size, integers or scalar tensors.

    Returns:
        float32 tensor (N, 4): centre x, centre y, width, height in pixels.
    """
    return ops.concatenate(
        [
            ops.concatenate(
                [level_centres(level, height, width), spread(level, height, width, level.shapes)],
                axis=-1,
            )
            for level in levels
        ],
        axis=0,
    )


def level_centres(level: AnchorLevel, height, width):
    """Returns centre x and y (N, 2) of a level's priors, pixels; arguments as of `priors`."""
    grid = _grid(level, height, width)
    y, x = ((ops.cast(ops.arange(count), "float32") + 0.5) * level.stride for count in grid[:2])
    return _rows([x[None, :, None, None], y[:, None, None, None]], grid)


def spread(level: AnchorLevel, height, width, values):
    """Lays values (K, C) of a level's shapes out for its priors (N, C), as `priors` has them."""
    values = np.array(values, np.float32)
    columns = [values[None, None, :, i : i + 1] for i in range(values.shape[1])]
    return _rows(columns, _grid(level, height, width))


def _grid(level: AnchorLevel, height, width) -> tuple:
    """Returns rows, columns and shapes of a level, and 1."""
    return -(-height // level.stride), -(-width // level.stride), len(level.shapes), 1


def _rows(columns, grid):
    """Lays columns out on a grid; of as many axes before as after, which LiteRT can."""
    laid_out = [ops.broadcast_to(column, grid) for column in columns]
    return ops.reshape(ops.concatenate(laid_out, axis=-1), (-1, len(columns)))


def decode(boxes, prior_boxes, variances=VARIANCES):
    """Decodes regressed offsets (..., N, 4) to corners in pixels.

    cx = v0 l0 pw + pcx, w = exp(v2 l2) pw, and likewise for y (Liu et al. 2016, eq. 2).
    """
    return keras.utils.bounding_boxes.decode_deltas_to_boxes(
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
        levels: `AnchorLevel`s of the priors.
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
            level if isinstance(level, AnchorLevel) else AnchorLevel.from_config(level)
            for level in levels
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

    def multiply_adds(self):
        """Returns 0: it is counted as other normalizations are."""
        return 0

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
        levels: `AnchorLevel`s, as many as features.
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
