"""Videos as frames with times: what all sources share.

`headpose.video.opening` opens files, cameras, streams and folders of pictures.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Protocol, Self

import cv2
import numpy as np

from headpose.geometry.crops import resize
from headpose.reporting import logger

SMALL = 2  # how often a picture is as wide as the first, from where that is told
DEFAULT_RATE = 25  # frames a second, where nothing tells


@dataclasses.dataclass(frozen=True)
class Frame:
    """One frame of a video.

    Attributes:
        index: Its number in the source, from 0.
        time: Seconds from the source's first frame.
        duration: Seconds until the next frame that is read.
        picture: uint8 (H, W, 3), BGR, upright, with square pixels.
    """

    index: int
    time: float
    duration: float
    picture: np.ndarray


@dataclasses.dataclass(frozen=True)
class Reading:
    """What is read of a video, and how.

    Attributes:
        start, end: Frames from `start` to before `end`, seconds from the first frame.
        every: Take one frame of so many.
        flip: Whether to mirror frames left to right.
        max_size: Scale frames down to this long side, pixels.
        rate: Frames a second of a folder of pictures.
        reconnect: Seconds without a picture after which a stream or camera that dropped is
            given up; None gives it up at once.
        counted_from: Number of the frame from which `every` counts; None: the first that is
            read.
    """

    start: float = 0.0
    end: float = math.inf
    every: int = 1
    flip: bool = False
    max_size: int | None = None
    rate: Fraction = Fraction(DEFAULT_RATE)
    reconnect: float | None = None
    counted_from: int | None = None


EVERYTHING = Reading()


class Source(Protocol):
    """What `open_source` gives: frames to iterate over once, to be used in a `with`.

    Attributes:
        name: For messages.
        live: Whether frames come at their own time, so that only the newest counts.
        rate: Frames a second that are read, about.
        time_base: The unit of its times, seconds.
        total: Number of frames that will be read, about; None if nothing tells.
        sound: What `headpose.video.audio.Sound` opens; None if it has none that can be copied.
        bt709: Whether its colours are said to be those of HD television.
        problems: What went wrong while reading, known at the end.
    """

    name: str
    live: bool
    rate: Fraction
    time_base: Fraction
    total: int | None
    sound: str | None
    bt709: bool
    problems: list[str]

    def __enter__(self) -> Self: ...
    def __exit__(self, *error) -> None: ...
    def __iter__(self) -> Iterator[Frame]: ...


@dataclasses.dataclass(frozen=True)
class Orientation:
    """What makes a stored picture upright: one of the eight ways to lay a rectangle.

    Attributes:
        transpose: Whether rows become columns, first of all.
        flip_x, flip_y: Whether left and right, top and bottom change places then.
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def upright(self, picture: np.ndarray) -> np.ndarray:
        """Returns a view of a picture, (H, W, 3), as it is to be seen."""
        if self.transpose:
            picture = picture.swapaxes(0, 1)
        return picture[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


AS_STORED = Orientation()


class Shaper:
    """Turns pictures into what a reading asks for, all as large as the first.

    One of another shape is fitted in with bars, which a warning tells of once.
    """

    def __init__(self, reading: Reading):
        self._reading = reading
        self._size: tuple[int, int] | None = None
        self._first = 0  # width of the first, before it is scaled
        self._told = self._told_small = False

    def __call__(
        self, picture: np.ndarray, orientation: Orientation = AS_STORED, aspect: float = 1.0
    ) -> np.ndarray:
        """Shapes a picture.

        Args:
            picture: uint8 (H, W, 3).
            orientation: What makes it upright.
            aspect: Width of its pixels by their height, before that.
        """
        if aspect != 1:
            wide = max(1, round(picture.shape[1] * aspect))
            picture = cv2.resize(picture, (wide, picture.shape[0]))
        picture = orientation.upright(picture)
        if self._reading.flip:
            picture = picture[:, ::-1]
        if self._size is None:
            height, width = picture.shape[:2]
            scale = min(1.0, (self._reading.max_size or math.inf) / max(width, height))
            self._size = max(1, round(width * scale)), max(1, round(height * scale))
            self._first = width
        elif picture.shape[1] >= SMALL * self._first and not self._told_small:
            self._told_small = True
            logger.warning(
                "the first picture, %d pixels wide, is much smaller than others, which are made as "
                "small",
                self._first,
            )
        return np.ascontiguousarray(self._fitted(picture, self._size))

    def _fitted(self, picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Returns a picture (H, W, 3) of a width and height, its own shape kept."""
        height, width = picture.shape[:2]
        scale = min(size[0] / width, size[1] / height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        bars = np.subtract(size, inner)
        if bars.max() <= 1:  # but for rounding it has the same shape
            return resize(picture, size)
        if not self._told:
            self._told = True
            logger.warning(
                "not all pictures have the shape of the first, %dx%d: others are fitted in with "
                "black bars, and boxes are told in pixels of that",
                *size,
            )
        canvas = np.zeros((size[1], size[0], *picture.shape[2:]), picture.dtype)
        left, top = bars // 2
        canvas[top : top + inner[1], left : left + inner[0]] = resize(picture, inner)
        return canvas


def selected(
    frames: Iterable[tuple[int, float, float, Callable[[], np.ndarray]]], reading: Reading
) -> Iterator[Frame]:
    """Yields the frames that a reading asks for, each lasting until the next.

    Args:
        frames: Number, time, duration, and what gives the picture; times ascending.
        reading: Of which `start`, `end`, `every` and `counted_from` count here.
    """
    first, held, ending = reading.counted_from, None, 0.0
    for index, time, duration, picture in frames:
        if time < reading.start:
            continue
        if time >= reading.end:
            break
        ending = min(time + duration, reading.end)
        first = index if first is None else first
        if (index - first) % reading.every:
            continue
        if held is not None:
            yield dataclasses.replace(held, duration=time - held.time)
        held = Frame(index, time, duration, picture())
    if held is not None:
        yield dataclasses.replace(held, duration=ending - held.time)
