"""Writing videos through FFmpeg (PyAV)."""

import contextlib
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation

from headpose.errors import HeadposeError, reason
from headpose.reporting import logger
from headpose.video.audio import Sound
from headpose.video.drawn_mark import add_mark
from headpose.video.encoders import SETTINGS, encoder_for
from headpose.video.file import BT709

UNEVEN = 1.5  # frames by which one may be elsewhere than it should be, before that is told
EARLY = 0.04  # seconds by which sound may be early before anybody notices (EBU R 37, 2007)
GAP = 0.005  # seconds between packets of sound that are no rounding of their times
MPEG4_TICKS = 60_000  # a second: its times have 16 bits, and this divides by all usual rates


def _pixels(codec) -> str:
    """Returns the format of pixels that every player shows, or else the encoder's first."""
    formats = [f.name for f in codec.video_formats or ()]
    # Encoders that begin with full-range colours (MJPEG) refuse the others.
    usual = not formats or ("yuv420p" in formats and not formats[0].startswith("yuvj"))
    return "yuv420p" if usual else formats[0]


class VideoWriter:
    """Writes frames as a video, each at its time; to be used in a `with`.

    If the block fails the file is left unfinished: give it the temporary path of
    `headpose.files.atomic_write`.

    Args:
        path: The file, whose suffix is one of `encoders.ENCODERS`.
        rate: Frames a second, about.
        time_base: Unit of the times, seconds. AVI knows only a constant rate.
        start: The time that becomes the beginning, seconds.
        codec: FFmpeg's name of an encoder; None takes one by the suffix.
        sound: Copied along; None for none.
        bt709: Whether to write colours as HD television does, and say so.
        name: What to call the file in errors; None takes its path.
        mark: By which headpose knows the file again, see `headpose.video.drawn_mark`.

    Raises:
        HeadposeError: If there is no such encoder, or the file cannot hold it or the sound.
    """

    def __init__(
        self,
        path: Path,
        rate: Fraction,
        time_base: Fraction,
        start: float = 0.0,
        codec: str | None = None,
        sound: Sound | None = None,
        bt709: bool = False,
        name: str | None = None,
        mark: str | None = None,
    ):
        self._name, self._start, self._bt709 = name or str(path), start, bt709
        self._codec, self._sound = encoder_for(path, codec), sound
        self._ending, self._last = 0.0, -1
        self._off = 0.0  # seconds by which a frame is elsewhere than it should be
        self._durations: dict[int, int] = {}
        # Where the file puts sound end to end: what it cannot hold of breaks, seconds.
        self._breaks = 0.0 if path.suffix.lower() == ".avi" else None
        self._sounded = 0.0  # seconds up to which sound was copied
        with self._told():
            self._container = av.open(str(path), "w")
        if mark:
            add_mark(self._container, mark)
        add, options = self._container.add_stream, SETTINGS.get(self._codec, {})
        self._stream = self._held(self._codec, lambda: add(self._codec, rate, options))
        context = self._stream.codec_context
        context.pix_fmt = _pixels(context.codec)
        # Frames stored out of order gain little here, and MP4 then mistakes the duration.
        context.max_b_frames = 0
        if path.suffix.lower() == ".avi":
            time_base = 1 / Fraction(rate).limit_denominator(1001)
        elif self._codec == "mpeg4" and time_base.denominator > MPEG4_TICKS:
            time_base = Fraction(1, MPEG4_TICKS)
        self._time_base = context.time_base = time_base
        if bt709:
            context.colorspace = context.color_primaries = context.color_trc = BT709
        if sound is not None:
            template, container = sound.stream, self._container
            what = f"sound as {template.codec_context.name}"
            self._sound_stream = self._held(
                what, lambda: container.add_stream_from_template(template)
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind, *error) -> None:
        if kind is None:
            self._finish()
        else:
            # The file is of no use; that it cannot be ended well is no news.
            with contextlib.suppress(av.error.FFmpegError):
                self._container.close()

    def write(self, picture: np.ndarray, time: float, duration: float) -> None:
        """Writes a frame.

        Args:
            picture: uint8 (H, W, 3), BGR, as large as the first.
            time: Seconds, growing.
            duration: Seconds; counts for the last frame.

        Raises:
            HeadposeError: If it cannot be encoded or written.
        """
        # Colours are stored for two by two pixels.
        height, width = picture.shape[:2]
        if height % 2 or width % 2:
            edge = cv2.BORDER_REPLICATE
            picture = cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, edge)
        if self._last < 0:
            self._open(picture.shape[1], picture.shape[0])
        time -= self._start
        self._last = max(round(time / self._time_base), self._last + 1)
        self._off = max(self._off, abs(self._last * float(self._time_base) - time))
        self._durations[self._last] = max(1, round(duration / self._time_base))
        self._ending = time + duration
        frame = self._converted(picture)
        frame.pts, frame.time_base = self._last, self._time_base
        self._encode(frame)
        self._copy_sound(time)

    def copy_rest_of_sound(self) -> None:
        """At the end, copies sound that goes on after the last frame, too."""
        self._ending = math.inf

    def _open(self, width: int, height: int) -> None:
        """Starts the encoder, now that the size is known."""
        self._stream.width, self._stream.height = width, height
        try:
            self._stream.codec_context.open()
        except av.error.FFmpegError as error:
            raise HeadposeError(
                f"{self._name}: the encoder {self._codec} does not work here "
                f"({reason(error)}); name another --codec"
            ) from error
        with self._told():
            try:
                self._container.start_encoding()
            except av.error.ArgumentError as error:
                if self._sound is None:
                    raise
                kind = self._sound.stream.codec_context.name
                raise HeadposeError(
                    f"{self._name}: a {Path(self._name).suffix} file cannot hold {self._codec} "
                    f"with this sound as {kind}; try .mkv, or leave the sound out"
                ) from error

    def _converted(self, picture: np.ndarray):
        """Returns a picture as the encoder takes it."""
        wanted = self._stream.pix_fmt
        if wanted == "yuv420p" and not self._bt709:
            # OpenCV takes a tenth of FFmpeg's time for the colours of standard television.
            planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
            return av.VideoFrame.from_ndarray(planes, format=wanted)
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        colours = "ITU709" if self._bt709 else None
        rounding = Interpolation.BICUBIC | Interpolation.ACCURATE_RND
        return frame.reformat(format=wanted, dst_colorspace=colours, interpolation=rounding)

    def _finish(self) -> None:
        if self._last >= 0:
            self._encode(None)
            self._copy_sound(self._ending)
        if self._off > UNEVEN * self._time_base:
            logger.warning(
                "%s: %s frames a second cannot hold these times, which are off by up to %.2f s; "
                "write .mp4 or .mkv, which can",
                self._name,
                f"{float(1 / self._time_base):.4g}",
                self._off,
            )
        if self._breaks is not None and self._breaks > EARLY:
            logger.warning(
                "%s: AVI has no room for breaks before and in the sound, which is early by up to "
                "%.2f s; write .mp4 or .mkv, which have",
                self._name,
                self._breaks,
            )
        with self._told():
            self._container.close()

    def _encode(self, frame) -> None:
        with self._told():
            for packet in self._stream.encode(frame):
                packet.duration = self._durations.pop(packet.pts, packet.duration)
                self._container.mux(packet)

    def _copy_sound(self, time: float) -> None:
        if self._sound is not None:
            with self._told():
                for packet in self._sound.until(time):
                    self._note_break(packet)
                    packet.stream = self._sound_stream
                    self._container.mux(packet)

    def _note_break(self, packet) -> None:
        """Adds up what there is between a packet of sound and the one before."""
        begins = float(packet.pts * packet.time_base)
        # Where a packet does not tell how long it is, the next one follows on it.
        length = float(packet.duration * packet.time_base) if packet.duration else math.inf
        if self._breaks is not None and begins - self._sounded > GAP:
            self._breaks += begins - self._sounded
        self._sounded = begins + length

    def _held(self, what: str, add: Callable):
        """Adds a stream, if the file can hold it."""
        try:
            return add()
        except ValueError as error:
            suffix = Path(self._name).suffix
            raise HeadposeError(
                f"{self._name}: a {suffix} file cannot hold {what}; try .mkv"
            ) from error

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Tells what FFmpeg cannot do in a line."""
        try:
            yield
        except OSError as error:
            raise HeadposeError(f"cannot write {self._name}: {reason(error)}") from error
        except av.error.FFmpegError as error:
            raise HeadposeError(
                f"cannot write {self._name} with {self._codec}: {reason(error)}"
            ) from error
