"""How many frames a video has before a time, told by its packets."""

import contextlib
import math

import av


class EarlierFrames:
    """Counts the frames of a stream that come before a time, without decoding them all.

    A recording may begin in the middle of a group of pictures, or with pictures that need some
    before its first key frame: no decoder gives these, and nobody counts them. Which they are
    is known with the first frame that the decoder gives, so the packets before are decoded.

    Args:
        stream: Of an input container of PyAV; its decoder is as new after `end`.
    """

    def __init__(self, stream) -> None:
        self._stream = stream
        self._first: float | None = None  # when the first frame is shown, in the stream's ticks
        self._early: list[int] = []  # when packets are shown, until that is known
        self._is_leading = True  # until the key frame after that
        self.count = 0

    def look(self, packet) -> None:
        """Takes the next packet, whether before the time or not."""
        if self._first is None:
            with contextlib.suppress(av.error.InvalidDataError):
                self._begin(packet.decode())
        elif packet.is_keyframe:
            self._is_leading = False

    def add(self, shown: int) -> None:
        """Counts the packet that was looked at, whose frame is before the time.

        Args:
            shown: When, in the stream's ticks.
        """
        if self._first is None:
            self._early.append(shown)
        elif shown >= self._first or not self._is_leading:
            self.count += 1

    def end(self) -> None:
        """Ends the count; after it packets can be decoded from any key frame on."""
        if self._first is None:
            with contextlib.suppress(av.error.FFmpegError):
                self._begin(self._stream.decode(None))
        self._stream.codec_context.flush_buffers()

    def _begin(self, frames: list) -> None:
        if frames:
            first = frames[0].pts
            self._first = -math.inf if first is None else first
            self.count = sum(shown >= self._first for shown in self._early)
