"""How large networks are: parameters and multiply-adds, of Keras models and ONNX files."""

import math
from collections.abc import Sequence
from pathlib import Path

from variant_files import FSA_NET_FILES, YUNET_FILE, Sources, build
from variants import FSA_NET, PUBLISHED, SSD512, YUNET

from headpose.errors import HeadposeError

PRODUCTS = ("Conv", "Gemm", "MatMul")  # of ONNX's operations
UNKNOWN = ("ConvTranspose", "ConvInteger", "QLinearConv", "Einsum", "LSTM", "GRU", "RNN")
PICTURE = (384, 512)  # height and width that networks for any size are counted at


def rows(sources: Sources) -> list[dict]:
    """Counts our networks, those of the published system and, where given, of others.

    Args:
        sources: Our models and the folder of others.

    Returns:
        For each `network`, `input`, `parameters` and `multiply-adds`, None if unknown.
    """
    from headpose.models.keras_setup import set_up

    set_up("cpu", "float32")
    from headpose.models.keras_files import load_keras

    result = [
        _of_keras("our detector", load_keras(sources.detector)),
        _of_keras("our estimator", load_keras(sources.estimator)),
        _of_keras(SSD512, build(SSD512)),
        _of_keras(PUBLISHED, build(PUBLISHED)),
    ]
    if sources.peers is not None:
        height, width = PICTURE
        result += [
            _of_onnx(YUNET, sources, [YUNET_FILE], (1, 3, height, width)),
            _of_onnx(f"{FSA_NET} (both files)", sources, FSA_NET_FILES, (1, 3, 64, 64)),
        ]
    return result


def _of_keras(name: str, model) -> dict:
    from headpose.training.multiply_adds import multiply_adds

    shape = [n or m for n, m in zip(model.input_shape[1:3], PICTURE, strict=True)]
    counted = multiply_adds(model, PICTURE)
    return _row(name, [*shape, model.input_shape[3]], model.count_params(), counted)


def _of_onnx(name: str, sources: Sources, files: Sequence[str], shape: tuple) -> dict:
    input_shape = [*shape[2:], shape[1]]
    try:
        counts = [onnx_size(sources.peer(file), shape) for file in files]
    except (HeadposeError, ImportError, ValueError):
        return _row(name, input_shape, None, None)
    return _row(name, input_shape, *map(sum, zip(*counts, strict=True)))


def _row(name: str, shape: Sequence[int], parameters: int | None, counted: int | None) -> dict:
    size = "x".join(map(str, shape))
    return {"network": name, "input": size, "parameters": parameters, "multiply-adds": counted}


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
    wanted = {name for node in nodes for name in (*node.input[:2], node.output[0])}
    wanted = sorted(wanted - set(result) - {picture.name})
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
