"""The size of a network in parameters and multiply-adds, counted from an ONNX file."""

import math
from collections.abc import Sequence
from pathlib import Path

PRODUCTS = ("Conv", "Gemm", "MatMul")  # of ONNX's operations

UNKNOWN = ("ConvTranspose", "ConvInteger", "QLinearConv", "Einsum", "LSTM", "GRU", "RNN")


def onnx_size(path: Path, shape: tuple[int, ...]) -> tuple[int, int]:
    """Returns parameters and multiply-adds of the network in an ONNX file.

    Counted are convolutions and matrix products, as `headpose.training.multiply_adds` counts them.

    Args:
        path: The file.
        shape: Of its input, whatever the file says.

    Raises:
        ImportError: If the package onnx or onnxruntime is missing.
        ValueError: If it has products of a kind that is not known here.
    """
    import onnx

    model = onnx.load(path)
    parameters = sum(math.prod(x.dims) for x in model.graph.initializer)
    nodes = [node for node in model.graph.node if node.op_type in (*PRODUCTS, *UNKNOWN)]
    if unknown := {node.op_type for node in nodes} & set(UNKNOWN):
        raise ValueError(f"{path}: the multiply-adds of {', '.join(unknown)} are not known here")
    shapes = _shapes(model, nodes, shape)
    return parameters, sum(_products(node, shapes) for node in nodes)


def _shapes(model, nodes: Sequence, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the nodes' inputs and outputs by name, by running the network."""
    import numpy as np
    import onnx
    import onnxruntime

    graph = model.graph
    result = {x.name: tuple(x.dims) for x in graph.initializer}
    (picture,) = [x for x in graph.input if x.name not in result]
    for dimension, size in zip(picture.type.tensor_type.shape.dim, shape, strict=True):
        dimension.dim_value = size
    del graph.output[:], graph.value_info[:]  # which are for another size
    named = {name for node in nodes for name in (*node.input[:2], node.output[0])}
    wanted = sorted(named - set(result) - {picture.name})
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    outputs = session.run(wanted, {picture.name: np.zeros(shape, np.float32)})
    return result | {picture.name: shape} | dict(zip(wanted, map(np.shape, outputs), strict=True))


def _products(node, shapes: dict[str, tuple[int, ...]]) -> int:
    """Counts the multiply-adds of one node."""
    first, second, result = (shapes[name] for name in (*node.input[:2], node.output[0]))
    if node.op_type == "Conv":
        return math.prod(second) * math.prod(result[2:])
    transposed = any(a.name == "transA" and a.i for a in node.attribute)
    return math.prod(result) * first[-2 if transposed else -1]
