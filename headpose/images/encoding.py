"""Pictures as bytes of a format, and which are too large for it."""

from collections.abc import Sequence

import cv2
import numpy as np

from headpose.errors import PictureError

_JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")
QUALITIES = {
    **{name: [cv2.IMWRITE_JPEG_QUALITY, 92] for name in _JPEG},
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 90],
}
# Pixels of a side: of JPEG what libjpeg writes, of WebP 14 bits (RFC 9649).
LARGEST = {**dict.fromkeys(_JPEG, 65_500), ".webp": 16_383}


def encode(picture: np.ndarray, suffix: str, settings: Sequence[int] | None = None) -> bytes:
    """Returns a picture as the bytes of a file.

    Args:
        picture: uint8 (H, W) or (H, W, 3), BGR.
        suffix: Of the format, in lower case.
        settings: Of OpenCV's encoder; None takes the qualities that this project writes.

    Raises:
        PictureError: If it is too large for the format, or cannot be encoded.
    """
    height, width = picture.shape[:2]
    most = LARGEST.get(suffix)
    if most is not None and max(width, height) > most:
        raise PictureError(
            f"{width} x {height} pixels are more than {suffix} can have ({most:,} a side)"
        )
    kind = ".jpg" if suffix == ".jfif" else suffix
    try:
        done, encoded = cv2.imencode(kind, picture, settings or QUALITIES.get(suffix, []))
    except cv2.error as error:
        raise PictureError("OpenCV cannot encode it") from error
    if not done:
        raise PictureError("OpenCV cannot encode it")
    return encoded.tobytes()
