"""Pose networks of random weights whose answers differ from crop to crop."""

import numpy as np

from headpose.pose.networks import build_rotation


def lively(seed, **cut):
    """A network whose answers differ from crop to crop."""
    model = build_rotation(**cut)
    last, rng = model.get_layer("rotation"), np.random.default_rng(seed)
    last.set_weights([rng.normal(0, 1, w.shape) for w in last.get_weights()])
    return model
