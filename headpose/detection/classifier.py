"""The head classifier: a small network that tells a head from what is none, crop by crop.

It is the second stage of a detector (`headpose.detection.second_stage`), as in the two-stage
detectors of Girshick et al. 2014, with a single-shot detector as the first.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from headpose.models import efficientnet_lite
from headpose.models.specs import ClassifierSpec, is_stem

SIZE = 64  # pixels of a crop's side
SIDE, MARGIN = "long", 1.6  # of the square: shoulders and surroundings tell heads from balls
WIDTHS = (32, 64, 96)  # filters at 16, 8 and 4 rows
DROPOUT = 0.2
EFFICIENTNET_BLOCKS = 11  # of 16: 0.72 M parameters


@keras.saving.register_keras_serializable("headpose")
class SecondStage(layers.Layer):
    """Passes logits on; its settings tell how they are used, see `ClassifierSpec`."""

    def __init__(
        self,
        side: str = SIDE,
        margin: float = MARGIN,
        lowest: float = 0.0,
        weights: tuple[float, float, float] = (1.0, 1.0, 0.0),
        detector: str = "",
        digest: str = "",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if detector and not is_stem(detector):
            raise ValueError("the first stage's name is no name of a file")
        a, b, c = map(float, weights)
        self.settings: dict[str, Any] = {
            "side": str(side),
            "margin": float(margin),
            "lowest": float(lowest),
            "weights": (a, b, c),
            "detector": str(detector),
            "digest": str(digest),
        }

    def spec(self, size: int) -> ClassifierSpec:
        """Returns what must be known of the network whose crops have a side of `size` pixels."""
        return ClassifierSpec(size, **self.settings)

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | self.settings


def build_classifier(size: int = SIZE, widths: tuple[int, ...] = WIDTHS) -> keras.Model:
    """Builds a residual network from crops (B, size, size, 3), BGR in 0..255, to logits (B, 1).

    With the default widths it has 339,281 parameters and some 16 million multiply-adds a crop.

    Args:
        size: Side of the crops, pixels.
        widths: Filters of the stages, each of half the rows of the one before; two
            convolutions of stride 2 come first.
    """

    def unit(x, filters: int, name: str, strides: int = 1):
        x = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False, name=f"{name}_conv")(
            x
        )
        return layers.BatchNormalization(momentum=0.97, name=f"{name}_bn")(x)

    image = keras.Input((size, size, 3), name="crops")
    x = layers.Rescaling(1 / 64, -2.0, name="scale")(image)
    x = layers.ReLU(name="stem_relu")(unit(x, widths[0] // 2, "stem", 2))
    for i, filters in enumerate(widths):
        name = f"stage{i}"
        x = layers.ReLU(name=f"{name}_down_relu")(unit(x, filters, f"{name}_down", 2))
        y = layers.ReLU(name=f"{name}_first_relu")(unit(x, filters, f"{name}_first"))
        y = unit(y, filters, f"{name}_second")
        x = layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_sum")([x, y]))
    return _classifier(image, x)


def build_efficientnet_classifier(
    size: int = SIZE, blocks: int = EFFICIENTNET_BLOCKS
) -> keras.Model:
    """Builds a classifier as `build_classifier`, on the first blocks of EfficientNet-Lite0.

    Args:
        size: Side of the crops, pixels.
        blocks: See `headpose.models.efficientnet_lite.features`.
    """
    image = keras.Input((size, size, 3), name="crops")
    scale = efficientnet_lite.PIXEL_SCALE
    x = layers.Rescaling(scale, -efficientnet_lite.PIXEL_MEAN * scale, name="scale")(image)
    return _classifier(image, efficientnet_lite.features(x, blocks))


def _classifier(image, x) -> keras.Model:
    """Ends a network with a logit, told from the mean of its features."""
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(DROPOUT, name="dropout")(x)
    logit = layers.Dense(1, name="logit")(x)
    return keras.Model(image, SecondStage(name="second_stage")(logit), name="classifier")


# By the names that `headpose train-classifier` knows.
ARCHITECTURES: dict[str, Callable[..., keras.Model]] = {
    "residual": build_classifier,
    "efficientnet": build_efficientnet_classifier,
}


def with_settings(model: keras.Model, **settings) -> keras.Model:
    """Returns a classifier with other settings of its `SecondStage`, and the same weights."""
    old = model.layers[-1]
    assert isinstance(old, SecondStage)
    new = SecondStage(**(old.settings | settings), name=old.name)
    return keras.Model(model.input, new(old.input), name=model.name)
