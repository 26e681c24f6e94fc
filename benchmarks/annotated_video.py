"""A video from file to file, its heads drawn."""

import math
import time
from itertools import islice, takewhile
from pathlib import Path

import measuring  # noqa: F401 - finds headpose where it is not installed

from headpose.images.drawing import draw_heads
from headpose.parallel.background import BackgroundWriter, Prefetcher
from headpose.pipeline import HeadPosePipeline
from headpose.video.drawn_mark import MARK
from headpose.video.opening import open_source
from headpose.video.pipeline import WAITING, VideoPipeline
from headpose.video.smoothing import HeadSmoother
from headpose.video.writer import VideoWriter


def annotate_video(
    pipeline: HeadPosePipeline,
    clip: str,
    target: Path,
    max_frames: int,
    detect_every: int = 1,
    seconds: float = math.inf,
) -> tuple[int, int]:
    """Writes a video with its heads drawn.

    Args:
        pipeline: Detector and estimator.
        clip: The video.
        target: Where to.
        max_frames: No more are read.
        detect_every: Heads are looked for in one of so many frames.
        seconds: No more frames are read after so long.

    Returns:
        The numbers of frames and heads.
    """
    follow = VideoPipeline(pipeline, detect_every, HeadSmoother())
    with (
        open_source(clip) as source,
        VideoWriter(target, source.rate, source.time_base, mark=MARK) as video,
    ):

        def write(done: tuple) -> None:
            frame, heads = done
            names = [f"#{head.track}" for head in heads]
            drawn = draw_heads(frame.picture, [head.smooth for head in heads], names=names)
            video.write(drawn, frame.time, frame.duration)

        end = time.monotonic() + seconds
        with Prefetcher(source, WAITING) as reader, BackgroundWriter(write, WAITING) as writer:
            frames = takewhile(lambda _: time.monotonic() < end, islice(reader, max_frames))
            for done in follow(frames):
                writer.put(done)
            writer.close()
    return follow.statistics.frames, follow.statistics.heads
