"""Pictures as OpenCV reads them: any depth and channels, as they lie in the file."""

import contextlib
from pathlib import Path

import cv2
import numpy as np

from headpose.files import is_regular


def read_pixels(file: Path) -> np.ndarray | None:
    """Returns the values of a picture (H, W) or (H, W, C); None of what is none, or not there.

    `cv2.imread` ends the process with a segmentation fault where a name is no UTF-8.
    """
    if not is_regular(file):
        return None
    with contextlib.suppress(OSError, cv2.error):
        return cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    return None
