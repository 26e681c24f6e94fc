"""Following the heads of one video: from its frames to tables, a video and a window."""

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.table_options import Tables
from headpose.cli.windows import Window
from headpose.errors import HeadposeError
from headpose.files import atomic_write
from headpose.images.blurring import blur_heads
from headpose.images.copies import copy_mark
from headpose.parallel.background import BackgroundWriter, Prefetcher
from headpose.pipeline import HeadPosePipeline
from headpose.video.blurring import AROUND, HeadHider
from headpose.video.drawn_mark import MARK, is_drawn_video
from headpose.video.frames import EVERYTHING, Frame, Reading
from headpose.video.opening import open_source
from headpose.video.pipeline import WAITING, FollowedHead, VideoPipeline, frame_rows
from headpose.video.reidentification import Reidentifier
from headpose.video.smoothing import BETA, MIN_CUTOFF, HeadSmoother


@dataclasses.dataclass(frozen=True)
class VideoOptions:
    """How a video is followed.

    Attributes:
        reading: Which part of it is read.
        detect_every: Detect in one frame of so many.
        smoothing: `min_cutoff` and `beta` of `headpose.video.smoothing`; None does not smooth.
        draw: `headpose.images.drawing.draw_heads` with its options.
        blur: Whether to hide heads.
        codec: FFmpeg's name of an encoder.
        audio: Whether to copy the sound.
        replace: Whether the video may replace what stands there.
        reidentify: Whether heads that come back get their old numbers by their looks.
        drawn: Whether anything is drawn or hidden, for which the video gets a mark.
    """

    draw: Callable
    reading: Reading = EVERYTHING
    detect_every: int = 1
    smoothing: tuple[float, float] | None = (MIN_CUTOFF, BETA)
    blur: bool = False
    codec: str | None = None
    audio: bool = False
    replace: bool = False
    reidentify: bool = False
    drawn: bool = True


@dataclasses.dataclass(frozen=True)
class VideoResult:
    """What came of a video.

    Attributes:
        report: Counts and times, as `--stats` has them.
        problems: What went wrong while reading.
        interrupted: Whether Ctrl-C ended it.
        ended: Whether somebody closed the window.
        output: Where the video was written; None without one.
    """

    report: dict
    problems: list[str]
    interrupted: bool
    ended: bool
    output: Path | None = None


def follow_video(
    name: str,
    options: VideoOptions,
    load: Callable[[], HeadPosePipeline],
    tables: Tables,
    output: Path | None = None,
    window: Window | None = None,
) -> VideoResult:
    """Finds and follows the heads of a video and writes what was asked for.

    Args:
        name: See `headpose.video.opening.open_source`.
        options: How.
        load: Gives detector and estimator, once the video is open.
        tables: Get a row for each head in each frame.
        output: The video to write; None writes none.
        window: Shows the frames; None shows none.

    Raises:
        HeadposeError: If it cannot be opened, has no frames, or cannot be written.
    """
    placed: list[Path] = []  # of the video, once the stack is closed
    with ExitStack() as stack:
        source = stack.enter_context(open_source(name, options.reading))
        if source.live and (options.reading.start or options.reading.every > 1):
            raise HeadposeError(f"{source.name}: --start and --every are for files")
        video = _open_output(stack, name, source, options, output, placed) if output else None
        smoother = HeadSmoother(*options.smoothing) if options.smoothing else None
        at_once = 1 if source.live or window else None
        again = Reidentifier(options.detect_every) if options.reidentify else None
        follow = VideoPipeline(load(), options.detect_every, smoother, at_once, again)
        shown = _Shown(options, video, window)

        def write(done: tuple[Frame, list[FollowedHead]]) -> None:
            shown.put(*done)
            tables.write(frame_rows(source.name, *done))

        reader = Prefetcher(source, 1 if source.live else WAITING, newest=source.live)
        interrupted = ended = False
        with reader, BackgroundWriter(write, WAITING) as writer:
            try:
                for done in cl.progress(follow(reader), "frames", source.total):
                    writer.put(done)
                    if window and window.ended():
                        ended = True
                        break
            except KeyboardInterrupt:
                # What is done is kept: the video is ended well, and tables are whole.
                interrupted = True
            writer.close()
        shown.finish()
        follow.statistics.finish()
        if video and not (interrupted or ended):
            video.copy_rest_of_sound()
        report = follow.statistics.report()
        if not report["frames"]:
            if interrupted:
                raise KeyboardInterrupt
            raise HeadposeError((*source.problems, f"{source.name}: no frames to read")[0])
        report = {"source": source.name, **report, "frames dropped": reader.dropped}
    return VideoResult(report, source.problems, interrupted, ended, placed[-1] if placed else None)


class _Shown:
    """What is seen of the frames, drawn and perhaps blurred: in a video, a window, or both.

    Args:
        options: See there.
        video: Gets the frames; None writes none.
        window: Shows them; None shows none.
    """

    def __init__(self, options: VideoOptions, video, window: Window | None):
        self._options, self._video, self._window = options, video, window
        # What is shown at once cannot wait for what comes later. A head may have come into view
        # right after a detection, and gets a number from the second one that finds it.
        hold = (0.0, 0) if window else (AROUND, 2 * options.detect_every)
        self._hider = HeadHider(*hold) if options.blur else None

    def put(self, frame: Frame, heads: list[FollowedHead]) -> None:
        """Takes a frame, in order."""
        if not (self._video or self._window):
            return
        if self._hider is None:
            self._show(frame, heads, frame.picture)
            return
        self._show_hidden(self._hider.put(frame, heads))

    def finish(self) -> None:
        """Shows what was held back, at the end."""
        if self._hider is not None:
            self._show_hidden(self._hider.rest())

    def _show_hidden(self, ready: Sequence[tuple]) -> None:
        for frame, heads, boxes in ready:
            self._show(frame, heads, blur_heads(frame.picture, boxes))

    def _show(self, frame: Frame, heads: list[FollowedHead], picture) -> None:
        names = [f"#{head.track}" for head in heads]
        drawn = self._options.draw(picture, [head.smooth for head in heads], names=names)
        if self._video:
            self._video.write(drawn, frame.time, frame.duration)
        if self._window:
            self._window.offer(drawn)


def _open_output(
    stack: ExitStack, name: str, source, options: VideoOptions, output: Path, placed: list[Path]
):
    """Opens the output video; it appears when the stack is closed without an error."""
    from headpose.video.audio import Sound
    from headpose.video.encoders import encoder_for
    from headpose.video.writer import VideoWriter

    encoder_for(output, options.codec)
    start, end = options.reading.start, options.reading.end
    sound = None
    if options.audio and source.sound is None:
        cl.warn(f"{source.name}: there is no sound that can be copied")
    elif options.audio:
        sound = stack.enter_context(Sound(source.sound, start, end))
    return stack.enter_context(
        VideoWriter(
            stack.enter_context(atomic_write(output, options.replace, placed)),
            source.rate,
            source.time_base,
            start,
            options.codec,
            sound,
            source.bt709,
            str(output),
            MARK if options.drawn or is_drawn_video(_place(name)) else _copy_mark(_place(name)),
        )
    )


def _place(name: str) -> Path:
    """Returns where a source is, if it is a file: it may be named by an address."""
    return Path(name.removeprefix("file:"))


def _copy_mark(place: Path) -> str | None:
    """Returns the mark of copies of a source; None if it is no file."""
    mark = copy_mark(place)
    return mark.decode() if mark else None


def summary_of(report: dict, target: Path | None) -> str:
    """Returns what is to be said of a video at the end."""
    lines = [
        f"{report['source']}: {report['frames']} frames, {report['heads']} heads, "
        f"{report['tracks']} different" + (f" -> {target}" if target else "")
    ]
    if report["frames a second"] is not None:
        shown = {
            name: "-" if report[key] is None else f"{report[key]:.1f} ms"
            for name, key in (
                ("detection", "detection ms a detected frame"),
                ("estimation", "estimation ms a frame"),
            )
        }
        lines.append(
            f"without the first frame: detection {shown['detection']}, estimation "
            f"{shown['estimation']}, {report['frames a second']:.1f} frames a second"
        )
    return "\n".join(lines)
