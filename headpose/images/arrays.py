"""Pictures as callers have them, made the pictures that the library takes.

That is uint8 (H, W, 3), BGR, contiguous. What a caller plausibly has is converted; what could
be read in more than one way is refused with a sentence that says what to do.

| given | taken as |
| --- | --- |
| uint8 | as it is |
| bool | black and white |
| uint16 | 65535 is white; where nothing passes 16383 (a 12-bit camera?) `max_value` must say |
| float, no value above 1 | 1 is white |
| float, up to 255 | 255 is white; where nothing passes 2, `max_value` must say |
| (H, W), (H, W, 1) | grey |
| (H, W, 2), (H, W, 4) | grey or colour with transparency, which is laid over white |
| Pillow's image | turned upright as its EXIF data say |
| file name | read by `headpose.images.pictures.read_image` |
"""

import numbers
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from headpose.errors import HeadposeError, PictureError, first_line
from headpose.images.pictures import read_image, to_bgr, upright

Picture: TypeAlias = np.ndarray | Image.Image | str | Path
Pictures: TypeAlias = (
    Sequence[np.ndarray | Image.Image | Path] | list[str] | tuple[str, ...] | Iterator[Any]
)

WHITE = 255  # of the pictures that are made
WHITE_16 = 65535
# A photo with 16 bits passes a quarter of white somewhere; one with 10 to 14 bits in 16 cannot.
PASSED_BY_16_BITS = 16383
# Rounding may take what was 1 a little above it; a float picture of 0..255 that stays below 2 is
# black, so that values in between are more likely 0..1 that a filter overshot.
UNIT, UNSURE_UP_TO, ROUNDING = 1.0, 2.0, 1e-3
CHANNELS = (1, 2, 3, 4)


def is_one(given: object) -> bool:
    """Tells one picture from several: a list, an iterator, or an array (N, H, W, C).

    What is neither counts as one, which `as_picture` then refuses.
    """
    if isinstance(given, Image.Image | str | bytes | os.PathLike) or given is None:
        return True
    dimensions = getattr(given, "ndim", None)
    return dimensions != 4 if dimensions is not None else not isinstance(given, Iterable)


def as_picture(given: object, rgb: bool = False, max_value: float | None = None) -> np.ndarray:
    """Makes one picture what the library takes; what is that already is not copied.

    Args:
        given: See above.
        rgb: Whether channels of arrays are red, green, blue rather than OpenCV's order. Files
            and Pillow's images say themselves.
        max_value: The value of white in an array; what passes it is cut off.

    Returns:
        uint8 (H, W, 3), BGR, contiguous.

    Raises:
        PictureError: If it is no picture, or could be read in more than one way.
    """
    _check_order(rgb)
    if isinstance(given, str | os.PathLike):
        return read_image(Path(given))
    if isinstance(given, Image.Image):
        return _from_pillow(given, max_value)
    array = _array(given)
    _check_shape(array)
    return _colour(_eight_bits(array, max_value), rgb)


def as_pictures(
    given: object, rgb: bool = False, max_value: float | None = None
) -> list[np.ndarray]:
    """Makes each of several pictures what the library takes.

    Args:
        given: A sequence or an iterator of pictures, or an array (N, H, W, C), of which all
            are read with one range of values.
        rgb: As for `as_picture`.
        max_value: As for `as_picture`.

    Raises:
        PictureError: If one is no picture, says which; or if it is a single picture.
    """
    if is_one(given) or not isinstance(given, Iterable):
        raise PictureError("a list of pictures is wanted, not one; put it in brackets")
    _check_order(rgb)
    if hasattr(given, "ndim"):
        array = _array(given)
        if len(array):
            _check_shape(array[0])
        return [_colour(picture, rgb) for picture in _eight_bits(array, max_value)]
    pictures = []
    for number, picture in enumerate(given):
        try:
            pictures.append(as_picture(picture, rgb, max_value))
        except PictureError as error:
            raise PictureError(f"pictures[{number}]: {error}") from error
    return pictures


def _array(given: object) -> np.ndarray:
    if isinstance(given, np.ma.MaskedArray):
        raise PictureError("a masked array hides values; pass picture.filled(0), or its data")
    if isinstance(given, np.ndarray):
        return np.asarray(given)  # a matrix would keep its own rules
    if given is None:
        raise PictureError(
            "None is no picture; cv2.imread gives it for files that it cannot read, of which "
            "headpose.read_image says why"
        )
    if not hasattr(given, "__array__"):
        raise PictureError(
            f"a picture is an array, a Pillow image or the name of a file, not "
            f"{type(given).__name__}"
        )
    try:
        return np.asarray(given)
    except Exception as error:  # such as a tensor on a GPU; each library raises its own
        raise PictureError(
            f"{type(given).__name__} cannot be made an array ({first_line(error)})"
        ) from error


def _check_shape(array: np.ndarray) -> None:
    shape = array.shape
    if array.ndim == 3 and shape[-1] not in CHANNELS and shape[0] in (1, 3, 4):
        raise PictureError(
            f"an array of {shape} has its channels first; pass picture.transpose(1, 2, 0)"
        )
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[-1] not in CHANNELS):
        raise PictureError(
            f"an array of {shape} is no picture; its shape must be (H, W) or (H, W, C) "
            "with 1 to 4 channels, or (N, H, W, C) for several"
        )
    if not array.size:
        raise PictureError(f"an array of {shape} is an empty picture")


def _eight_bits(array: np.ndarray, max_value: float | None) -> np.ndarray:
    """Scales the values of an array of any shape to 0..255."""
    if max_value is not None and not isinstance(max_value, numbers.Real):
        raise PictureError(f"max_value must be a number above 0, not {max_value!r}")
    if array.dtype == bool:
        return array.astype(np.uint8) * WHITE
    if array.dtype == np.uint8 and max_value in (None, WHITE):
        return array
    if array.dtype not in (np.uint8, np.uint16) and array.dtype.kind != "f":
        raise PictureError(
            f"{array.dtype} values are no picture's; pass uint8 (0..255), uint16, or "
            "float (0..1 or 0..255)"
        )
    if not array.size:
        return array.astype(np.uint8)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise PictureError("the picture has values that are not finite (NaN or infinite)")
    if max_value is None:
        max_value = _white_of(array)
    elif not max_value > 0:
        raise PictureError(f"max_value must be above 0, not {max_value}")
    scaled = array.astype(np.float32)
    scaled *= WHITE / max_value
    return np.clip(np.rint(scaled, out=scaled), 0, WHITE).astype(np.uint8)


def _white_of(array: np.ndarray) -> float:
    """Finds out which value is white, from the type and the values (finite, at least one)."""
    low, high = float(array.min()), float(array.max())
    if low == high == 0:
        return WHITE  # black, whichever it was
    if array.dtype == np.uint16:
        if high > PASSED_BY_16_BITS:
            return WHITE_16
        raise PictureError(
            f"uint16 values up to {high:.0f} may have 16 bits or fewer; say which value is "
            "white, such as max_value=65535 or max_value=4095"
        )
    if low >= -ROUNDING and high <= UNIT + ROUNDING:
        return UNIT
    if low >= -ROUNDING * WHITE and UNSURE_UP_TO < high <= WHITE * (1 + ROUNDING):
        return WHITE
    raise PictureError(
        f"float values from {low:.4g} to {high:.4g} are neither 0..1 nor 0..255; scale them, "
        "or say which value is white (max_value=1) to have what passes it cut off"
    )


def _check_order(rgb: object) -> None:
    """Refuses what is neither True nor False, such as a text, which would be taken for True."""
    if rgb not in (True, False):
        raise HeadposeError(f"rgb must be True or False, not {rgb!r}")


def _colour(array: np.ndarray, rgb: bool) -> np.ndarray:
    """Makes uint8 (H, W) or (H, W, C) colour, BGR."""
    channels = 1 if array.ndim == 2 else array.shape[2]
    if channels in (2, 4):
        return _colour(_over_white(array[..., :-1], array[..., -1:]), rgb)
    if channels == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(array[..., ::-1] if rgb else array)


def _over_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lays uint8 (H, W, C) with opacity (H, W, 1) over white."""
    if alpha.min() == WHITE:
        return colours
    share = alpha.astype(np.float32) / WHITE
    return np.rint(colours * share + WHITE * (1 - share)).astype(np.uint8)


def _from_pillow(image: Image.Image, max_value: float | None) -> np.ndarray:
    if not all(image.size):
        raise PictureError(f"an image of {image.width} x {image.height} is an empty picture")
    try:
        image.load()
        image = upright(image)
        if not image.mode.startswith(("I", "F")):
            return to_bgr(image)
    except Exception as error:  # decoded only now; Pillow's decoders raise whatever their parts do
        raise PictureError(f"the image cannot be decoded ({first_line(error)})") from error
    array = np.asarray(image)
    if array.dtype.kind == "i" and array.min() >= 0 and array.max() <= WHITE_16:
        array = array.astype(np.uint16)  # where Pillow keeps 16 bits, too
    return _colour(_eight_bits(array, max_value), rgb=False)
