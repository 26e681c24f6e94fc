"""Reading what is happening now: cameras through OpenCV, streams through FFmpeg."""

import math
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Self

import av
import cv2

from headpose.errors import HeadposeError, reason
from headpose.images.opencv_messages import silent_opencv
from headpose.reporting import logger
from headpose.video.addresses import without_secrets
from headpose.video.file import SILENCE, PixelShape, open_container, picture_of, rate_of, video_of
from headpose.video.frames import DEFAULT_RATE, EVERYTHING, Frame, Reading, Shaper

MILLISECOND = Fraction(1, 1000)
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds before trying again, doubled each time


class _Live:
    """Frames timed by their arrival; see `headpose.video.frames.Source`.

    Where a reading asks for it, what drops is opened again; numbers and times go on.
    """

    live, bt709, time_base = True, False, MILLISECOND
    total: int | None = None
    sound: str | None = None

    def __init__(self, name: str, rate: Fraction, reading: Reading):
        self.name, self.rate = name, rate
        self.problems: list[str] = []
        self._reading = reading

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        self._close()

    def __iter__(self) -> Iterator[Frame]:
        shape, first = Shaper(self._reading), None
        for index, picture in enumerate(self._all_pictures()):
            now = time.monotonic()
            first = now if first is None else first
            if now - first >= self._reading.end:
                return
            yield Frame(index, now - first, 1 / float(self.rate), shape(*picture))

    def _all_pictures(self) -> Iterator[tuple]:
        """Yields what `Shaper` takes, from one connection after the other."""
        patience = self._reading.reconnect
        last, wait = time.monotonic(), FIRST_WAIT
        while True:
            for picture in self._pictures():
                last, wait = time.monotonic(), FIRST_WAIT
                yield picture
            if patience is None:
                return
            cause = self.problems.pop() if self.problems else f"{self.name}: ended"
            self._close()
            while True:
                if time.monotonic() + wait - last > patience:
                    self.problems.append(f"{cause}; gave up after {patience:g} s without a picture")
                    return
                logger.warning("%s; trying again in %g s", cause, wait)
                time.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
                try:
                    self._open()
                except HeadposeError as error:
                    cause = str(error)
                else:
                    break

    def _open(self) -> None:
        """Connects.

        Raises:
            HeadposeError: If nothing answers.
        """
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError

    def _pictures(self) -> Iterator[tuple]:
        """Yields what `Shaper` takes, of this connection."""
        raise NotImplementedError


class Camera(_Live):
    """A camera by its number.

    Raises:
        HeadposeError: If it cannot be opened.
    """

    def __init__(self, number: int, reading: Reading = EVERYTHING):
        self._number = number
        self._open()
        told = self._capture.get(cv2.CAP_PROP_FPS)
        usual = math.isfinite(told) and 1 <= told <= 1000
        rate = Fraction(told).limit_denominator(1001) if usual else Fraction(DEFAULT_RATE)
        super().__init__(f"camera {number}", rate, reading)

    def _open(self) -> None:
        # What OpenCV prints about cameras it cannot open is said again below.
        told = f"no camera {self._number}; name another number, or a file"
        try:
            with silent_opencv():
                self._capture = cv2.VideoCapture(self._number)
        except cv2.error as error:  # of numbers that no int holds
            raise HeadposeError(told) from error
        if not self._capture.isOpened():
            raise HeadposeError(told)

    def _close(self) -> None:
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
        address: Where it is.
        container: What `headpose.video.file.open_container` gave.
        reading: How to read it.
    """

    def __init__(self, address: str, container, reading: Reading = EVERYTHING):
        self._address, self._container = address, container
        super().__init__(without_secrets(address), rate_of(video_of(container)), reading)

    def _open(self) -> None:
        self._container = open_container(self._address)

    def _close(self) -> None:
        self._container.close()

    def _pictures(self) -> Iterator[tuple]:
        stream = video_of(self._container)
        pixels = PixelShape(stream)
        try:
            for packet in self._container.demux(stream):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    continue  # joining in the middle, the first packets cannot be decoded
                for frame in frames:
                    yield picture_of(frame, pixels.now())
        except av.error.ExitError:
            self.problems.append(f"{self.name}: sent nothing for {SILENCE:.0f} s")
        except av.error.FFmpegError as error:
            self.problems.append(f"{self.name}: broke off ({reason(error)})")
