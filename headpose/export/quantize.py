"""Eight-bit integers for the convolutions of exported networks.

Ranges come from calibration pictures. Only convolutions are quantized where the converter
lets choose: nearly all of the work is theirs, and the standardization of crops, the
decoding of boxes and of angles need finer numbers.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from headpose.export.portable_layers import ENLARGED

# Convolutions in a row that stay in float32: a second one costs more time than it saves degrees.
FLOAT_FIRST = 1


def quantize_onnx(file: Path, name: str, inputs: Iterable[np.ndarray]) -> None:
    """Quantizes an ONNX file in place with ONNX Runtime.

    Weights get a scale for each of a convolution's outputs. What follows a convolution at
    once, its rectifier, is taken with it: the 256 steps then cover what is left of its
    answers, and none goes to negative ones that are thrown away.

    Args:
        file: The file.
        name: Of its input.
        inputs: Batches of one.
    """
    import onnx
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self._batches = iter(inputs)

        def get_next(self) -> dict | None:
            batch = next(self._batches, None)
            return None if batch is None else {name: batch}

    quantization.quantize_static(
        file,
        file,
        Reader(),
        op_types_to_quantize=["Conv", "Relu"],
        nodes_to_exclude=float_convolutions(onnx.load(file).graph),
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )


def float_convolutions(graph) -> list[str]:
    """Names the convolutions of an ONNX graph that stay in float32: little work, much harm.

    These are the first ones; those with a filter for each channel, as at an estimator's end; and
    the last ones of a detector, which has several answers and makes few numbers for
    them, each of which counts. Of these the finest level's is quantized all the same: it has
    half of their work, for small heads alone.
    """
    inputs_each = {tensor.name: tensor.dims[1] for tensor in graph.initializer if tensor.dims[1:]}
    passed: dict[str, int] = {}  # convolutions on the longest way from the picture to a tensor
    kept: list[str] = []
    passed_on: set[str] = set()  # tensors from which another convolution goes on
    for node in graph.node:  # each after those whose answers it takes
        before = max((passed.get(name, 0) for name in node.input), default=0)
        is_convolution = node.op_type == "Conv"
        passed |= dict.fromkeys(node.output, before + is_convolution)
        if is_convolution and (before < FLOAT_FIRST or inputs_each.get(node.input[1]) == 1):
            kept.append(node.name)
    strides, last = _strides(graph), {}
    for node in reversed(graph.node) if len(graph.output) > 1 else ():
        if node.op_type == "Conv" and not passed_on.intersection(node.output):
            last[node.name] = strides[node.output[0]]
        if node.op_type == "Conv" or passed_on.intersection(node.output):
            passed_on.update(node.input)
    if last:
        del last[min(last, key=lambda name: last[name])]
    return [*kept, *last]


def _strides(graph) -> dict[str, float]:
    """Returns of each tensor how many pixels of the picture lie between two of its cells."""
    strides: dict[str, float] = {}
    for node in graph.node:
        stride = max((strides.get(name, 1.0) for name in node.input), default=1.0)
        if node.op_type == "Conv":
            told = {attribute.name: attribute.ints for attribute in node.attribute}
            stride *= next(iter(told.get("strides", ())), 1)
        elif node.op_type == "Resize":
            stride /= ENLARGED
        strides |= dict.fromkeys(node.output, stride)
    return strides


def quantize_openvino(model, inputs: list[np.ndarray]):
    """Returns an OpenVINO model quantized with NNCF."""
    import nncf
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    convolutions = {"Convolution", "Constant", "Convert", "Parameter", "Result"}
    others = sorted({node.get_type_name() for node in model.get_ops()} - convolutions)
    return nncf.quantize(
        model,
        nncf.Dataset(inputs),
        subset_size=len(inputs),
        preset=nncf.QuantizationPreset.MIXED,
        ignored_scope=nncf.IgnoredScope(types=others, validate=False),
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            # Its correction of biases moves angles by two degrees; without it they err by 0.2.
            disable_bias_correction=True,
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
        ),
    )


def litert_options(inputs: list[np.ndarray]) -> dict:
    """Returns the options with which Keras' export has TensorFlow's converter quantize."""
    import tensorflow as tf

    def dataset():
        for batch in inputs:
            yield [batch]

    return {"optimizations": [tf.lite.Optimize.DEFAULT], "representative_dataset": dataset}
