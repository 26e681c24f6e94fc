"""Checkpoints of deepgaze's form: the exact variable names and shapes, made-up values."""

from pathlib import Path

import numpy as np

ANGLES = ("pitch", "yaw", "roll")


def random_weights(angle: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Values by variable name, scaled so that no layer saturates."""
    random = np.random.default_rng((seed, ANGLES.index(angle)))
    shapes = {
        "conv1": (3, 3, 3, 64),
        "conv2": (3, 3, 64, 128),
        "conv3": (3, 3, 128, 256),
        "dense1": (16384, 256),
        "out": (256, 1),
    }
    result = {}
    for layer, shape in shapes.items():
        fan = np.prod(shape[:-1])
        # The first layer gets pixels, tens of times larger than what the others get.
        scale = (0.02 if layer == "conv1" else 1.0) / np.sqrt(fan)
        result[f"{layer}_{angle}_w"] = random.normal(0, scale, shape).astype(np.float32)
        result[f"{layer}_{angle}_b"] = random.normal(0, 0.1, shape[-1]).astype(np.float32)
    return result


def write_checkpoint(path: Path, variables: dict[str, np.ndarray], version: int = 1) -> Path:
    """Writes a checkpoint of TensorFlow's format V1 (one file) or V2 (a prefix)."""
    import tensorflow as tf

    v1 = tf.compat.v1
    path.parent.mkdir(parents=True, exist_ok=True)
    formats = {1: v1.train.SaverDef.V1, 2: v1.train.SaverDef.V2}
    logger = tf.get_logger()
    before = logger.level
    logger.setLevel("ERROR")  # it deprecates V1 in six lines
    try:
        with tf.Graph().as_default(), v1.Session() as session:
            named = {
                name: v1.get_variable(f"v{i}", initializer=values)
                for i, (name, values) in enumerate(variables.items())
            }
            session.run(v1.global_variables_initializer())
            saver = v1.train.Saver(named, write_version=formats[version])
            saver.save(session, str(path), write_meta_graph=False)
    finally:
        logger.setLevel(before)
    return path


def write_deepgaze(
    folder: Path, seed: int = 0, angles=ANGLES, names=None, version: int = 1
) -> Path:
    """Writes untrained networks as deepgaze's folder of models has them."""
    for angle in angles:
        home = folder / (names or {}).get(angle, angle)
        write_checkpoint(home / "cnn_cccdd_30k.tf", random_weights(angle, seed), version)
    return folder
