"""Reads MATLAB files by scipy, and looks into them before: it crashes on some that are damaged.

Checked is the structure: types, sizes and counts of all elements, as "MAT-File
Format" (The MathWorks, version 5) defines them.
"""

import math
import struct
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from headpose.errors import HeadposeError, reason
from headpose.files import check_readable

HEADER = 128  # bytes before the first element
MAX_UNPACKED = 4 << 30  # bytes; the published head detector has 0.1 GB
MAX_DEPTH, MAX_DIMENSIONS = 32, 32
# Bytes of a number of each type of data; 14 is a matrix, 15 what is compressed.
SIZES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}
INT8, INT32, UINT32, MATRIX, COMPRESSED, UTF8 = 1, 5, 6, 14, 15, 16
CELL, STRUCT, OBJECT, CHARACTERS, SPARSE = 1, 2, 3, 4, 5
NUMBERS = range(6, 16)  # classes of plain arrays
FUNCTION, OPAQUE = 16, 17  # classes that scipy passes over
COMPLEX = 0x800


def load_mat(path: str | Path, names: Collection[str], wanted: str = "") -> dict[str, Any]:
    """Reads variables of a `.mat` file of MATLAB 5 to 7.

    Args:
        path: The file.
        names: Of the variables; those that it lacks are left out.
        wanted: What to name instead, for the error about a file of another kind.

    Raises:
        HeadposeError: If it cannot be read, is of MATLAB 7.3, damaged or of another kind; it
            says which.
    """
    from scipy.io import loadmat

    try:
        check_mat(path, names)
        return dict(loadmat(path, variable_names=names))
    except NotImplementedError as error:
        raise HeadposeError(
            f"{path}: a MATLAB 7.3 file; save it anew in MATLAB with save -v7"
        ) from error
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read: {reason(error)}") from error
    except MemoryError:
        raise
    except Exception as error:  # scipy raises whatever its parsing meets in foreign bytes
        hint = f"; {wanted}" if wanted else ""
        raise HeadposeError(f"{path}: not a MATLAB file ({error}){hint}") from error


def check_mat(path: str | Path, names: Collection[str]) -> None:
    """Makes sure that variables of a `.mat` file of MATLAB 5 to 7 can be read.

    Args:
        path: The file.
        names: Of the variables that will be read; others are not looked into.

    Raises:
        ValueError: If it is damaged or of an older version.
        NotImplementedError: If it is of MATLAB 7.3, as scipy does.
        OSError: If it cannot be read.
    """
    check_readable(path)
    data = memoryview(Path(path).read_bytes())
    if len(data) < HEADER or 0 in data[:4]:
        raise ValueError("no header of MATLAB 5 to 7")
    order = {b"IM": "<", b"MI": ">"}.get(bytes(data[126:128]))
    if order is None:
        raise ValueError("no order of bytes")
    (version,) = struct.unpack(f"{order}H", data[124:126])
    if version == 0x0200:
        raise NotImplementedError
    place = HEADER
    room = MAX_UNPACKED
    while place < len(data):
        kind, content, place = _element(data, place, order)
        if kind == COMPRESSED:
            unpacker = zlib.decompressobj()
            try:
                content = memoryview(unpacker.decompress(content, room))
            except zlib.error as error:
                raise ValueError(str(error)) from error
            room -= len(content)
            if room <= 0 or not unpacker.eof:
                raise ValueError("a compressed element is cut short, or too large")
            kind, content, _ = _element(content, 0, order)
        if kind != MATRIX:
            raise ValueError("a variable is no matrix")
        _check_matrix(content, order, 0, names)


def _element(data: memoryview, place: int, order: str) -> tuple[int, memoryview, int]:
    """Returns type and content of an element, and where the next one begins."""
    if place + 8 > len(data):
        raise ValueError("an element is cut short")
    kind, size = struct.unpack(f"{order}II", data[place : place + 8])
    if kind >> 16:  # up to four bytes stand in the tag itself
        size, kind = kind >> 16, kind & 0xFFFF
        start, after = place + 4, place + 8
        if size > 4:
            raise ValueError("a short element is too long")
    else:
        start = place + 8
        # What is compressed is not padded.
        after = start + (size if kind == COMPRESSED else -(-size // 8) * 8)
    if start + size > len(data):
        raise ValueError("an element passes the end")
    if kind not in SIZES and kind not in (MATRIX, COMPRESSED):
        raise ValueError(f"no type of data {kind}")
    return kind, data[start : start + size], after


def _check_matrix(data: memoryview, order: str, depth: int, names: Collection[str] = ()) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deep")
    if not len(data):  # an empty cell
        return
    kind, flags, place = _element(data, 0, order)
    if kind != UINT32 or len(flags) != 8:
        raise ValueError("a matrix has no flags")
    (word,) = struct.unpack(f"{order}I", flags[:4])
    array = word & 0xFF
    if array in (FUNCTION, OPAQUE):
        if depth:
            raise ValueError("a function in a matrix")
        return
    kind, shape, place = _element(data, place, order)
    if kind != INT32 or len(shape) % 4 or not 2 <= len(shape) // 4 <= MAX_DIMENSIONS:
        raise ValueError("a matrix has no shape")
    dimensions = struct.unpack(f"{order}{len(shape) // 4}i", shape)
    if min(dimensions) < 0:
        raise ValueError("a matrix has a negative side")
    count = math.prod(dimensions)
    kind, name, place = _element(data, place, order)
    if kind not in (INT8, UTF8):
        raise ValueError("a matrix has no name")
    if names and bytes(name).decode("latin1") not in names:
        return
    if array in (STRUCT, OBJECT, CELL):
        if array == OBJECT:
            _, _, place = _element(data, place, order)
        if array != CELL:
            fields, place = _field_count(data, place, order)
            count *= fields
        for _ in range(count):
            kind, content, place = _element(data, place, order)
            if kind != MATRIX:
                raise ValueError("an entry is no matrix")
            _check_matrix(content, order, depth + 1)
    elif array == SPARSE:
        for _ in range(3 + bool(word & COMPLEX)):
            _, _, place = _element(data, place, order)
    elif array == CHARACTERS or array in NUMBERS:
        for _ in range(1 + bool(word & COMPLEX)):
            kind, content, place = _element(data, place, order)
            if kind not in SIZES or len(content) % SIZES[kind]:
                raise ValueError("a matrix has no numbers")
            # Characters of UTF-8 and UTF-16 may take several numbers.
            if array in NUMBERS and len(content) // SIZES[kind] != count:
                raise ValueError("a matrix has another number of numbers than its shape says")
    else:
        raise ValueError(f"no class of arrays {array}")


def _field_count(data: memoryview, place: int, order: str) -> tuple[int, int]:
    """Returns how many fields a struct has, and where its entries begin."""
    kind, told, place = _element(data, place, order)
    if kind != INT32 or len(told) != 4:
        raise ValueError("a struct has no length of names")
    (length,) = struct.unpack(f"{order}i", told)
    kind, names, place = _element(data, place, order)
    if kind != INT8 or length < 1 or len(names) % length:
        raise ValueError("a struct has no names")
    return len(names) // length, place
