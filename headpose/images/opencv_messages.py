"""What OpenCV prints by itself."""

import contextlib
from collections.abc import Iterator

import cv2


@contextlib.contextmanager
def silent_opencv() -> Iterator[None]:
    """Keeps OpenCV from printing what it raises or returns as well."""
    logging = cv2.utils.logging
    before = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(before)
