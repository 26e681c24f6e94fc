"""Reading what is happening now: cameras through OpenCV, streams through FFmpeg."""

import math
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Self

import av
import cv2

from headpose.errors import HeadposeError, reason
from headpose.video.file import picture_of, rate_of, video_of
from headpose.video.frames import DEFAULT_RATE, EVERYTHING, Frame, Reading, Shaper

MILLISECOND = Fraction(1, 1000)


class _Live:
    """Frames timed by their arrival; see `headpose.video.frames.Source`."""

    live, total, sound, bt709, time_base = True, None, None, False, MILLISECOND

    def __init__(self, name: str, rate: Fraction, reading: Reading):
        self.name, self.rate, self.problems = name, rate, []
        self._reading = reading

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Frame]:
        shape, first = Shaper(self._reading), None
        for index, picture in enumerate(self._pictures()):
            now = time.monotonic()
            first = now if first is None else first
            if now - first >= self._reading.end:
                return
            yield Frame(index, now - first, 1 / float(self.rate), shape(*picture))

    def _pictures(self) -> Iterator[tuple]:
        """Yields what `Shaper` takes."""
        raise NotImplementedError


class Camera(_Live):
    """A camera by its number.

    Raises:
        HeadposeError: If it cannot be opened.
    """

    def __init__(self, number: int, reading: Reading = EVERYTHING):
        # What OpenCV prints about cameras it cannot open is said again below.
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._capture = cv2.VideoCapture(number)
        cv2.utils.logging.setLogLevel(level)
        if not self._capture.isOpened():
            raise HeadposeError(f"no camera {number}; name another number, or a file")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        usual = math.isfinite(rate) and 1 <= rate <= 1000
        rate = Fraction(rate).limit_denominator(1001) if usual else Fraction(DEFAULT_RATE)
        super().__init__(f"camera {number}", rate, reading)

    def __exit__(self, *error) -> None:
        self._capture.release()

    def _pictures(self) -> Iterator[tuple]:
        while True:
            found, picture = self._capture.read()
            if not found:
                self.problems.append(f"{self.name}: gives no more pictures")
                return
            yield (picture,)


class Stream(_Live):
    """A stream that has no end of its own.

    Args:
        name: Its address.
        container: What `headpose.video.file.open_container` gave.
        reading: How to read it.
    """

    def __init__(self, name: str, container, reading: Reading = EVERYTHING):
        self._container, self._stream = container, video_of(container)
        super().__init__(name, rate_of(self._stream), reading)

    def __exit__(self, *error) -> None:
        self._container.close()

    def _pictures(self) -> Iterator[tuple]:
        try:
            for packet in self._container.demux(self._stream):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    continue  # joining in the middle, the first packets cannot be decoded
                for frame in frames:
                    yield picture_of(frame, self._stream)
        except av.error.FFmpegError as error:
            self.problems.append(f"{self.name}: broke off ({reason(error)})")
