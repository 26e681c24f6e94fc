"""Tiny ONNX networks, written without the onnx package.

Each answers with linear functions of the mean of each channel. The messages and their
field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

import struct
from pathlib import Path

import numpy as np

FLOAT, DOUBLE = 1, 11


def _varint(value: int) -> bytes:
    result = b""
    while value > 127:
        result += bytes([value & 127 | 128])
        value >>= 7
    return result + bytes([value])


def _field(number: int, value) -> bytes:
    """An int, a text or bytes as one field of a message."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    value = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _tensor(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(_field(1, n) for n in array.shape)
    values = struct.pack(f"<{array.size}f", *array.astype(float).ravel())
    return dims + _field(2, FLOAT) + _field(8, name) + _field(9, values)


def _value(name: str, shape: tuple, kind: int) -> bytes:
    dims = b"".join(_field(1, _field(2, n) if isinstance(n, str) else _field(1, n)) for n in shape)
    tensor = _field(1, kind) + _field(2, dims)
    return _field(1, name) + _field(2, _field(1, tensor))


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    names = b"".join(_field(1, i) for i in inputs)
    return names + _field(2, output) + _field(3, f"{output}-node") + _field(4, kind)


def write_linear(
    path: Path,
    weights: list[np.ndarray],
    biases: list[np.ndarray],
    size: int = 64,
    batch: int | str = "n",
    inputs: tuple[str, ...] = ("picture",),
    kind: int = FLOAT,
) -> Path:
    """Writes a network from pictures (batch, 3, size, size).

    Args:
        path: Where to.
        weights: For each output (3, K): output = channels' means @ weights + bias.
        biases: For each output (K,).
        size: Side of the pictures.
        batch: Fixed, or the name of any.
        inputs: Their names; all but the first are not used.
        kind: Of the inputs' numbers.
    """
    nodes = [_node("GlobalAveragePool", [inputs[0]], "pooled")]
    nodes += [_node("Flatten", ["pooled"], "means")]
    tensors, outputs = [], []
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        tensors += [_tensor(f"w{i}", np.asarray(weight)), _tensor(f"b{i}", np.asarray(bias))]
        nodes.append(_node("Gemm", ["means", f"w{i}", f"b{i}"], f"out{i}"))
        outputs.append(_value(f"out{i}", (batch, len(bias)), FLOAT))
    graph = b"".join(_field(1, n) for n in nodes) + _field(2, "linear")
    graph += b"".join(_field(5, t) for t in tensors)
    graph += b"".join(_field(11, _value(i, (batch, 3, size, size), kind)) for i in inputs)
    graph += b"".join(_field(12, o) for o in outputs)
    model = _field(1, 7) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 11))
    path.write_bytes(model)
    return path
