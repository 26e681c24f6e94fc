"""Enlargements in ONNX files, by factors instead of sizes.

Where pictures of any size are taken, TensorFlow's converter writes what enlarges a feature map
by the size that it shall have, computed in a dozen operations in each call. Told the factor,
ONNX Runtime need not lay the map out anew for it, and can do it with eight bits.
"""

import numpy as np

from headpose.export.portable_layers import ENLARGED

FACTORS = "enlarged"  # what the factors are called in a graph


def by_factors(graph) -> None:
    """Changes all enlargements of an ONNX graph in place, and drops what computed their sizes.

    Args:
        graph: Of a network by `headpose.export.rewrite`, whose maps are all enlarged by
            `ENLARGED`, each pixel repeated.
    """
    from onnx import helper, numpy_helper

    resizing = [node for node in graph.node if node.op_type == "Resize"]
    if not resizing:
        return
    factors = np.array([1, 1, ENLARGED, ENLARGED], np.float32)
    graph.initializer.append(numpy_helper.from_array(factors, FACTORS))
    how = {
        "mode": "nearest",
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    }
    for node in resizing:
        node.input[1:] = ["", FACTORS]
        del node.attribute[:]
        node.attribute.extend(helper.make_attribute(name, value) for name, value in how.items())
    _drop_unused(graph)


def _drop_unused(graph) -> None:
    """Drops nodes and constants of a graph whose answers nobody takes."""
    wanted = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):  # each after those whose answers it takes
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    constants = [tensor for tensor in graph.initializer if tensor.name in wanted]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(constants)
