"""Pictures that are none, or not what they say."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(width: int, height: int) -> bytes:
    """Returns a PNG that claims a size and has next to no data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = _chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + data + _chunk(b"IEND", b"")


PICTURES = {
    "empty.jpg": "an empty file",
    "text.jpg": "text",
    "cut.jpg": "a photo cut short",
    "bomb.png": "a bomb of 1.6 billion pixels",
    "hollow.png": "a PNG without its data",
    "program.eps": "an EPS program",
    "program.jpg": "an EPS program called .jpg",
    "hollow.avif": "a hollow AVIF",
    "odd.dds": "a DDS of odd numbers",
    "nan.tif": "floats that are NaN",
    "infinite.tif": "infinite floats",
    "floats.tif": "floats up to 255",
    "whole.tif": "32-bit numbers",
    "vector.svg": "an SVG",
    "model.pdf": "a PDF",
}


def write_pictures(folder: Path) -> None:
    write = {
        "empty.jpg": b"",
        "text.jpg": b"I am no picture",
        "bomb.png": png_of(40_000, 40_000),
        "hollow.png": png_of(100, 100),
        "program.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "program.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "hollow.avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miafMA1B" + b"\0" * 40,
        "odd.dds": b"DDS \x7c\0\0\0" + b"\xff" * 200,
        "vector.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "model.pdf": b"%PDF-1.4\n",
    }
    for name, data in write.items():
        (folder / name).write_bytes(data)
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(noise).save(data, "JPEG")
    (folder / "cut.jpg").write_bytes(data.getvalue()[: len(data.getvalue()) // 2])
    for name, value, kind in (
        ("nan.tif", np.nan, np.float32),
        ("infinite.tif", np.inf, np.float32),
        ("floats.tif", 255, np.float32),
        ("whole.tif", 70_000, np.int32),
    ):
        Image.fromarray(np.full((20, 20), value, kind)).save(folder / name)
