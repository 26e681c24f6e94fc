"""Finds heads in a video, follows them and says where each one is turned.

In go files, folders of them, folders of pictures, a camera or a stream; out come videos with
boxes, numbers and angles, one table with a row for each head in each frame, or both.
"""

import argparse
import functools
import math
import sys
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.drawing_options import drawing_asked_for, drawing_from, is_anything_drawn
from headpose.cli.pipeline_options import SIGNS, add_pipeline_options, pipeline_from
from headpose.cli.surroundings import outlive_reader
from headpose.cli.table_options import (
    TABLES,
    add_table_options,
    check_tables,
    open_tables,
    to_stdout,
)
from headpose.cli.video_sources import Sources, find_sources, output_files
from headpose.cli.windows import NO_WINDOW, check_display, open_window
from headpose.detection.published import VIDEO_CONFIDENCE
from headpose.errors import HeadposeError, reason
from headpose.files import writable_folder, write_json
from headpose.images.listing import is_folder, is_there
from headpose.images.output_places import drawn_beside
from headpose.video.addresses import is_address
from headpose.video.frames import DEFAULT_RATE, Reading
from headpose.video.opening import is_camera
from headpose.video.smoothing import BETA, MIN_CUTOFF

DEFAULT_OUTPUT = Path("output")


def options() -> argparse.ArgumentParser:
    threshold = f"SSD512's default threshold is {VIDEO_CONFIDENCE} for videos."
    parser = cl.parser(__doc__, epilog=f"{SIGNS} {threshold}")
    seconds, whole = cl.in_range(0, math.inf), cl.at_least(1)
    add = parser.add_argument
    add(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="video files, folders of them at any depth, folders of pictures, patterns, @LIST "
        "(a text file with a name a line), a camera's number or a stream's address; without "
        "any, camera 0",
    )
    add(
        "--output",
        type=cl.path,
        metavar="FILE",
        help="the video with its heads drawn (.mp4, .mkv, .mov, .webm, .avi), or a folder for "
        "those of several sources; if nothing at all is asked for, they go to output/",
    )
    add("--stats", type=cl.path, metavar="FILE", help="counts, times and frames a second as JSON")
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
    add(
        "--reidentify",
        action="store_true",
        help="a head that comes back within half a minute gets its old number if it looks the "
        "same: by the colours of hair, face and clothes",
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
    add(
        "--reconnect",
        type=seconds,
        nargs="?",
        const=math.inf,
        metavar="SECONDS",
        help="open a stream or camera again after it dropped, until it gave nothing for so long "
        "(default of the option: for ever); numbers and times go on",
    )
    add_table_options(parser)
    add_pipeline_options(parser, photos=False)
    return parser


def settled(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, Sources, dict]:
    """Reads the options; stops where they contradict each other.

    Returns:
        The options, the sources, and the video to write for each source or None.
    """
    arguments = parser.parse_args()
    asked = [arguments.output, arguments.stats, arguments.show]
    asked += [getattr(arguments, kind) for kind in TABLES]
    if not any(asked):
        arguments.output = DEFAULT_OUTPUT
    if arguments.output is None and (arguments.audio or arguments.codec):
        parser.error("--audio and --codec are about the video; add --output")
    drawn = drawing_asked_for(arguments)
    if drawn and arguments.output is None and not arguments.show:
        parser.error(f"{drawn} is about what is drawn; add --output or --show")
    smoothing = arguments.min_cutoff, arguments.beta
    if arguments.no_smooth and smoothing != (MIN_CUTOFF, BETA):
        parser.error("--no-smooth leaves nothing to --min-cutoff and --beta; leave it or them out")
    given = arguments.sources or ["0"]
    rate_of_nothing = "--fps is for folders of pictures; none was named"
    if arguments.fps is not None and not any(is_folder(n) or n[:1] == "@" for n in given):
        parser.error(rate_of_nothing)
    if arguments.end is not None and arguments.end <= arguments.start:
        parser.error("--end must be after --start")
    same = [str(o) for o in (arguments.output, arguments.csv, arguments.json) if o]
    if len(set(same)) < len(same):
        parser.error("two outputs cannot go to the same place")
    check_display(arguments.show)
    sources = find_sources(given, arguments.output)
    if arguments.fps is not None and not any(map(is_folder, sources.names)):
        parser.error(rate_of_nothing)
    live = any(is_camera(name) or is_address(name) for name in sources.names)
    if arguments.reconnect is not None and not live:
        parser.error("--reconnect is for streams and cameras; none was named")
    outputs = output_files(sources, arguments.output, arguments.overwrite)
    inputs: list[str | Path] = [*sources.names, *sources.lists]
    check_tables(parser, arguments, inputs, [*outputs.values(), arguments.stats])
    return arguments, sources, outputs


def video_options(arguments: argparse.Namespace):
    """Returns how the options want videos to be followed."""
    from headpose.cli.video_run import VideoOptions

    reading = Reading(
        start=arguments.start,
        end=math.inf if arguments.end is None else arguments.end,
        every=arguments.every,
        flip=arguments.flip,
        max_size=arguments.max_size,
        rate=Fraction(arguments.fps or DEFAULT_RATE).limit_denominator(1001),
        reconnect=arguments.reconnect,
    )
    return VideoOptions(
        drawing_from(arguments),
        reading,
        arguments.detect_every,
        None if arguments.no_smooth else (arguments.min_cutoff, arguments.beta),
        arguments.blur,
        arguments.codec,
        arguments.audio,
        arguments.overwrite,
        arguments.reidentify,
        is_anything_drawn(arguments),
    )


def follow_all(arguments, sources: Sources, outputs: dict, notes) -> tuple[list[dict], list[str]]:
    """Follows the heads of each source; returns the reports, and what went wrong."""
    from headpose.cli.video_run import follow_video, summary_of
    from headpose.records.columns import VIDEO_FIELDS

    options, load = video_options(arguments), functools.cache(lambda: pipeline_from(arguments))
    reports: list[dict] = []
    problems = list(sources.problems)
    single = len(sources.names) == 1
    with ExitStack() as stack:
        window = open_window("headpose") if arguments.show else None
        if arguments.show and not window:
            problems.append(NO_WINDOW)
            if not any((*outputs.values(), arguments.stats, *map(vars(arguments).get, TABLES))):
                return reports, problems
        tables = open_tables(stack, arguments, VIDEO_FIELDS)
        for name in sources.names:
            try:
                if outputs[name] not in (None, arguments.output):
                    writable_folder(outputs[name].parent)
                done = follow_video(name, options, load, tables, outputs[name], window)
            except HeadposeError as error:
                if single:
                    raise
                problems.append(str(error))
                cl.tell(f"{cl.program()}: error: {error}", sys.stderr)
                nothing = {"frames": 0, "interrupted": False, "problems": [str(error)]}
                reports.append({"source": name} | nothing)
                continue
            except KeyboardInterrupt:
                if not reports:
                    raise
                reports[-1]["interrupted"] = True
                break
            ending = {"interrupted": done.interrupted, "problems": done.problems}
            reports.append(done.report | ending)
            cl.tell(summary_of(done.report, done.output), notes)
            for problem in done.problems:
                cl.tell(f"{cl.program()}: error: {problem}", sys.stderr)
            problems += done.problems
            if done.interrupted or done.ended:
                break
        if window:
            window.close()
        if not any(report["frames"] for report in reports):
            raise HeadposeError("not one video was done; the errors above say why")
    return reports, problems


def main() -> int:
    parser = options()
    arguments, sources, outputs = settled(parser)
    for line in sources.left_out:
        cl.warn(line)
    if arguments.blur and arguments.detect_every > 1:
        cl.warn(
            "--blur with --detect-every: who is in view between two detections alone is not hidden"
        )
    # One video that was named for itself is no pattern's.
    drawn = [place for place in outputs.values() if place != arguments.output]
    if told := drawn_beside(map(str, filter(is_there, sources.names)), filter(None, drawn)):
        cl.warn(told)
    for problem in sources.problems:
        cl.tell(f"{cl.program()}: error: {problem}", sys.stderr)
    notes = sys.stderr if to_stdout(arguments) else sys.stdout
    written = [] if to_stdout(arguments) else [arguments.output, *map(vars(arguments).get, TABLES)]
    outlive_reader(arguments.stats, *written)
    try:
        reports, problems = follow_all(arguments, sources, outputs, notes)
    except BrokenPipeError:
        raise
    except OSError as error:
        what = error.filename or "cannot write an output"
        raise HeadposeError(f"{what}: {reason(error)}") from error
    if arguments.stats and reports:
        content = reports[0] if len(sources.names) == 1 else {"sources": reports}
        write_json(arguments.stats, content, arguments.overwrite)
    if any(report["interrupted"] for report in reports):
        frames = sum(report["frames"] for report in reports)
        print(f"{cl.program()}: interrupted after {frames} frames", file=sys.stderr)
        return 130
    return 1 if problems else 0
