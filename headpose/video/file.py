"""Reading video files through FFmpeg (PyAV)."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Self

import av
import numpy as np

from headpose.errors import HeadposeError, reason
from headpose.files import check_readable
from headpose.video.addresses import is_address, without_secrets
from headpose.video.earlier_frames import EarlierFrames
from headpose.video.frames import (
    AS_STORED,
    DEFAULT_RATE,
    EVERYTHING,
    Frame,
    Orientation,
    Reading,
    Shaper,
    selected,
)

OPENING, SILENCE = 10.0, 10.0  # seconds to wait for an address, and for what comes next
# Formats, by FFmpeg's names, whose duration counts from the first frame; of others from 0.
FROM_FIRST = ("mov", "flv", "mpegts", "mpeg")
CUT_SHORT = 0.5  # seconds, or three frames if that is less, which a file may end early
BT709, BT2020 = 1, 9  # FFmpeg's numbers of colour spaces


def open_container(name: str):
    """Opens a file or an address in which FFmpeg finds a video.

    Raises:
        HeadposeError: If there is no such thing, or no video in it.
    """
    live, shown = is_address(name), without_secrets(name)
    if not live:
        check_readable(name)
    waits = (OPENING, SILENCE) if live else None
    try:
        container = av.open(
            address_of(name),
            timeout=waits,
            options={"rtsp_transport": "tcp"},
            metadata_errors="replace",  # titles in other encodings are no reason to stop
        )
    except av.error.ProtocolNotFoundError as error:
        raise HeadposeError(f"{shown}: FFmpeg does not know this kind of address") from error
    except av.error.ExitError as error:
        raise HeadposeError(f"{shown}: no answer within {OPENING:.0f} s") from error
    except OSError as error:
        raise HeadposeError(f"{shown}: {reason(error)}") from error
    except av.error.InvalidDataError as error:
        raise HeadposeError(f"{shown}: not a video that FFmpeg reads, or cut short") from error
    except av.error.FFmpegError as error:
        what = "does not answer with a video" if live else "FFmpeg cannot read it"
        raise HeadposeError(f"{shown}: {what} ({reason(error)})") from error
    # FFmpeg takes texts for the output of a terminal, and covers of music for videos.
    stream = None if container.format.name == "tty" else video_of(container)
    if stream is None:
        container.close()
        raise HeadposeError(f"{shown}: there is no video in it")
    if stream.codec_context is None:
        container.close()
        raise HeadposeError(f"{shown}: FFmpeg has no decoder for its video")
    return container


def address_of(name: str) -> str:
    """Returns a name as FFmpeg understands it: a colon in a file's name does no harm."""
    return name if is_address(name) else f"file:{name}"


def video_of(container):
    """Returns the stream that a player would show; None if there is none."""
    stream = container.streams.best("video")
    cover = av.stream.Disposition.attached_pic
    return None if stream is None or stream.disposition & cover else stream


def rate_of(stream) -> Fraction:
    """Returns about how many frames a second a stream has."""
    return Fraction(stream.average_rate or stream.guessed_rate or DEFAULT_RATE)


class PixelShape:
    """Tells the shape of a stream's pixels, width by height, which may change midway.

    What the container says counts until the frames, which are asked one by one, say something
    else than the first one did.
    """

    def __init__(self, stream):
        self._stream, self._first = stream, None

    def now(self) -> float:
        """Returns that of the frame that was decoded last."""
        told = self._stream.codec_context.sample_aspect_ratio or 1
        self._first = told if self._first is None else self._first
        return float(told if told != self._first else self._stream.sample_aspect_ratio or 1)


def picture_of(frame, aspect: float) -> tuple[np.ndarray, Orientation, float]:
    """Returns a decoded frame as `headpose.video.frames.Shaper` takes it."""
    return frame.to_ndarray(format="bgr24"), orientation_of(frame), aspect


def orientation_of(frame) -> Orientation:
    """Reads how a frame is to be laid from its display matrix.

    The matrix, nine 32-bit numbers (a, b, u; c, d, v; x, y, w), sends a place (x, y) of the
    stored picture to (a x + c y, b x + d y), with y downward (FFmpeg's `libavutil/display.h`;
    ISO/IEC 14496-12, 8.5.2). Phones write the quarter turns, front cameras mirrored ones, too;
    other angles are taken for the nearest of the eight.
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return AS_STORED
    a, b, _, c, d = np.frombuffer(data, np.int32, 5).tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


class VideoFile:
    """A video with an end; see `headpose.video.frames.Source`.

    Args:
        name: The file or address.
        container: What `open_container` gave.
        reading: What to read, and how.
    """

    live = False

    def __init__(self, name: str, container, reading: Reading = EVERYTHING):
        self.name = without_secrets(name)
        self.problems: list[str] = []
        self.sound = name if container.streams.audio else None
        self._container, self._reading = container, reading
        self._stream = video_of(container)
        self._stream.thread_type = "AUTO"
        self._nominal = 1 / float(self._stream.guessed_rate or rate_of(self._stream))
        self._origin = self._stream.start_time
        self._skipped = self._damaged = 0
        self._first, self._reached = math.inf, 0.0  # seconds, of any stream
        self.rate = rate_of(self._stream) / reading.every
        self.time_base = self._stream.time_base
        self.bt709 = self._stream.codec_context.colorspace in (BT709, BT2020)
        self.total = None
        if container.duration is not None:
            seconds = min(container.duration / av.time_base, reading.end) - reading.start
            self.total = max(1, round(seconds * self.rate))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        yield from selected(self._timed(), self._reading)
        self._note_damage()  # also where the end that was asked for came first

    def _timed(self) -> Iterator[tuple]:
        """Yields number, time, duration and picture of each frame from the start on."""
        shape, last, index = Shaper(self._reading), -math.inf, 0
        pixels = PixelShape(self._stream)
        for frame in self._decoded():
            aspect = pixels.now()
            if frame.pts is None:
                time = last + self._nominal if math.isfinite(last) else 0.0
                if time < self._reading.start:
                    last, self._skipped = time, self._skipped + 1
            else:
                time = float((frame.pts - self._origin) * self.time_base)
                # What is before the time that the file tells for its beginning counts, too.
                self._skipped += time < self._reading.start == 0
            if time < self._reading.start:
                continue
            # Joined files may jump back.
            time = time if time > last else last + self._nominal
            duration = float((frame.duration or 0) * self.time_base) or self._nominal
            picture = lambda f=frame, a=aspect: shape(*picture_of(f, a))  # noqa: E731
            yield self._skipped + index, time, duration, picture
            last, index = time, index + 1
        self._judge_ending()

    def _decoded(self) -> Iterator:
        for packet in self._packets():
            try:
                yield from packet.decode()
            except (av.error.InvalidDataError, av.error.ArgumentError):
                self._damaged += 1

    def _packets(self) -> Iterator:
        """Yields the video's packets from the last key frame before the start on.

        Going there by reading, not by seeking, tells how many frames are before it, and
        works with every format.
        """
        held: list = []
        earlier = EarlierFrames(self._stream)
        skipping = self._reading.start > 0
        for packet in self._all_packets():
            if packet.stream is not self._stream:
                continue
            shown = packet.pts if packet.pts is not None else packet.dts
            if self._origin is None:
                self._origin = shown or 0
            if not skipping:
                yield packet
                continue
            earlier.look(packet)
            start = self._origin + math.ceil(self._reading.start / self.time_base)
            if shown is not None:
                # Packets that the file's edit list hides are decoded but never shown, and
                # neither OpenCV nor FFmpeg counts them.
                if shown < start and not packet.is_discard:
                    earlier.add(shown)
                if packet.is_keyframe and shown <= start:
                    held.clear()
            held.append(packet)
            ending = not packet.size  # of the last packet of all, which has no time
            if ending or (packet.dts is not None and packet.dts >= start):
                skipping = False
                earlier.end()
                self._skipped += earlier.count
                yield from held

    def _all_packets(self) -> Iterator:
        try:
            for packet in self._container.demux():
                if packet.pts is not None:
                    self._note_time(packet)
                yield packet
        except av.error.FFmpegError as error:
            self.problems.append(f"{self.name}: broke off ({reason(error)})")

    def _note_time(self, packet) -> None:
        """Notes where what was read begins and ends, for `_judge_ending`."""
        ending = float((packet.pts + (packet.duration or 0)) * packet.time_base)
        if not packet.duration and packet.stream is self._stream:
            ending += self._nominal
        self._reached = max(self._reached, ending) if self._first < math.inf else ending
        # What an edit list hides is not counted. The duration of FLV is that of decoding.
        if not packet.is_discard:
            is_flv = self._container.format.name == "flv" and packet.dts is not None
            begin = packet.dts if is_flv else packet.pts
            self._first = min(self._first, float(begin * packet.time_base))

    def _note_damage(self) -> None:
        if self._damaged:
            self.problems.append(f"{self.name}: {self._damaged} damaged packets left out")
            self._damaged = 0

    def _judge_ending(self) -> None:
        """Notes damage, and an end that came too early."""
        self._note_damage()
        # Playlists tell whole seconds, perhaps, and FFmpeg the pieces that are missing.
        is_playlist = self._container.format.name.startswith("hls")
        if self._container.duration is None or self.problems or is_playlist:
            return
        expected = self._container.duration / av.time_base
        if self._container.format.name == "avi":
            # FFmpeg takes the duration from the file's size; the header has the frames.
            expected = max(expected, self._stream.frames * float(self.time_base))
        reached = self._reached
        if self._container.format.name.split(",")[0] in FROM_FIRST and self._first < math.inf:
            reached -= self._first
        if expected - reached > min(CUT_SHORT, 3 * self._nominal):
            self.problems.append(
                f"{self.name}: cut short, {reached:.1f} of {expected:.1f} s could be read"
            )
