"""Reading pictures: any common format to uint8 (H, W, 3) in BGR, upright."""

import contextlib
import functools
import io
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from headpose.errors import HeadposeError, PictureError, ShortOfMemoryError, first_line, reason
from headpose.images import heic, levels
from headpose.images.encoding import encode
from headpose.images.limits import MAX_PIXELS, check_size
from headpose.reporting import logger

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".jp2", ".j2k", ".bmp"),
    *(".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm"),
)
# What is opened, whatever a file is called. Pillow knows forty formats more: rarely used
# decoders, and EPS, for which it starts a Ghostscript process on a stranger's program.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "AVIF", "JPEG2000")
SEVERAL = ("GIF", "PNG", "TIFF", "WEBP")  # may have frames or pages; an MPO's are one photo's
TIFF_STARTS = (b"II*\0", b"MM\0*")
ORIENTATION = 0x0112  # the tag of EXIF
# How its values are undone (EXIF 2.32, 4.6.4); anything else is no orientation.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ON_SIDE = (5, 6, 7, 8)

# Pillow warns above this many pixels, and refuses twice as many; `check_size` comes before.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def read_image(path: str | Path) -> np.ndarray:
    """Reads a picture as OpenCV would, but upright and never half.

    The EXIF orientation is applied; deep channels are scaled to 8 bits by the range of
    their format (see `headpose.images.levels`); transparency is laid over white; grey,
    palette and CMYK become colour. Of several pictures in a file the first is read.

    Returns:
        uint8 (H, W, 3), BGR.

    Raises:
        PictureError: If the file is missing, empty, no regular file, no picture of
            `FORMATS`, truncated, damaged, or larger than memory allows.
    """
    if not isinstance(path, str | os.PathLike):
        raise PictureError(f"a picture to read is named by its file, not by {type(path).__name__}")
    with _picture_errors(path), _open_regular(path) as file:
        return _read(file, path)


def shown_size(path: str | Path) -> tuple[int, int]:
    """Returns width and height of a picture as `read_image` gives it, upright.

    Raises:
        PictureError: As `read_image`, but for what only shows when all is read.
    """
    with _picture_errors(path), _open_regular(path) as file, _opened(file, path) as image:
        return image.size[::-1] if _orientation(image) in ON_SIDE else image.size


def decode_image(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Reads a picture from a file's content, as `read_image` does.

    Args:
        data: What the file would hold.
        name: For messages.
        max_pixels: A larger one is refused before it is unpacked.

    Raises:
        PictureError: As `read_image`.
    """
    with _picture_errors(name):
        if not data:
            raise PictureError(f"{name}: the file is empty")
        return _read(io.BytesIO(data), name, max_pixels)


def _read(file: IO[bytes], name: str | Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    with _opened(file, name) as image:
        if image.format in SEVERAL and getattr(image, "is_animated", False):
            _tell_first(str(name))
        check_size(name, *image.size, max_pixels)
        return _decode(image, file, str(name))


def _opened(file: IO[bytes], name: str | Path) -> Image.Image:
    try:
        image = Image.open(file, formats=_formats(file, name))
        if levels.is_reduced(image):
            raise PictureError(
                f"{name}: what can be read of it is a small version of {image.width}x{image.height}"
                " pixels, as in a camera's raw file; save it as JPEG or a plain TIFF"
            )
        return image
    except UnidentifiedImageError as error:
        file.seek(0)
        if file.read(4) in TIFF_STARTS:
            raise PictureError(
                f"{name}: a TIFF that is damaged, or of a kind that is not read (floats in colour "
                "are not); save it with 8 or 16 bits a channel"
            ) from error
        raise


@functools.lru_cache(maxsize=1024)
def _tell_first(name: str) -> None:
    """Says once of a file that it has several pictures."""
    logger.warning("%s: several pictures in one file; the first is taken", name)


def _formats(file: IO[bytes], path: str | Path) -> tuple[str, ...]:
    """Returns the formats to try: HEIC, too, where a file is that and it can be read.

    Raises:
        PictureError: If it is HEIC and pillow-heif is not installed.
    """
    if not heic.is_heic(file):
        return FORMATS
    if not heic.is_available():
        raise PictureError(f"{path}: {heic.ADVICE}")
    return (heic.register(),)


def _decode(image: Image.Image, file: IO[bytes], name: str) -> np.ndarray:
    full = levels.declared_range(image)
    deep = None
    if full != levels.FULL and levels.is_deep_colour(image):
        file.seek(0)
        deep = levels.read_deep_colour(file.read(), full)
        file.seek(0)
    image.load()
    image = upright(image)
    if deep is not None and deep.shape[:2] == image.size[::-1]:
        return deep
    if image.mode.startswith("I") or image.mode == "F":
        return cv2.cvtColor(levels.to_bytes(image, full, name), cv2.COLOR_GRAY2BGR)
    return to_bgr(image)


def to_bgr(image: Image.Image) -> np.ndarray:
    """Makes an image of 8 bits a channel uint8 (H, W, 3), BGR, as it lies."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    rgb = np.asarray(image.convert("RGB"))
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)


def upright(image: Image.Image) -> Image.Image:
    """Undoes the EXIF orientation; EXIF that cannot be read says nothing."""
    method = UPRIGHT.get(_orientation(image))
    return image if method is None else image.transpose(method)


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow's parser raises whatever its parts do
        return 1


def _open_regular(path: str | Path) -> IO[bytes]:
    """Opens a regular file; a pipe or a device is refused, and never waited for."""
    place = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    file = os.fdopen(place, "rb")
    status = os.fstat(place)
    cause = None
    if stat.S_ISDIR(status.st_mode):
        cause = "it is a folder"
    elif not stat.S_ISREG(status.st_mode):
        cause = "no regular file (a pipe or a device)"
    elif not status.st_size:
        cause = "the file is empty"
    if cause:
        file.close()
        raise PictureError(f"{path}: {cause}")
    return file


@contextlib.contextmanager
def _picture_errors(path: str | Path) -> Iterator[None]:
    """Makes whatever goes wrong with a picture one sentence that names the file."""
    try:
        yield
    except PictureError:
        raise
    except FileNotFoundError as error:
        raise PictureError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise PictureError(f"{path}: it is a folder") from error
    except UnidentifiedImageError as error:
        known = ", ".join(FORMATS)
        raise PictureError(f"{path}: not a picture in a format that is read ({known})") from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{path}: more than {MAX_PIXELS:,} pixels; scale it down") from error
    except MemoryError as error:
        raise ShortOfMemoryError(f"{path}: not enough memory for it; scale it down") from error
    except levels.RangeError as error:
        raise PictureError(f"{path}: {error}") from error
    except UnicodeEncodeError as error:  # of the name, in opening it
        why = f"the locale's encoding, {error.encoding}, has no such name; set PYTHONUTF8=1"
        raise PictureError(f"{path}: {why}") from error
    except OSError as error:
        cause = reason(error) if error.errno else f"damaged picture ({first_line(error)})"
        raise PictureError(f"{path}: {cause}") from error
    except Exception as error:  # Pillow's decoders raise whatever their parts do
        raise PictureError(f"{path}: damaged picture ({first_line(error)})") from error


def sample_portrait() -> Path:
    """Returns the portrait of Grace Hopper that ships: public domain, of the United States Navy.

    The file is the one that matplotlib has among its sample data, 512 x 600 pixels.
    """
    return Path(__file__).with_name("grace_hopper.jpg")


def check_picture_format(path: str | Path) -> None:
    """Makes sure that a picture can be written in the format that its suffix names.

    Raises:
        HeadposeError: If it names none.
    """
    suffix = Path(path).suffix.lower()
    if suffix != ".jfif" and not (suffix and cv2.haveImageWriter(f"a{suffix}")):
        raise HeadposeError(f"{path}: no format of pictures; name a .png or .jpg")


def write_image(
    path: str | Path, picture: np.ndarray, finish: Callable[[bytes], bytes] | None = None
) -> None:
    """Writes a picture in the format that the suffix names.

    Args:
        path: Where to.
        picture: uint8 (H, W) or (H, W, 3), BGR.
        finish: Changes the encoded picture before it is written.

    Raises:
        HeadposeError: If it cannot be written.
    """
    suffix = Path(path).suffix.lower()
    try:
        content = encode(picture, suffix)
        Path(path).write_bytes(finish(content) if finish else content)
    except (OSError, PictureError) as error:
        cause = reason(error) if isinstance(error, OSError) else str(error)
        raise HeadposeError(f"cannot write {path}: {cause}") from error
