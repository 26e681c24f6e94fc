"""HEIC pictures of phones, which pillow-heif reads where it is installed."""

import importlib.util
from typing import IO

from headpose.errors import install

SUFFIXES = (".heic", ".heif", ".hif")
ADVICE = f"a HEIC picture, which needs pillow-heif: {install('heic')}"
_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


def is_available() -> bool:
    """Tells whether pillow-heif is installed."""
    return importlib.util.find_spec("pillow_heif") is not None


def is_heic(file: IO[bytes]) -> bool:
    """Tells HEIC by a file's first bytes, as some are called .jpg; goes back to the start.

    They name a brand of the ISO base media format (ISO/IEC 23008-12, annex B).
    """
    start = file.read(12)
    file.seek(0)
    return start[4:8] == b"ftyp" and start[8:12] in _BRANDS


def register() -> str:
    """Has Pillow read HEIC from now on; returns what Pillow calls it."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    return "HEIF"
