"""Reading pictures: any common format to uint8 (H, W, 3) in BGR, upright."""

import struct
import threading
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from headpose.errors import HeadposeError, PictureError, reason

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")

# Pillow refuses pictures above twice this many pixels as decompression bombs; photos
# of large-format and stitching cameras pass its default (89 million) by far.
Image.MAX_IMAGE_PIXELS = 500_000_000


def read_image(path: str | Path) -> np.ndarray:
    """Reads a picture as OpenCV would, but upright and never half.

    The EXIF orientation is applied; 16-bit channels are scaled to 8 bits; transparency
    is laid over white; grey, palette and CMYK become colour.

    Returns:
        uint8 (H, W, 3), BGR.

    Raises:
        PictureError: If the file is missing, empty, no picture, or truncated.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return _to_bgr(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise PictureError(f"{path}: no such file") from error
    except UnidentifiedImageError as error:
        empty = Path(path).stat().st_size == 0
        cause = "the file is empty" if empty else "not a picture in a format that Pillow reads"
        raise PictureError(f"{path}: {cause}") from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{path}: more than {2 * Image.MAX_IMAGE_PIXELS:,} pixels") from error
    except OSError as error:
        cause = reason(error) if error.errno else f"damaged picture ({error})"
        raise PictureError(f"{path}: {cause}") from error
    except (SyntaxError, ValueError, EOFError, KeyError, struct.error) as error:
        raise PictureError(f"{path}: damaged picture ({error})") from error


def _to_bgr(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, np.float64)
        # 16-bit grey comes as I;16 or I; 32-bit files by this route are rare.
        grey = np.clip(values / (1 if values.max(initial=0) <= 255 else 257), 0, 255)
        return cv2.cvtColor(np.rint(grey).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    rgb = np.asarray(image.convert("RGB"))
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)


def sample_portrait() -> Path:
    """Returns the portrait of Grace Hopper that ships: public domain, of the United States Navy.

    The file is the one that matplotlib has among its sample data, 512 x 600 pixels.
    """
    return Path(__file__).with_name("grace_hopper.jpg")


def write_image(path: str | Path, picture: np.ndarray) -> None:
    """Writes a picture in the format that the suffix names.

    Raises:
        HeadposeError: If it cannot be written.
    """
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92] if str(path).endswith((".jpg", ".jpeg")) else []
    try:
        encoded = cv2.imencode(Path(path).suffix, picture, quality)[1]
        Path(path).write_bytes(encoded)
    except (OSError, cv2.error) as error:
        cause = reason(error) if isinstance(error, OSError) else "OpenCV cannot encode it"
        raise HeadposeError(f"cannot write {path}: {cause}") from error


class PictureCache:
    """Keeps decoded pictures in memory up to a limit, for training over many epochs.

    Args:
        limit: Bytes; once they are used up, further pictures are read anew each time.
    """

    def __init__(self, limit: int = 8 << 30):
        self._room = limit
        self._pictures: dict[Path, np.ndarray] = {}
        self._lock = threading.Lock()

    def read(self, path: Path) -> np.ndarray:
        """Reads as `read_image`; the array must not be changed."""
        picture = self._pictures.get(path)
        if picture is None:
            picture = read_image(path)
            with self._lock:
                if path not in self._pictures and picture.nbytes <= self._room:
                    self._room -= picture.nbytes
                    self._pictures[path] = picture
        return picture


def find_pictures(names: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Expands files, folders and glob patterns (`**` included) to picture files.

    Returns:
        The files in order, each once, and a message for each name that gave none.
    """
    import glob2

    found: dict[Path, None] = {}
    problems = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            try:
                files = sorted(f for f in path.iterdir() if f.suffix.lower() in SUFFIXES)
            except OSError as error:
                problems.append(f"{name}: {reason(error)}")
                continue
            if not files:
                problems.append(f"{name}: no pictures in this folder")
        elif path.exists():
            files = [path]
        else:
            hits = [Path(f) for f in sorted(glob2.glob(name))]
            files = [f for f in hits if f.is_file() and f.suffix.lower() in SUFFIXES]
            if not files:
                pattern = any(c in name for c in "*?[")
                problems.append(f"{name}: {'no pictures match' if pattern else 'no such file'}")
        found.update(dict.fromkeys(files))
    return list(found), problems
