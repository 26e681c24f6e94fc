"""A network begins with the strongest channels of a wider one.

Channels whose batch normalization scales them most are kept (network slimming, Liu et al.,
"Learning Efficient Convolutional Networks through Network Slimming", ICCV 2017).
"""

from collections import defaultdict

import keras
import numpy as np
from keras import layers

from headpose.errors import HeadposeError
from headpose.reporting import announce


def take_strongest(model: keras.Model, wide: keras.Model, path: str) -> None:
    """Takes weights of a wider network over, for the channels that matter most there.

    Layers belong together by name. Feature maps that are added have the same channels, so
    these are chosen once for all of them, by the sum of what scales them.

    Args:
        model: The one that gets weights: convolutions, batch normalization, and layers
            without weights.
        wide: Has every layer of `model` that has weights, with at least as many channels.
        path: Its file, for messages.

    Raises:
        HeadposeError: If it has not.
    """
    theirs = {layer.name: layer for layer in wide.layers}
    _check(model, theirs, path)
    made = _made_by(model)
    scales: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(1))
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            group = made[id(layer.input)]
            scales[group] = scales[group] + np.abs(np.asarray(theirs[layer.name].gamma))
    kept: dict[str, np.ndarray] = {}
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            there = theirs[layer.name].filters
            scale = np.broadcast_to(scales[made[id(layer.output)]], there)
            strongest = np.argsort(-scale, kind="stable")[: layer.filters]
            kept[made[id(layer.output)]] = np.sort(strongest)
    for layer in model.layers:
        if not layer.weights:
            continue
        weights = theirs[layer.name].get_weights()
        channels = kept[made[id(layer.output)]]
        weights = [w[..., channels] for w in weights]
        if isinstance(layer, layers.Conv2D) and made[id(layer.input)] in kept:
            weights[0] = weights[0][:, :, kept[made[id(layer.input)]]]
        layer.set_weights(weights)
    announce(f"{path}: {model.count_params()} of its {wide.count_params()} weights are taken")


def _check(model: keras.Model, theirs: dict[str, keras.Layer], path: str) -> None:
    """Refuses a network that is no wider form of `model`."""
    for layer in model.layers:
        if not layer.weights:
            continue
        other = theirs.get(layer.name)
        shapes = [w.shape for w in other.weights] if other else []
        fits = len(shapes) == len(layer.weights) and all(
            len(a) == len(b.shape) and all(np.less_equal(b.shape, a))
            for a, b in zip(shapes, layer.weights, strict=True)
        )
        if not fits or type(other) is not type(layer):
            raise HeadposeError(
                f"{path}: is no wider form of this network ({layer.name} does not fit); "
                "leave out --pruned-from"
            )


def _made_by(model: keras.Model) -> dict[int, str]:
    """Returns, by the id of each tensor, one name for all that have the same channels.

    The name is that of a convolution, or of an input; feature maps that are added share one.
    """
    made: dict[int, str] = {}
    for layer in model.layers:
        given = layer.input if isinstance(layer.input, list) else [layer.input]
        names = {made[id(tensor)] for tensor in given if id(tensor) in made}
        if isinstance(layer, layers.Conv2D) or not names:
            made[id(layer.output)] = layer.name
            continue
        first = min(names)
        if isinstance(layer, layers.Add):
            made.update({key: first for key, name in made.items() if name in names})
        outputs = layer.output if isinstance(layer.output, list | tuple) else [layer.output]
        made.update({id(tensor): first for tensor in outputs})
    return made
