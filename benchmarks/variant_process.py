"""What a variant does in its process: timed calls, videos, and answers to judge it by."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from annotated_video import annotate_video
from peak_memory import peak_memory
from variants import Models, Variant, load

from headpose.images.pictures import read_image
from headpose.models.fixed_shapes import WORTH_IT
from headpose.parallel.prefetch import ahead

LONG_CALL = 0.2  # seconds
LONGEST_VIDEO = 12.0  # seconds, after which the slowest variants have shown enough


class VariantProcess:
    """A loaded variant.

    Args:
        variant: Which.
        models: Its files.
        pictures: uint8 (N, H, W, 3), BGR, to time the detector on.
    """

    def __init__(self, variant: Variant, models: Models, pictures: np.ndarray):
        self._pipeline = load(variant, models)
        self._pictures = list(pictures)
        self._crops: np.ndarray | None = None

    def crop_options(self) -> dict:
        """Returns how its crops are cut, see `headpose.geometry.crops.head_crops`."""
        return self._pipeline.estimator.crop_options

    def take_crops(self, crops: np.ndarray) -> None:
        """Takes the crops to time the estimator on."""
        self._crops = crops

    def come_up_often(self, counts: Sequence[int]) -> None:
        """Looks at pictures as often as their size gets a session of its own, in batches."""
        for count in counts:
            for _ in range(WORTH_IT):
                self._pipeline.detector.detect(self._pictures[:count])

    def seconds(self, what: str, count: int) -> float:
        """Times one call.

        Args:
            what: `detect` from pictures to boxes after suppression, `estimate` from crops to
                angles, `photo` from pictures to heads with angles.
            count: Of the pictures or crops.
        """
        call, items = {
            "detect": (self._pipeline.detector.detect, self._pictures),
            "estimate": (self._pipeline.estimator.estimate_all, self._crops),
            "photo": (self._pipeline, self._pictures),
        }[what]
        return _seconds(call, items[:count])

    def peak(self) -> int:
        """Returns the most memory that was held so far, bytes."""
        return peak_memory()

    def video(self, clip: str, target: Path, max_frames: int) -> tuple[float, int, int]:
        """Annotates a video as `demo_video.py` does; returns seconds, frames and heads."""
        started = time.perf_counter()
        frames, heads = annotate_video(
            self._pipeline, clip, target, max_frames, seconds=LONGEST_VIDEO
        )
        return time.perf_counter() - started, frames, heads

    def found(self, files: Sequence[Path]) -> list[tuple]:
        """Returns the boxes and scores in each picture."""
        return [self._pipeline.detector.detect([p])[0] for p in ahead(read_image, files)]

    def angles(self, crops: np.ndarray) -> np.ndarray:
        """Returns what the estimator tells of crops."""
        return self._pipeline.estimator.estimate_all(crops)


def _seconds(call: Callable, argument) -> float:
    """Times a call after another one, which wakes its threads and fills the caches.

    To long calls that makes no difference: the first one counts.
    """
    for _ in range(2):
        started = time.perf_counter()
        call(argument)
        seconds = time.perf_counter() - started
        if seconds > LONG_CALL:
            break
    return seconds
