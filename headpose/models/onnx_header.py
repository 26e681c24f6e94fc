"""What an ONNX file declares, read without any backend: inputs, and weights in other files.

An ONNX file is one message in protocol buffers' encoding; the field numbers are those of
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from headpose.errors import HeadposeError, reason
from headpose.files import is_regular
from headpose.models.shipped import MODELS

GRAPH, METADATA_PROPS = 7, 14  # of the model
ENTRY_KEY, ENTRY_VALUE = 1, 2  # of an entry of the metadata
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
        model = memoryview(np.memmap(path, np.uint8, "r").data)
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read: {reason(error)}") from error
    except ValueError as error:  # an empty file cannot be mapped
        raise wrong from error
    inputs: dict[str, tuple[Shape, bool]] = {}
    weights: set[str] = set()
    try:
        for number, graph in parts(model):
            for kind, value in parts(graph) if number == GRAPH else ():
                if kind == INPUT:
                    name, shape, is_float = _input(value)
                    inputs[name] = shape, is_float
                elif kind == INITIALIZER:
                    weights |= {bytes(v).decode() for n, v in parts(value) if n == TENSOR_NAME}
    except (IndexError, ValueError, TypeError) as error:
        raise wrong from error
    if not inputs:
        raise wrong
    # Older files list their weights among the inputs.
    return {name: described for name, described in inputs.items() if name not in weights}


def read_property(path: str | Path, key: str) -> str | None:
    """Returns what an ONNX file has under a key of its metadata; None if it has not.

    Raises:
        HeadposeError: If the file is missing or no ONNX file.
    """
    try:
        for number, entry in fields(memoryview(np.memmap(path, np.uint8, "r").data)):
            if number == METADATA_PROPS and isinstance(entry, memoryview):
                texts = {kind: bytes(text).decode() for kind, text in parts(entry)}
                if texts[ENTRY_KEY] == key:
                    return texts[ENTRY_VALUE]
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read: {reason(error)}") from error
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise HeadposeError(f"{path}: not an ONNX file (or a damaged one)") from error
    return None


def _input(value: memoryview) -> tuple[str, Shape, bool]:
    name, is_float = "", False
    shape: Shape = ()
    for number, content in parts(value):
        if number == VALUE_NAME:
            name = bytes(content).decode()
        for kind, tensor in parts(content) if number == VALUE_TYPE else ():
            for part, detail in fields(tensor) if kind == TENSOR_TYPE else ():
                if part == ELEMENT:
                    is_float = detail == FLOAT
                elif part == SHAPE and isinstance(detail, memoryview):
                    shape = tuple(_dimension(d) for n, d in parts(detail) if n == DIMENSION)
    return name, shape, is_float


def _dimension(value: memoryview) -> int | None:
    values = (v for n, v in fields(value) if n == DIMENSION_VALUE and isinstance(v, int))
    return next(values, None)


def parts(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yields the number and the bytes of those fields of a message that hold bytes."""
    for number, value in fields(data):
        if isinstance(value, memoryview):
            yield number, value


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yields the number and the value of each field of a message: a number, or bytes."""
    place = 0
    while place < len(data):
        key, place = data[place], place + 1
        if key > 127:
            key, place = _varint(data, place - 1)
        wire = key & 7
        if wire == VARINT:
            number, place = _varint(data, place)
            yield key >> 3, number
            continue
        if wire == BYTES:
            length, place = data[place], place + 1
            if length > 127:
                length, place = _varint(data, place - 1)
        elif wire in (FIXED32, FIXED64):
            length = 4 if wire == FIXED32 else 8
        else:
            raise ValueError(f"no wire type {wire}")
        if place + length > len(data):
            raise ValueError("a field passes the end")
        yield key >> 3, data[place : place + length]
        place += length


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
        if shift > 63:  # protocol buffers' numbers have 64 bits
            raise ValueError("a number without an end")


# Where tensors stand: for each message the fields that are messages, by number. Repeated
# fields and those of newer versions that hold tensors are among them.
_TENSOR: dict = {}
_SPARSE = {1: _TENSOR, 2: _TENSOR}
_GRAPH: dict = {}
_ATTRIBUTE = {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE}
_NODE = {5: _ATTRIBUTE}
_GRAPH |= {1: _NODE, INITIALIZER: _TENSOR, 15: _SPARSE}
_MODEL = {GRAPH: _GRAPH, 20: {1: _GRAPH, 2: _GRAPH}, 25: {7: _NODE, 11: _ATTRIBUTE}}
EXTERNAL_DATA, DATA_LOCATION = 13, 14  # of a tensor
MAX_DEPTH = 64  # of graphs in graphs


def refuse_external_data(path: str | Path) -> None:
    """Refuses an ONNX file whose weights lie in other files: it could name any file.

    Backends guard against that to different degrees; ONNX Runtime refuses paths upwards and
    symbolic links, but follows hard links. What this project exports is one file.

    Args:
        path: The file.

    Raises:
        HeadposeError: If it has external data, cannot be read, or is no ONNX file.
    """
    if not is_regular(path):
        raise HeadposeError(f"{path}: no such file (or a folder, a pipe or a device)")
    if Path(path).parent == MODELS:  # what ships is no stranger's; looking takes a while
        return
    wrong = HeadposeError(f"{path}: not an ONNX file (or a damaged one)")
    try:
        model = memoryview(np.memmap(path, np.uint8, "r").data)
        external = _has_external_data(model, _MODEL, 0)
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read: {reason(error)}") from error
    except (IndexError, ValueError, TypeError) as error:
        raise wrong from error
    if external:
        raise HeadposeError(
            f"{path}: its weights lie in other files, which is not opened; "
            "save it as one file (onnx.save without external data)"
        )


def _has_external_data(message: memoryview, inside: dict, depth: int) -> bool:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deep")
    for number, value in fields(message):
        if inside is _TENSOR:
            if number == EXTERNAL_DATA or (number == DATA_LOCATION and value != 0):
                return True
            continue
        deeper = inside.get(number)
        if deeper is None or isinstance(value, int):
            continue
        if _has_external_data(value, deeper, depth + 1):
            return True
    return False
