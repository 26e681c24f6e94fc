"""Small videos for tests: frames that tell their number, patches that move, and a tone."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from headpose.geometry.boxes import as_boxes

SIZE = (160, 120)
TICKS = Fraction(1, 90_000)
DARK, STEP = 30, 4  # brightness of card 0, and from one card to the next


def card(index: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Draws a grey frame whose brightness is its number; red at the top left, blue below."""
    width, height = size
    picture = np.full((height, width, 3), DARK + STEP * index, np.uint8)
    picture[: height // 4, : width // 4] = (0, 0, 255)
    picture[-height // 4 :, : width // 4] = (255, 0, 0)
    return picture


def number_of(picture: np.ndarray) -> int:
    """Reads the number off a card."""
    height, width = picture.shape[:2]
    middle = picture[height // 3 : -height // 3, width // 3 : -width // 3]
    return round((middle.mean() - DARK) / STEP)


def make_video(
    path: Path,
    times: Sequence[float],
    picture: Callable[[int], np.ndarray] = card,
    codec: str = "libx264",
    rotation: int = 0,
    aspect: Fraction | None = None,
    seconds_of_sound: float = 0,
    sound_codec: str = "aac",
    front: bool = False,
    bt709: bool = False,
) -> Path:
    """Writes a video, with PyAV alone.

    Args:
        path: Where to.
        times: Of the frames, seconds.
        picture: Draws a frame by its number.
        rotation: Degrees counter-clockwise that a player turns it by.
        aspect: Width of a pixel by its height.
        seconds_of_sound: A tone of 440 Hz so long, if any.
        front: Whether an MP4 has its table in front, so that its beginning can be read.
        bt709: Whether colours are those of HD television.
    """
    options = {"movflags": "faststart"} if front else {}
    with av.open(str(path), "w", options=options) as container:
        height, width = picture(0).shape[:2]
        rate = round((len(times) - 1) / (times[-1] - times[0])) if len(times) > 1 else 25
        settings = {"crf": "5", "g": "10"} if codec == "libx264" else {"g": "10"}
        stream = container.add_stream(codec, rate=rate, options=settings)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        ticks = 1 / Fraction(rate) if path.suffix == ".avi" else TICKS
        ticks = Fraction(1, 60_000) if codec == "mpeg4" and path.suffix != ".avi" else ticks
        stream.codec_context.time_base = ticks
        if codec == "mpeg4":
            stream.bit_rate = 4_000_000
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        if bt709:
            stream.codec_context.colorspace = 1
        sound = None
        if seconds_of_sound:
            sound = container.add_stream(sound_codec, rate=48_000)
            sound.layout = "mono"
        for index, time in enumerate(times):
            if bt709:
                frame = av.VideoFrame.from_ndarray(picture(index), format="bgr24")
                frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
            else:
                planes = cv2.cvtColor(picture(index), cv2.COLOR_BGR2YUV_I420)
                frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = round(time / ticks), ticks
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound:
            tone = np.sin(np.arange(int(48_000 * seconds_of_sound)) * 2 * np.pi * 440 / 48_000)
            for start in range(0, len(tone) - 960 + 1, 960):
                part = tone[None, start : start + 960].astype(np.float32)
                frame = av.AudioFrame.from_ndarray(part / 2, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 48_000, start
                container.mux(sound.encode(frame))
            container.mux(sound.encode())
    return path


def evenly(count: int, rate: float = 25) -> list[float]:
    """Returns the times of so many frames."""
    return [i / rate for i in range(count)]


def frames_of(path: Path) -> list[tuple[float, np.ndarray]]:
    """Reads a video with PyAV alone: time in seconds and picture of each frame."""
    with av.open(str(path)) as container:
        return [(f.time, f.to_ndarray(format="bgr24")) for f in container.decode(video=0)]


# ------------------------------------------------------------------- moving patches

COLOURS = ((40, 40, 230), (230, 120, 30), (30, 200, 230))


def patches(boxes: np.ndarray, size: tuple[int, int] = (320, 180)) -> np.ndarray:
    """Draws grey ground with a textured patch of its own colour in each box.

    Args:
        boxes: (N, 4); a row of NaN draws nothing.
    """
    width, height = size
    picture = np.full((height, width, 3), 128, np.uint8)
    for colour, box in zip(COLOURS, boxes, strict=False):
        if np.isnan(box).any():
            continue
        x0, y0, x1, y1 = np.rint(box).astype(int)
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), colour, cv2.FILLED)
    return picture


class PatchDetector:
    """Finds coloured patches, in place of a network.

    Attributes:
        calls: Number of pictures, and threshold, of each call.
    """

    confidence = 0.5

    def __init__(self, score: float = 0.9):
        self.calls: list[tuple[int, float]] = []
        self._score = score

    def detect(self, pictures, confidence=None):
        self.calls.append((len(pictures), confidence))
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture):
        spread = np.ptp(picture.astype(int), axis=2)
        _, _, found, _ = cv2.connectedComponentsWithStats((spread > 60).astype(np.uint8))
        rows = [(x, y, x + w, y + h) for x, y, w, h, size in found[1:] if size > 30]
        return as_boxes(rows), np.full(len(rows), self._score, np.float32)
