"""Networks rebuilt from operations that every backend knows, sharing their weights."""

from typing import Any

import keras
import numpy as np
from keras import layers

from headpose.detection.ssd import DecodeBoxes, ReverseChannels
from headpose.export.angles import PortableAngles, asked_together
from headpose.export.portable_layers import (
    ENLARGED,
    AsItIs,
    Enlarge,
    JointConvolution,
    JointDecoding,
    Mirror,
    NormalizedDense,
    Reverse,
    ScaledConvolution,
    Shift,
    Standardize,
)
from headpose.pose.rotation import HeadAngles, MirrorImage, all_layers


def rewrite(model: keras.Model, decoded: bool = True, of_two: bool = False) -> keras.Model:
    """Returns a network that computes the same from operations that runtimes know.

    Args:
        model: A head detector or a pose estimator of ours.
        decoded: Whether boxes and angles are decoded in the network. If not, it ends
            with what `headpose.models.decoding` reads: a detector with the prediction maps of
            each level (offsets, then logits), an estimator of rotations with its raw
            outputs.
        of_two: See `headpose.export.angles.PortableAngles`.
    """
    merged = _merged(model)

    def replaced(layer):
        if layer in merged:
            return merged[layer]
        if type(layer) is layers.LayerNormalization and not layer.weights:
            return Standardize(layer.epsilon, name=layer.name)
        enlarges = type(layer) is layers.UpSampling2D and layer.interpolation == "nearest"
        if enlarges and layer.size == (ENLARGED, ENLARGED):
            return Enlarge(layer.size, name=layer.name)
        if type(layer) is ReverseChannels:
            return Reverse(name=layer.name)
        if type(layer) is MirrorImage:
            return Mirror(name=layer.name)
        if type(layer) is HeadAngles:
            return PortableAngles(layer.profile_turn, of_two, name=layer.name, dtype="float32")
        return layer

    model = _joint(model, of_two) if decoded else _undecoded(model)
    return keras.models.clone_model(model, clone_function=replaced, recursive=True)


def _merged(model: keras.Model) -> dict[layers.Layer, layers.Layer]:
    """Returns what replaces two layers one after another that one step can compute."""
    merged: dict[layers.Layer, layers.Layer] = {}
    for layer in all_layers(model):
        readers = [node.operation for node in layer._outbound_nodes]
        after: Any = readers[0] if len(readers) == 1 else None
        convolved = type(after) is layers.Conv2D and not after.use_bias
        if type(layer) is layers.Rescaling and convolved and not _shape_of_scale(layer):
            merged[layer] = Shift(layer, name=layer.name)
            merged[after] = ScaledConvolution(after, layer.scale, name=after.name)
        linear = type(layer) is layers.Dense and layer.activation is keras.activations.linear
        if linear and type(after) is layers.BatchNormalization:
            merged[layer] = NormalizedDense(layer, after, name=layer.name)
            merged[after] = AsItIs(name=after.name)
    return merged


def _shape_of_scale(layer: layers.Rescaling) -> tuple[int, ...]:
    return np.broadcast_shapes(np.shape(layer.scale), np.shape(layer.offset))


def _joint(model: keras.Model, of_two: bool) -> keras.Model:
    """Returns a detector with one convolution for what each level tells.

    Estimators that ask themselves twice do it at once; other networks stay as they are.
    """
    decoding = next((layer for layer in model.layers if isinstance(layer, DecodeBoxes)), None)
    if decoding is None:
        return asked_together(model, of_two)
    offsets, logits = ([layer for layer, _ in _maps(model, kind)] for kind in ("loc", "conf"))
    told = [
        JointConvolution(a, b, name=a.name.removesuffix("_loc"), dtype="float32")(a.input)
        for a, b in zip(offsets, logits, strict=True)
    ]
    together = [
        layers.Concatenate(axis=1, name=name, dtype="float32")(list(parts))
        for name, parts in zip(("centres", "sizes", "logits"), zip(*told, strict=True), strict=True)
    ]
    decode = JointDecoding(decoding, name=decoding.name, dtype="float32")
    return keras.Model(model.input, decode(*together, model.input), name=model.name)


def _maps(model: keras.Model, kind: str) -> list[tuple[layers.Layer, Any]]:
    """Returns what makes each level's map of a detector (`loc` or `conf`), and the map."""
    # Before the maps of all levels are laid out as rows and put together.
    rows = [y._keras_history.operation.input for y in model.get_layer(kind).input]
    return [(y._keras_history.operation, y) for y in rows]


def _undecoded(model: keras.Model) -> keras.Model:
    """Returns the model up to what its last layer decodes."""
    for layer in model.layers:
        if isinstance(layer, HeadAngles):
            return keras.Model(model.input, layer.input)
        if isinstance(layer, DecodeBoxes):
            maps = [y for kind in ("loc", "conf") for _, y in _maps(model, kind)]
            return keras.Model(model.input, maps)
    return model
