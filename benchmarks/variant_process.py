"""What a variant does in its process: timed calls, videos, and answers to judge it by."""

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import islice, takewhile
from pathlib import Path

import numpy as np
from detector_variants import peak_memory
from variant_models import load
from variants import Models, Variant

from headpose.pictures import read_picture
from headpose.streams import ahead

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
        """Returns how its crops are cut, see `headpose.crops.head_crops`."""
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

    def video(self, clip: str, target: str, most: int) -> tuple[float, int, int]:
        """Annotates a video as `demo_video.py` does; returns seconds, frames and heads."""
        started = time.perf_counter()
        frames, heads = annotate_video(self._pipeline, clip, Path(target), most)
        return time.perf_counter() - started, frames, heads

    def found(self, files: Sequence[Path], confidence: float | None = None) -> list[tuple]:
        """Returns the boxes and scores in each picture, above a threshold or its own."""
        detector = self._pipeline.detector
        pictures = ahead(read_picture, files)
        return [detector.detect([picture], confidence)[0] for picture in pictures]

    def angles(self, file: str) -> np.ndarray:
        """Returns what the estimator tells of the crops in a .npy file."""
        return self._pipeline.estimator.estimate_all(np.load(file))


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


def annotate_video(pipeline, clip: str, target: Path, most: int) -> tuple[int, int]:
    """Writes a video with its heads drawn, detected in every frame.

    Args:
        pipeline: Detector and estimator.
        clip: The video.
        target: Where to.
        most: At most so many frames; and no more are read after `LONGEST_VIDEO`.

    Returns:
        The numbers of frames and heads.
    """
    from headpose.background import Ahead, Behind
    from headpose.drawing import draw_heads
    from headpose.smoothing import HeadSmoother
    from headpose.video import open_source
    from headpose.video_pipeline import WAITING, VideoPipeline
    from headpose.video_writer import VideoWriter

    follow = VideoPipeline(pipeline, 1, HeadSmoother())
    with (
        open_source(clip) as source,
        VideoWriter(target, source.rate, source.time_base) as video,
    ):

        def write(done: tuple) -> None:
            frame, heads = done
            names = [f"#{head.track}" for head in heads]
            drawn = draw_heads(frame.picture, [head.smooth for head in heads], names=names)
            video.write(drawn, frame.time, frame.duration)

        end = time.monotonic() + LONGEST_VIDEO
        with Ahead(source, WAITING) as reader, Behind(write, WAITING) as writer:
            frames = takewhile(lambda _: time.monotonic() < end, islice(reader, most))
            for done in follow(frames):
                writer.put(done)
            writer.close()
    return follow.statistics.frames, follow.statistics.heads


def make_clip(path: Path, picture: np.ndarray, frames: int, size: tuple[int, int]) -> None:
    """Writes a video that pans over a picture to and fro.

    Args:
        path: Where to.
        picture: uint8 (H, W, 3), BGR, larger than the frames.
        frames: Their number.
        size: Their width and height.
    """
    from headpose.video_writer import VideoWriter

    width, height = size
    room = np.subtract(picture.shape[1::-1], size)
    rate = Fraction(25)
    with VideoWriter(path, rate, Fraction(1, 90_000)) as video:
        for i in range(frames):
            x, y = np.rint(room * (0.5 - 0.5 * np.cos(2 * np.pi * i / frames))).astype(int)
            part = np.ascontiguousarray(picture[y : y + height, x : x + width])
            video.write(part, float(i / rate), float(1 / rate))
