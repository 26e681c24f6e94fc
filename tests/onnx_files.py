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


def field(number: int, value) -> bytes:
    """An int, a text or bytes as one field of a message."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    value = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _tensor(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(field(1, n) for n in array.shape)
    values = struct.pack(f"<{array.size}f", *array.astype(float).ravel())
    return dims + field(2, FLOAT) + field(8, name) + field(9, values)


def _value(name: str, shape: tuple, kind: int) -> bytes:
    dims = b"".join(field(1, field(2, n) if isinstance(n, str) else field(1, n)) for n in shape)
    tensor = field(1, kind) + field(2, dims)
    return field(1, name) + field(2, field(1, tensor))


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    names = b"".join(field(1, i) for i in inputs)
    return names + field(2, output) + field(3, f"{output}-node") + field(4, kind)


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
    graph = b"".join(field(1, n) for n in nodes) + field(2, "linear")
    graph += b"".join(field(5, t) for t in tensors)
    graph += b"".join(field(11, _value(i, (batch, 3, size, size), kind)) for i in inputs)
    graph += b"".join(field(12, o) for o in outputs)
    model = field(1, 7) + field(7, graph) + field(8, field(1, "") + field(2, 11))
    path.write_bytes(model)
    return path
