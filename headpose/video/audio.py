"""The sound of a video, packet by packet, to be copied into another."""

import math
from collections.abc import Iterator
from typing import Self

from headpose.video.file import open_container, video_of


class Sound:
    """Reads the sound of a file or an address without decoding it.

    Args:
        name: The file or address, in which there is a video and sound.
        start, end: Part that is wanted, seconds from the video's first frame.

    Raises:
        HeadposeError: If it cannot be opened.
    """

    def __init__(self, name: str, start: float = 0.0, end: float = math.inf):
        self._container = open_container(name)
        self.stream = self._container.streams.best("audio")
        video = video_of(self._container)
        self._origin = float((video.start_time or 0) * video.time_base)
        self._start, self._end = start, end
        self._packets = self._wanted()
        self._held = next(self._packets, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        self._container.close()

    def until(self, time: float) -> Iterator:
        """Yields the next packets up to a time in seconds, on the clock that starts at `start`."""
        while self._held is not None and self._held.pts * self._held.time_base < time:
            packet, self._held = self._held, next(self._packets, None)
            yield packet

    def _wanted(self) -> Iterator:
        """Yields the packets of the part, with times from its beginning."""
        for packet in self._container.demux(self.stream):
            if packet.pts is None or packet.dts is None:
                continue
            time = float(packet.pts * packet.time_base) - self._origin
            if time < self._start:
                continue
            if time >= self._end:
                return
            shift = round((self._origin + self._start) / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            yield packet
