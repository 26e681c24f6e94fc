"""Enlargements of ONNX files that are told their factor."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx, of the extra export, is not installed")
ort = pytest.importorskip("onnxruntime")

from headpose.export.resizing import FACTORS, by_factors  # noqa: E402


def enlarging():
    """A network that enlarges maps (B, C, H, W) by a size that it computes, then adds 1."""
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "twice": np.array([1, 1, 2, 2], np.int64),
        "one": np.ones((1,), np.float32),
        "unused": np.zeros(3, np.float32),
    }
    nodes = [
        helper.make_node("Shape", ["map"], ["shape"]),
        helper.make_node("Mul", ["shape", "twice"], ["sizes"]),
        helper.make_node("Resize", ["map", "", "", "sizes"], ["large"], mode="nearest"),
        helper.make_node("Add", ["large", "one"], ["answer"]),
    ]
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", 2, "h", "w"])]
        for name in ("map", "answer")
    ]
    initializers = [numpy_helper.from_array(v, k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "enlarging", *ends, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def test_maps_are_enlarged_by_a_factor_and_no_size_is_computed():
    model = enlarging()
    by_factors(model.graph)
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Resize", "Add"]
    assert {tensor.name for tensor in model.graph.initializer} == {FACTORS, "one"}
    maps = np.random.default_rng(0).normal(size=(3, 2, 4, 5)).astype("float32")
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"map": maps})
    np.testing.assert_array_equal(answer, maps.repeat(2, axis=2).repeat(2, axis=3) + 1)


def test_a_graph_without_enlargements_stays():
    model = enlarging()
    del model.graph.node[:3]
    model.graph.node[0].input[0] = "map"
    before = model.SerializeToString()
    by_factors(model.graph)
    assert model.SerializeToString() == before
