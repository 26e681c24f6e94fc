"""The mark in pictures on which heads were drawn or hidden, by which no photo is taken for one.

A drawing has its photo's name, and may lie where a table of labels looks for photos: what is
measured on it, or learned from it, is wrong without a word.
"""

import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from headpose.errors import PictureError
from headpose.images.listing import told_left_out
from headpose.images.pictures import decode_image, read_image, write_image

MARK = b"drawn by headpose"
DRAWN_ON = "that headpose drew on or hid heads in"
DRAWING = "drawing that headpose made of a photo"  # as a kind of problem
# As it stands in JPEG, PNG and WebP: other texts in which its words stand are no marks.
MARKS = (
    struct.pack(">H", len(MARK) + 2) + MARK,
    struct.pack(">I", len(b"Comment\0") + len(MARK)) + b"tEXtComment\0" + MARK,
    b"HEAD" + struct.pack("<I", len(MARK)) + MARK,
)
NEAR = 128  # bytes of a file's beginning and end among which the mark stands
PNG_START = 33  # what comes before it: the signature and the first chunk


def marked(encoded: bytes, mark: bytes = MARK) -> bytes:
    """Returns an encoded picture with a mark, where its format has room for one.

    It is a comment of JPEG (ITU-T T.81, B.2.4.5), text of PNG (11.3.4.3 of its third edition),
    and a chunk that readers ignore in WebP (RFC 9649, 2.7.1.6); other formats stay as they are.
    """
    if encoded.startswith(b"\xff\xd8"):
        comment = b"\xff\xfe" + struct.pack(">H", len(mark) + 2) + mark
        start = _jpeg_start(encoded)
        return encoded[:start] + comment + encoded[start:]
    if encoded.startswith(b"\x89PNG"):
        text = b"tEXtComment\0" + mark
        chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
        return encoded[:PNG_START] + chunk + encoded[PNG_START:]
    if encoded.startswith(b"RIFF") and encoded[8:12] == b"WEBP":
        chunk = b"HEAD" + struct.pack("<I", len(mark)) + mark + bytes(len(mark) % 2)
        length = struct.pack("<I", len(encoded) - 8 + len(chunk))
        return encoded[:4] + length + encoded[8:] + chunk
    return encoded


def _jpeg_start(encoded: bytes) -> int:
    """Returns where a JPEG may have a comment: JFIF has its own marker first, with its length."""
    jfif = encoded[2:4] == b"\xff\xe0"
    return 4 + int.from_bytes(encoded[4:6]) if jfif else 2


def body_of(encoded: bytes, mark: bytes = b"") -> bytes:
    """Returns what `marked` leaves as it is: of a picture without a mark, or with this one."""
    if encoded.startswith(b"\xff\xd8"):
        return encoded[_jpeg_start(encoded) + (len(mark) + 4 if mark else 0) :]
    if encoded.startswith(b"\x89PNG"):
        return encoded[PNG_START + (len(mark) + 20 if mark else 0) :]
    return encoded[12 : len(encoded) - (len(mark) + len(mark) % 2 + 8 if mark else 0)]


def write_drawing(
    path: str | Path,
    drawn: np.ndarray,
    picture: np.ndarray,
    copied: Callable[[], Callable[[bytes], bytes] | None] = lambda: None,
) -> None:
    """Writes what was made of a picture, as `write_image`, with the mark if that is another.

    Args:
        path: Where to.
        drawn: What was made, uint8 (H, W, 3).
        picture: Of what.
        copied: Gives what marks the file's content where it is the same; None for nothing.
    """
    write_image(path, drawn, copied() if np.array_equal(drawn, picture) else marked)


def is_drawing(path: str | Path) -> bool:
    """Tells whether a file has the mark; one that cannot be read has none."""
    return has_mark(ends_of(path))


def ends_of(path: str | Path) -> bytes:
    """Returns a file's beginning and end, where marks stand; nothing if it cannot be read."""
    try:
        if not Path(path).is_file():  # a pipe would be waited for
            return b""
        with Path(path).open("rb") as file:
            start = file.read(NEAR)
            file.seek(max(0, file.seek(0, 2) - NEAR))
            return start + b"\n" + file.read()
    except (OSError, ValueError):
        return b""


def has_mark(content: bytes) -> bool:
    """Tells whether the bytes of a file have the mark."""
    ends = content[:NEAR] + b"\n" + content[-NEAR:]
    return any(mark in ends for mark in MARKS)


def read_photo(path: str | Path) -> np.ndarray:
    """Reads a picture to learn from or to measure on, as `read_image`.

    Raises:
        PictureError: If it cannot be read, or has the mark.
    """
    picture = read_image(path)
    check_photo(path)
    return picture


def decode_photo(content: bytes, name: str) -> np.ndarray:
    """Decodes a picture's file as `decode_image`, with its name for messages.

    Raises:
        PictureError: If it cannot be decoded, or has the mark.
    """
    if has_mark(content):
        raise drawn(name)
    return decode_image(content, name)


def check_photo(path: str | Path) -> None:
    """Refuses a picture that has the mark.

    Raises:
        PictureError: If it has.
    """
    if is_drawing(path):
        raise drawn(path)


def told_drawings(files: Sequence[Path], kind: str = DRAWN_ON) -> str:
    """Returns a message that counts and names files of headpose's, which folders gave."""
    told = told_left_out(kind, [*files])
    return f"{told}; what is named itself is not left out"


def drawn(name: str | Path) -> PictureError:
    """Returns what is wrong with a picture that has the mark."""
    return PictureError(f"{name}: a {DRAWING}; name the photo")
