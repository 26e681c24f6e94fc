"""What a variant does in its process: timed calls, videos, and answers to judge it by."""

import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from variant_models import load
from variants import Models, Variant

from headpose.images.pictures import read_image
from headpose.parallel.prefetch import ahead
from headpose.video.annotating import annotate_video

LONG_CALL = 0.2  # seconds
LONGEST_VIDEO = 12.0  # seconds, after which the slowest variants have shown enough


class VariantProcess:
    """A loaded variant.

    Args:
        variant: Which.
        models: Its files.
        pictures: A .npy file of pictures (N, H, W, 3) to time the detector on.
    """

    def __init__(self, variant: Variant, models: Models, pictures: str):
        self._pipeline = load(variant, models)
        self._pictures = list(np.load(pictures))
        self._crops: np.ndarray | None = None

    def crop_options(self) -> dict:
        """Returns how its crops are cut, see `headpose.geometry.crops.head_crops`."""
        return self._pipeline.estimator.crop_options

    def take_crops(self, file: str) -> None:
        """Reads the crops to time the estimator on, from a .npy file."""
        self._crops = np.load(file)

    def detect(self, count: int) -> float:
        """Returns the seconds from so many pictures to boxes after suppression."""
        pictures = self._pictures[:count]
        return _seconds(lambda: self._pipeline.detector.detect(pictures))

    def estimate(self, count: int) -> float:
        """Returns the seconds from so many crops to angles."""
        crops = self._crops[:count]
        return _seconds(lambda: self._pipeline.estimator.estimate_all(crops))

    def photo(self, count: int) -> float:
        """Returns the seconds from so many pictures to heads with angles."""
        pictures = self._pictures[:count]
        return _seconds(lambda: self._pipeline(pictures))

    def peak(self) -> int:
        """Returns the most memory that was held so far, bytes."""
        return peak_memory()

    def video(self, clip: str, target: str, max_frames: int) -> tuple[float, int, int]:
        """Annotates a video as `demo_video.py` does; returns seconds, frames and heads."""
        started = time.perf_counter()
        frames, heads = annotate_video(
            self._pipeline, clip, Path(target), max_frames, seconds=LONGEST_VIDEO
        )
        return time.perf_counter() - started, frames, heads

    def found(self, files: Sequence[Path], confidence: float | None = None) -> list[tuple]:
        """Returns the boxes and scores in each picture, above a threshold or its own."""
        detector = self._pipeline.detector
        pictures = ahead(read_image, files)
        return [detector.detect([picture], confidence)[0] for picture in pictures]

    def angles(self, file: str) -> np.ndarray:
        """Returns what the estimator tells of the crops in a .npy file."""
        return self._pipeline.estimator.estimate_all(np.load(file))


def peak_memory() -> int:
    """Returns the most memory that this process has held, in bytes."""
    with contextlib.suppress(OSError):
        # Not getrusage on Linux: there a child starts with its parent's peak.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _seconds(call: Callable) -> float:
    """Times a call after another one, which wakes its threads and fills the caches.

    To long calls that makes no difference: the first one counts.
    """
    for _ in range(2):
        started = time.perf_counter()
        call()
        seconds = time.perf_counter() - started
        if seconds > LONG_CALL:
            break
    return seconds


def make_clip(path: Path, picture: np.ndarray, frames: int, size: tuple[int, int]) -> None:
    """Writes a video that pans over a picture to and fro.

    Args:
        path: Where to.
        picture: uint8 (H, W, 3), BGR, larger than the frames.
        frames: Their number.
        size: Their width and height.
    """
    from headpose.video.writer import VideoWriter

    width, height = size
    room = np.subtract(picture.shape[1::-1], size)
    rate = Fraction(25)
    with VideoWriter(path, rate, Fraction(1, 90_000)) as video:
        for i in range(frames):
            x, y = np.rint(room * (0.5 - 0.5 * np.cos(2 * np.pi * i / frames))).astype(int)
            part = np.ascontiguousarray(picture[y : y + height, x : x + width])
            video.write(part, float(i / rate), float(1 / rate))
