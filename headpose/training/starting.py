"""Transfer of weights from another network, and layers that are frozen."""

from collections.abc import Sequence

import keras

from headpose.errors import HeadposeError
from headpose.pose.rotation import all_layers
from headpose.reporting import announce


def freeze(model: keras.Model, names: Sequence[str]) -> None:
    """Leaves layers whose names begin so as they are, and has all others learn.

    Raises:
        HeadposeError: If no layer is called so.
    """
    for name in names:
        if not any(layer.name.startswith(name) for layer in model.layers):
            raise HeadposeError(f"no layer's name begins with {name!r}")
    for layer in model.layers:
        layer.trainable = not layer.name.startswith(tuple(names))


def take_weights(model: keras.Model, other: keras.Model, path: str) -> None:
    """Takes over the weights of all layers that a model has by the same name and shape.

    Args:
        model: The one that gets them.
        other: The one that has them.
        path: The other's file, for messages.

    Raises:
        HeadposeError: If no layer fits, or the other is of several networks.
    """
    layers = [layer for layer in all_layers(other) if layer.weights]
    theirs = {layer.name: layer.get_weights() for layer in layers}
    if len(theirs) < len(layers):
        raise HeadposeError(f"{path}: asks several networks; --start from one of them")
    fitting = [
        layer
        for layer in model.layers
        if layer.weights
        and [w.shape for w in theirs.get(layer.name, [])] == [w.shape for w in layer.weights]
    ]
    if not fitting:
        raise HeadposeError(f"{path}: none of its layers fits this network; leave out --start")
    for layer in fitting:
        layer.set_weights(theirs[layer.name])
    weighted = sum(bool(layer.weights) for layer in model.layers)
    announce(f"{path}: {len(fitting)} of {weighted} layers take its weights")
