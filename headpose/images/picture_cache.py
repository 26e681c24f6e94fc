"""Decoded pictures kept in memory, for training over many epochs."""

import threading
from pathlib import Path

import numpy as np

from headpose.images.pictures import read_image


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
