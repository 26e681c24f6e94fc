"""deepgaze's head pose networks (Patacchiola and Cangelosi 2017), rebuilt in Keras.

Each angle has a network of its own; here they are the branches of one model, whose
weights come from deepgaze's TensorFlow checkpoints.
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from headpose.baselines.deepgaze_files import find_checkpoints
from headpose.convert.tf_checkpoints import Checkpoint
from headpose.errors import HeadposeError
from headpose.pose.networks import CropInput

SIZE = 64  # pixels, of the crops
MEAN = 127.0  # taken off each channel
FILTERS = (64, 128, 256)
HIDDEN = 256
# Degrees at an output of 1. deepgaze learned roll from AFLW, which counts it
# counter-clockwise; this project counts clockwise.
SCALES = {"pitch": 45.0, "yaw": 100.0, "roll": -25.0}
# Shapes of the weights; each of them has a bias for every output.
SHAPES = {
    "conv1": (3, 3, 3, FILTERS[0]),
    "conv2": (3, 3, FILTERS[0], FILTERS[1]),
    "conv3": (3, 3, FILTERS[1], FILTERS[2]),
    "dense1": ((SIZE // 8) ** 2 * FILTERS[2], HIDDEN),
    "out": (HIDDEN, 1),
}


@keras.saving.register_keras_serializable("headpose")
class LocalResponseNormalization(layers.Layer):
    """Divides by a power of the squares' sum over neighbouring channels.

    y = x / (bias + alpha * sum of x² over the channels up to `depth_radius` away) ** beta
    (Krizhevsky et al. 2012, section 3.3, as TensorFlow's `tf.nn.lrn` counts it).

    Args:
        depth_radius: Channels on either side; those beyond the first and last count 0.
        bias, alpha, beta: See the formula. The defaults are deepgaze's.
    """

    def __init__(self, depth_radius=4, bias=1.0, alpha=0.001 / 9, beta=0.75, **kwargs):
        super().__init__(**kwargs)
        self.depth_radius = int(depth_radius)
        self.bias, self.alpha, self.beta = float(bias), float(alpha), float(beta)

    def call(self, inputs):
        channel = np.arange(inputs.shape[-1])
        near = np.abs(channel[:, None] - channel[None]) <= self.depth_radius
        # As a product with a band of ones, the sum is one operation on every backend.
        sums = ops.matmul(ops.square(inputs), ops.convert_to_tensor(near, inputs.dtype))
        return inputs / ops.power(self.bias + self.alpha * sums, self.beta)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {
            "depth_radius": self.depth_radius,
            "bias": self.bias,
            "alpha": self.alpha,
            "beta": self.beta,
        }


def build_deepgaze(roll: bool = True) -> keras.Model:
    """Builds the network, from BGR crops (B, 64, 64, 3) in 0..255 to degrees.

    The crop is that of deepgaze's own detector: the square face box of the cascades, not
    the whole head (see `headpose.detection.viola_jones.head_to_face`).

    Args:
        roll: Whether there is a branch for roll.

    Returns:
        A model with outputs (B, 3): tilt, pan, roll, or (B, 2) without roll.
    """
    crops = keras.Input((SIZE, SIZE, 3), name="crops")
    x = CropInput("short", 1.0, name="crop")(crops)
    x = layers.Rescaling(1.0, -MEAN, name="centre")(x)
    angles = [a for a in SCALES if roll or a != "roll"]
    outputs = layers.Concatenate(name="angles")([_branch(x, angle) for angle in angles])
    scales = [SCALES[a] for a in angles]
    outputs = layers.Rescaling(scales, name="degrees", dtype="float32")(outputs)
    return keras.Model(crops, outputs, name="deepgaze")


def _branch(x, angle: str):
    """Adds the network of one angle; its output is in -1..1."""
    for i, filters in enumerate(FILTERS, 1):
        name = f"{angle}_conv{i}"
        x = layers.Conv2D(filters, 3, padding="same", activation="tanh", name=name)(x)
        x = layers.MaxPooling2D(2, padding="same", name=f"{angle}_pool{i}")(x)
        x = LocalResponseNormalization(name=f"{angle}_norm{i}")(x)
    x = layers.Flatten(name=f"{angle}_flatten")(x)
    x = layers.Dense(HIDDEN, activation="tanh", name=f"{angle}_dense1")(x)
    return layers.Dense(1, activation="tanh", name=f"{angle}_out")(x)


def is_deepgaze(model) -> bool:
    """Tells whether a model is a Keras model made of deepgaze's branches."""
    found = getattr(model, "layers", [])  # an exported model has none
    return any(isinstance(layer, LocalResponseNormalization) for layer in found)


def load_deepgaze(folder: str | Path) -> keras.Model:
    """Builds the network with the weights of deepgaze's checkpoints.

    Args:
        folder: See `headpose.baselines.deepgaze_files.find_checkpoints`.

    Raises:
        HeadposeError: If a checkpoint is missing, damaged, or of another network.
    """
    found = find_checkpoints(folder)
    weights = {angle: read_weights(path, angle) for angle, path in found.items()}
    model = build_deepgaze(roll="roll" in found)
    for angle, by_layer in weights.items():
        for layer, arrays in by_layer.items():
            model.get_layer(f"{angle}_{layer}").set_weights(arrays)
    return model


def read_weights(path: str | Path, angle: str) -> dict[str, list[np.ndarray]]:
    """Reads the weights and biases of one angle's layers.

    Args:
        path: The checkpoint.
        angle: `pitch`, `yaw` or `roll`.

    Raises:
        HeadposeError: If it is no checkpoint or one of another network; says what differs.
    """
    checkpoint = Checkpoint(path)
    expected = {}
    for layer, shape in SHAPES.items():
        expected[f"{layer}_{angle}_w"], expected[f"{layer}_{angle}_b"] = shape, shape[-1:]
    missing = [name for name in expected if name not in checkpoint.shapes]
    wrong = [
        f"{name} is {_shown(checkpoint.shapes[name])}, not {_shown(shape)}"
        for name, shape in expected.items()
        if name in checkpoint.shapes and checkpoint.shapes[name] != shape
    ]
    if missing:
        others = sorted(set(checkpoint.shapes) - set(expected))
        has = f"; it has {_some(others)} instead" if others else ""
        wrong.insert(0, f"no {_some(missing)}{has}")
    if wrong:
        raise HeadposeError(f"{path}: not deepgaze's {angle} network: {'; '.join(wrong)}")
    return {
        layer: [checkpoint.read(f"{layer}_{angle}_{kind}") for kind in "wb"] for layer in SHAPES
    }


def _some(names: list[str], max_names: int = 4) -> str:
    more = f" and {len(names) - max_names} more" if len(names) > max_names else ""
    return ", ".join(names[:max_names]) + more


def _shown(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"
