"""Finds heads in a video, follows them and says where each one is turned.

In goes a file, a folder of pictures, a camera or a stream; out comes a video with boxes,
numbers and angles, a table with a row for each head in each frame, or both.
"""

import argparse
import json
import math
import subprocess
import sys
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.pipeline_options import SIGNS, add_pipeline_options, check_display, pipeline_from
from headpose.errors import HeadposeError, reason
from headpose.files import atomic_write
from headpose.video.smoothing import BETA, MIN_CUTOFF

ESCAPE = 27


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__, epilog=f"{SIGNS} SSD512's default threshold is 0.65 for videos.")
    seconds, whole = cl.in_range(0, math.inf), cl.at_least(1)
    add = parser.add_argument
    add(
        "source",
        nargs="?",
        default="0",
        help="a video file, a folder of pictures, a camera's number or a stream's address; "
        "without any, camera 0",
    )
    add(
        "--output",
        type=Path,
        metavar="FILE",
        help="the video with its heads drawn (.mp4, .mkv, .mov, .webm, .avi); if nothing at all "
        "is asked for, it goes to output/",
    )
    add("--csv", metavar="FILE", help="a row for each head in each frame; - is stdout")
    add("--json", metavar="FILE", help="a JSON line for each head in each frame; - is stdout")
    add("--stats", type=Path, metavar="FILE", help="counts, times and frames a second as JSON")
    add("--show", action="store_true", help="show the frames in a window; Esc or q ends")
    add("--audio", action="store_true", help="copy the sound to the output")
    add("--codec", help="FFmpeg's name of an encoder (default: by the output's suffix)")
    add("--start", type=seconds, default=0, metavar="SECONDS", help="leave out what is before")
    add("--end", type=seconds, metavar="SECONDS", help="leave out what is after")
    add("--every", type=whole, default=1, metavar="N", help="take one frame of N")
    add("--flip", action="store_true", help="mirror the frames")
    add("--max-size", type=cl.at_least(16), metavar="N", help="scale frames to a long side of N")
    add(
        "--fps",
        type=cl.in_range(0.01, 1000),
        help="frames a second of a folder of pictures (default: 25)",
    )
    add(
        "--detect-every",
        type=whole,
        default=1,
        metavar="N",
        help="detect in one frame of N; between, heads are followed by sight",
    )
    add("--no-smooth", action="store_true", help="do not smooth the angles over time")
    add(
        "--min-cutoff",
        type=cl.in_range(0.001, 1000),
        default=MIN_CUTOFF,
        metavar="HZ",
        help="smoothing of a still head: the lower, the calmer",
    )
    add(
        "--beta",
        type=cl.in_range(0, 1000),
        default=BETA,
        metavar="S",
        help="less smoothing of a turning head, Hz for a degree a second: the higher, the "
        "less late",
    )
    add_pipeline_options(parser)
    return parser


def settled(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Reads the options; stops where they contradict each other."""
    arguments = parser.parse_args()
    asked = (arguments.output, arguments.csv, arguments.json, arguments.stats, arguments.show)
    if not any(asked):
        arguments.output = Path("output", f"{title(arguments.source)}.mp4")
    if arguments.output is None and (arguments.audio or arguments.codec):
        parser.error("--audio and --codec are about the video; add --output")
    if arguments.fps is not None and not Path(arguments.source).is_dir():
        parser.error("--fps is for folders of pictures")
    if arguments.end is not None and arguments.end <= arguments.start:
        parser.error("--end must be after --start")
    outputs = [arguments.output, arguments.csv, arguments.json, arguments.stats]
    files = [str(Path(f).resolve()) for f in outputs if f and str(f) != "-"]
    if len(set(files)) < len(files) or arguments.csv == arguments.json == "-":
        parser.error("two outputs cannot go to the same place")
    for file in files:
        if Path(file).is_dir():
            raise HeadposeError(f"cannot write {file}: it is a folder; name a file in it")
        if file == str(Path(arguments.source).resolve()):
            raise HeadposeError(f"{file} is the source; name another output")
    check_display(arguments.show)
    return arguments


def title(source: str) -> str:
    """Returns a file name for what is made of a source."""
    if source.isdecimal():
        return f"camera-{source}"
    return "stream" if "://" in source else Path(source).resolve().stem


class Window:
    """Shows the newest frame in a window, from the main thread as some systems demand.

    Raises:
        HeadposeError: If no window can be opened.
    """

    def __init__(self, name: str):
        # Where there is no display, the window's library ends the whole process.
        attempt = "import cv2; cv2.namedWindow('headpose'); cv2.destroyAllWindows()"
        tried = subprocess.run([sys.executable, "-c", attempt], capture_output=True, check=False)
        if tried.returncode:
            raise HeadposeError("--show: no window can be opened here; leave it out")
        self._name, self._picture = name, None

    def offer(self, picture) -> None:
        """Takes a picture to show; may be called from any thread."""
        self._picture = picture

    def ended(self) -> bool:
        """Shows what was offered last; tells whether somebody wants to end."""
        import cv2

        picture, self._picture = self._picture, None
        if picture is None:
            return False
        cv2.imshow(self._name, picture)
        key = cv2.waitKey(1) & 0xFF
        closed = cv2.getWindowProperty(self._name, cv2.WND_PROP_VISIBLE) < 1
        return closed or key in (ESCAPE, ord("q"))

    def close(self) -> None:
        import cv2

        cv2.destroyAllWindows()


def open_video(stack: ExitStack, source, arguments: argparse.Namespace):
    """Opens the output video; it appears when the stack is closed without an error."""
    from headpose.video.audio import Sound
    from headpose.video.writer import VideoWriter, encoder_for

    encoder_for(arguments.output, arguments.codec)
    sound = None
    if arguments.audio and source.sound is None:
        cl.warn(f"{source.name}: there is no sound that can be copied")
    elif arguments.audio:
        end = math.inf if arguments.end is None else arguments.end
        sound = stack.enter_context(Sound(source.sound, arguments.start, end))
    return stack.enter_context(
        VideoWriter(
            stack.enter_context(atomic_write(arguments.output)),
            source.rate,
            source.time_base,
            arguments.start,
            arguments.codec,
            sound,
            source.bt709,
            str(arguments.output),
        )
    )


def run(arguments: argparse.Namespace, stack: ExitStack) -> tuple[dict, list[str], bool]:
    """Does the work; returns the statistics, what went wrong, and whether it was interrupted."""
    from headpose.images.drawing import draw_heads
    from headpose.parallel.background import BackgroundWriter, Prefetcher
    from headpose.records import table_writer
    from headpose.video.frames import DEFAULT_RATE, Reading
    from headpose.video.opening import open_source
    from headpose.video.pipeline import FOLLOWED_FIELDS, WAITING, VideoPipeline, followed_row
    from headpose.video.smoothing import HeadSmoother

    reading = Reading(
        arguments.start,
        math.inf if arguments.end is None else arguments.end,
        arguments.every,
        arguments.flip,
        arguments.max_size,
        Fraction(arguments.fps or DEFAULT_RATE).limit_denominator(1001),
    )
    source = stack.enter_context(open_source(arguments.source, reading))
    if source.live and (arguments.start or arguments.every > 1):
        raise HeadposeError(f"{source.name}: --start and --every are for files")
    tables = [
        table_writer(stack, target, kind, FOLLOWED_FIELDS)
        for kind in ("json", "csv")
        if (target := getattr(arguments, kind))
    ]
    # Opened last it is ended first: if the disk is full then, no table appears either.
    video = open_video(stack, source, arguments) if arguments.output else None
    window = Window(source.name) if arguments.show else None
    smoother = None
    if not arguments.no_smooth:
        smoother = HeadSmoother(arguments.min_cutoff, arguments.beta)
    follow = VideoPipeline(
        pipeline_from(arguments),
        arguments.detect_every,
        smoother,
        at_once=1 if source.live or window else None,
    )

    def write(done: tuple) -> None:
        frame, heads = done
        if video or window:
            names = [f"#{head.track}" for head in heads]
            smooth = [head.smooth for head in heads]
            drawn = draw_heads(frame.picture, smooth, arguments.draw, names)
        if video:
            video.write(drawn, frame.time, frame.duration)
        if window:
            window.offer(drawn)
        for head in heads:
            for write_row in tables:
                write_row(followed_row(frame, head))

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
    follow.statistics.finish()
    if window:
        window.close()
    if video and not (interrupted or ended):
        video.copy_rest_of_sound()
    report = follow.statistics.report()
    if not report["frames"] and not interrupted:
        raise HeadposeError((*source.problems, f"{source.name}: no frames to read")[0])
    report = {"source": source.name, **report, "frames dropped": reader.dropped}
    return report, source.problems, interrupted


def summary(report: dict, target: Path | None) -> str:
    """Returns what is to be said at the end."""
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


def main() -> int:
    parser = options()
    arguments = settled(parser)
    try:
        with ExitStack() as stack:
            report, problems, interrupted = run(arguments, stack)
            if interrupted and not report["frames"]:
                raise KeyboardInterrupt
    except BrokenPipeError:
        raise
    except OSError as error:
        what = error.filename or "cannot write an output"
        raise HeadposeError(f"{what}: {reason(error)}") from error
    notes = sys.stderr if "-" in (arguments.json, arguments.csv) else sys.stdout
    print(summary(report, arguments.output), file=notes)
    if arguments.stats:
        with atomic_write(arguments.stats) as temporary:
            ending = {"interrupted": interrupted, "problems": problems}
            temporary.write_text(json.dumps(report | ending, indent=2) + "\n")
    for problem in problems:
        print(f"{parser.prog}: error: {problem}", file=sys.stderr)
    if interrupted:
        print(f"{parser.prog}: interrupted after {report['frames']} frames", file=sys.stderr)
        return 130
    return 1 if problems else 0
