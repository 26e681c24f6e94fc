"""ONNX files whose weights are stored as float16 and computed with as float32: half the size."""

from pathlib import Path

import numpy as np

SMALLEST = 256  # numbers of a tensor; below, there is nothing to be saved


def halve_weights(file: Path) -> None:
    """Stores the large float32 tensors of an ONNX file as float16, each with a Cast behind it.

    Runtimes fold the casts when they load a file, so that nothing is slower afterwards. A
    weight changes by at most 2^-11 of itself.

    Args:
        file: Is replaced.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(file)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST:
            continue
        values = numpy_helper.to_array(tensor)
        if np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, file)
