"""The size of a network in parameters and multiply-adds, counted from the Keras model."""

import math

import keras
from keras import layers

# One product and sum for each weight of the kernel at each position of the output.
AT_EACH_OUTPUT = (
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
)
# The same at each position of the input.
AT_EACH_INPUT = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
# A few operations a value, as activations and pooling have, which nobody counts either;
# batch normalization can be folded into the convolution before it.
ELEMENTWISE = (
    layers.BatchNormalization,
    layers.GroupNormalization,
    layers.LayerNormalization,
    layers.Normalization,
    layers.PReLU,
    layers.UnitNormalization,
)


def multiply_adds(model: keras.Model, size: tuple[int, int] | None = None) -> int:
    """Counts the multiply-adds of convolutions and dense layers for one picture.

    A layer that is called several times counts several times. Biases, activations,
    pooling and normalization are not counted, as usual; the published 6/32/1/512 then has
    96,076,800.

    Args:
        model: Of layers that are joined up by calls (functional or sequential).
        size: Height and width of the picture, for a model that takes any.

    Raises:
        ValueError: If the model takes any size and none is given, or has a layer with
            weights of a kind that is not known here: nothing is left out silently.
    """
    tensors = [
        keras.Input(_shape(tensor.shape, size), dtype=tensor.dtype) for tensor in model.inputs
    ]
    return _count(model, tensors)


def _count(model: keras.Model, tensors: list) -> int:
    """Calls all layers of a copy of a model once more, on tensors that have a shape only."""
    total = 0

    def call(layer, *arguments, **options):
        nonlocal total
        result = layer(*arguments, **options)
        total += _of_layer(layer, arguments, result)
        return result

    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs)
    given = keras.tree.pack_sequence_as(model.input, tensors)
    keras.models.clone_model(model, input_tensors=given, call_function=call)
    return total


def _shape(shape: tuple, size: tuple[int, int] | None) -> tuple[int, ...]:
    """Returns an input's shape without the batch, with `size` where it is open."""
    height_width = list(size or ())
    if shape[1:].count(None) > len(height_width):
        raise ValueError("the model takes pictures of any size: say for which to count")
    return tuple(height_width.pop(0) if n is None else n for n in shape[1:])


def _of_layer(layer, arguments: tuple, result) -> int:
    if isinstance(layer, keras.Model):
        given = keras.tree.flatten(arguments)
        return _count(layer, [keras.Input(x.shape[1:], dtype=x.dtype) for x in given])
    if isinstance(layer, AT_EACH_OUTPUT):
        return math.prod(layer.kernel.shape) * _positions(layer, result)
    if isinstance(layer, AT_EACH_INPUT):
        return math.prod(layer.kernel.shape) * _positions(layer, arguments[0])
    if isinstance(layer, layers.SeparableConv1D | layers.SeparableConv2D):
        weights = math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape)
        return weights * _positions(layer, result)
    if isinstance(layer, layers.Dense):
        return math.prod(layer.kernel.shape) * math.prod(result.shape[1:-1])
    if hasattr(layer, "multiply_adds"):  # layers of ours tell it
        return layer.multiply_adds()
    if getattr(layer, "weights", None) and not isinstance(layer, ELEMENTWISE):
        kind = type(layer).__name__
        raise ValueError(f"layer {layer.name}: the multiply-adds of a {kind} are not known here")
    return 0


def _positions(layer, tensor) -> int:
    """Returns the product of the spatial extents."""
    shape = tensor.shape[1:]
    spatial = shape[:-1] if layer.data_format == "channels_last" else shape[1:]
    return math.prod(spatial)
