"""Pictures of more than 8 bits: scaled by the range of their format, not by their content.

What a value means must not depend on the other values in the picture: a dark photo would
come out bright. 16 bits are 0..65535, also in a PNG that declares fewer significant bits
(sBIT), whose samples the PNG specification has scaled up. A TIFF whose MaxSampleValue is
2**n - 1 has n bits in 16, as cameras of 10 to 14 bits write them. Floats are 0..1. Where
16-bit values end so low that they may be of 12 bits undeclared, that is told.
"""

import cv2
import numpy as np
from PIL import Image

from headpose.reporting import logger

FULL = 65535
SUSPICIOUS = 4095  # 12 bits, the usual depth of cameras
# Tags of TIFF 6.0: NewSubfileType, BitsPerSample, Orientation, MaxSampleValue.
KIND, BITS, ORIENTATION, MAX_SAMPLE = 254, 258, 274, 281
REDUCED = 1  # bit of the kind of a picture that stands for a larger one in the same file


class RangeError(ValueError):
    """Values whose range is not known; the text says what to do."""


def declared_range(image: Image.Image) -> int:
    """Returns the value of full brightness of a 16-bit file, as it is declared."""
    told = _tag(image, MAX_SAMPLE)
    for bits in range(9, 16):
        if told and max(told) == 2**bits - 1:
            return 2**bits - 1
    return FULL


def is_deep_colour(image: Image.Image) -> bool:
    """Tells upright TIFFs of 16 bits a colour, of which Pillow keeps the high bytes alone."""
    bits = _tag(image, BITS)
    return len(bits) > 1 and max(bits) == 16 and _tag(image, ORIENTATION) in ((), (1,))


def is_reduced(image: Image.Image) -> bool:
    """Tells TIFFs that begin with a small version of their picture, as cameras' raw files do."""
    return any(kind & REDUCED for kind in _tag(image, KIND))


def _tag(image: Image.Image, number: int) -> tuple:
    """Returns the whole numbers of a TIFF's tag; none of another file or where it is damaged."""
    told = image.tag_v2.get(number) if hasattr(image, "tag_v2") else None
    told = told if isinstance(told, tuple) else (told,)
    return tuple(n for n in told if isinstance(n, int))


def read_deep_colour(data: bytes, full: int) -> np.ndarray | None:
    """Reads 16 bits a colour whose range is less than the full one.

    Returns:
        uint8 (H, W, 3), BGR; None where OpenCV does not read the file.
    """
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype != np.uint16 or picture.ndim != 3:
        return None
    return scale(picture[..., :3], full)


def to_bytes(image: Image.Image, full: int, name: str) -> np.ndarray:
    """Returns grey values of any depth as uint8 (H, W).

    Args:
        image: In one of Pillow's modes I and F.
        full: The value of full brightness of a 16-bit file.
        name: What to call it in a warning.

    Raises:
        RangeError: If the range of the values is not known, or some are no numbers.
    """
    values = np.asarray(image)
    if image.mode == "F":
        return _from_floats(values)
    if image.mode == "I" and max(_tag(image, BITS) or (0,)) > 16:
        raise RangeError("32-bit numbers without a range; save it with 8 or 16 bits")
    highest = int(values.max(initial=0))
    if full == FULL and 255 < highest <= SUSPICIOUS:
        logger.warning(
            "%s: its 16-bit values end at %d; if it has 12 bits, a TIFF can say so "
            "(MaxSampleValue 4095), else it is very dark",
            name,
            highest,
        )
    return scale(values, full)


def scale(values: np.ndarray, full: int) -> np.ndarray:
    """Scales 0..`full` to uint8 0..255."""
    table_size = FULL + 1
    if values.dtype == np.uint16:
        table = np.clip(np.arange(table_size) * (255 / full), 0, 255).round().astype(np.uint8)
        return table[values]
    return np.clip(values * (255 / full), 0, 255).round().astype(np.uint8)


def _from_floats(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise RangeError("some values are no numbers (NaN or infinite); replace them")
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if low < -0.01 or high > 1.01:  # overshoots of resizing are fine
        raise RangeError(f"floats from {low:g} to {high:g}; they must lie in 0..1")
    return np.clip(values * 255, 0, 255).round().astype(np.uint8)
