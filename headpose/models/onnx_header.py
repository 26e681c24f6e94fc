"""The inputs that an ONNX file declares, read without any backend.

An ONNX file is one message in protocol buffers' encoding; the field numbers are those of
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from headpose.errors import HeadposeError, reason

GRAPH = 7  # of the model
INITIALIZER, INPUT = 5, 11  # of the graph
TENSOR_NAME, VALUE_NAME, VALUE_TYPE = 8, 1, 2
TENSOR_TYPE = 1  # of the value's type
ELEMENT, SHAPE, DIMENSION, DIMENSION_VALUE = 1, 2, 1, 1
FLOAT = 1  # the element type
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types

Shape = tuple[int | None, ...]


def read_inputs(path: str | Path) -> dict[str, tuple[Shape, bool]]:
    """Returns the inputs of an ONNX network.

    Returns:
        By name: the shape, with None where any number will do, and whether it takes
        float32 numbers.

    Raises:
        HeadposeError: If the file is missing or no ONNX file.
    """
    wrong = HeadposeError(f"{path}: not an ONNX file (or a damaged one)")
    try:
        model = memoryview(np.memmap(path, np.uint8, "r"))
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read: {reason(error)}") from error
    except ValueError as error:  # an empty file cannot be mapped
        raise wrong from error
    inputs, weights = {}, set()
    try:
        for number, graph in fields(model):
            for kind, value in fields(graph) if number == GRAPH else ():
                if kind == INPUT:
                    name, *described = _input(value)
                    inputs[name] = tuple(described)
                elif kind == INITIALIZER:
                    weights |= {bytes(v).decode() for n, v in fields(value) if n == TENSOR_NAME}
    except (IndexError, ValueError, TypeError) as error:
        raise wrong from error
    if not inputs:
        raise wrong
    # Older files list their weights among the inputs.
    return {name: described for name, described in inputs.items() if name not in weights}


def _input(value: memoryview) -> tuple[str, Shape, bool]:
    name, shape, is_float = "", (), False
    for number, content in fields(value):
        if number == VALUE_NAME:
            name = bytes(content).decode()
        for kind, tensor in fields(content) if number == VALUE_TYPE else ():
            for part, detail in fields(tensor) if kind == TENSOR_TYPE else ():
                if part == ELEMENT:
                    is_float = detail == FLOAT
                elif part == SHAPE:
                    shape = tuple(_dimension(d) for n, d in fields(detail) if n == DIMENSION)
    return name, shape, is_float


def _dimension(value: memoryview) -> int | None:
    return next((v for n, v in fields(value) if n == DIMENSION_VALUE), None)


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yields the number and the value of each field of a message: a number, or bytes."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        wire = key & 7
        if wire == VARINT:
            value, place = _varint(data, place)
        else:
            if wire == BYTES:
                length, place = _varint(data, place)
            elif wire in (FIXED32, FIXED64):
                length = 4 if wire == FIXED32 else 8
            else:
                raise ValueError(f"no wire type {wire}")
            if place + length > len(data):
                raise ValueError("a field passes the end")
            value, place = data[place : place + length], place + length
        yield key >> 3, value


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """Reads a number of 7 bits a byte, the lowest first; also returns where it ends."""
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
