"""Finds heads in photos and says where each one is turned; takes videos along, too."""

import argparse
import functools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.drawing_options import drawing_from, is_anything_drawn
from headpose.cli.pipeline_options import SIGNS, add_pipeline_options, pipeline_from
from headpose.cli.small_heads import SmallHeads, searched_size
from headpose.cli.surroundings import held_back, outlive_reader
from headpose.cli.table_options import (
    Tables,
    add_table_options,
    check_apart,
    check_tables,
    open_tables,
    to_stdout,
)
from headpose.cli.windows import Window, check_display, open_window
from headpose.errors import HeadposeError
from headpose.files import atomic_write, writable_folder

KEPT_SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp")  # of photos whose format is kept


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__, epilog=SIGNS)
    add = parser.add_argument
    add(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="photos and videos, folders of them at any depth, patterns, or @LIST (a text file "
        "with a name a line); without any, a sample portrait",
    )
    add(
        "--output",
        type=cl.named,
        default="output",
        metavar="DIR",
        help="folder for annotated pictures",
    )
    add("--show", action="store_true", help="show each photo in a window until a key is pressed")
    add(
        "--every",
        type=cl.at_least(1),
        default=1,
        metavar="N",
        help="of videos, take one frame of N",
    )
    add_table_options(parser)
    add_pipeline_options(parser)
    return parser


def annotated_suffix(file: Path) -> str:
    """Returns the suffix of the picture with its heads drawn."""
    suffix = file.suffix.lower()
    return suffix if suffix in KEPT_SUFFIXES else ".png"


def read_ahead(files: Sequence[Path]) -> Iterator[tuple]:
    """Yields each file with its picture, or the error that reading it gave."""
    from headpose.images.pictures import PictureError, read_image
    from headpose.parallel.prefetch import ahead

    def read(file: Path) -> tuple:
        try:
            return file, read_image(file)
        except PictureError as error:
            return file, error

    return ahead(read, files, workers=1, waiting=2)


def number_names(count: int) -> list[str]:
    """Names heads by their numbers in the table; a single one needs no name."""
    return [f"#{i}" for i in range(1, count + 1)] if count > 1 else []


class Photos:
    """Does photo after photo.

    Args:
        load: Gives detector and estimator, once it is needed.
        draw: `headpose.images.drawing.draw_heads` with its options.
        blur: Whether to hide heads.
        tables: Get a row for each head.
        window: Shows each photo; None shows none.
        notes: Gets a line for each photo.
        replace: Whether annotated photos may replace what stands there.
    """

    def __init__(
        self,
        load: Callable,
        draw: Callable,
        blur: bool,
        tables: Tables,
        window: Window | None,
        notes,
        replace: bool = False,
    ):
        self._replace = replace
        self._load, self._draw, self._blur = load, draw, blur
        self._tables, self._window, self._notes = tables, window, notes
        self._small: SmallHeads | None = None
        self.done = 0

    def do(self, file: Path, picture, target: Path) -> None:
        """Finds the heads of a photo and writes what is made of it.

        Raises:
            HeadposeError: If the annotated photo cannot be written.
        """
        from headpose.images.blurring import blur_heads
        from headpose.images.copies import mark_of_copy
        from headpose.images.drawn_mark import write_drawing
        from headpose.records.columns import picture_rows

        find_heads = self._load()
        started = time.perf_counter()
        heads = find_heads([picture])[0]
        seconds = time.perf_counter() - started
        seen = blur_heads(picture, [head.box for head in heads]) if self._blur else picture
        drawn = self._draw(seen, heads, names=number_names(len(heads)))
        writable_folder(target.parent)
        height, width = picture.shape[:2]
        copied = functools.partial(mark_of_copy, file)
        rows = picture_rows(str(file), (width, height), heads)
        with held_back():  # no drawing without its rows
            placed: list[Path] = []
            with atomic_write(target, self._replace, placed) as temporary:
                write_drawing(temporary, drawn, picture, copied)
            self._tables.write(rows)
        if self._small is None:
            self._small = SmallHeads(searched_size(find_heads.detector))
        self._small.note(str(file), (width, height), heads)
        count = f"{len(heads)} head{'' if len(heads) == 1 else 's'}"
        cl.tell(f"{file}: {count}, {1000 * seconds:.0f} ms -> {placed[-1]}", self._notes)
        self.done += 1
        if self._window:
            self._window.show(drawn)

    @property
    def advice(self) -> str | None:
        """What finds more heads, where many are small."""
        return self._small.advice() if self._small else None


def main() -> int:
    parser = options()
    arguments = parser.parse_args()
    check_display(arguments.show)

    from headpose.images import copies
    from headpose.images.drawn_mark import DRAWING, is_drawing, told_drawings
    from headpose.images.listing import find_inputs, is_video
    from headpose.images.output_places import drawn_beside, output_places
    from headpose.images.pictures import PictureError, sample_portrait
    from headpose.video import drawn_mark

    given = arguments.inputs or [str(sample_portrait())]
    found = find_inputs(given, skip=[Path(arguments.output)])
    for leave_copies_out in (copies.leave_copies_out, drawn_mark.leave_copies_out):
        leave_copies_out(found)
    for line in found.left_out:
        cl.warn(line)
    for problem in found.problems:
        cl.tell(f"{cl.program()}: error: {problem}", sys.stderr)
    if not found.files:
        return 1
    check_tables(parser, arguments, [*found.files, *found.lists])
    from_folders = [file for file in found.videos if found.only_found(file)]
    drawn = [file for file in from_folders if drawn_mark.is_drawn_video(file)]
    videos = [file for file in found.videos if file not in drawn]
    if arguments.every != 1 and not videos:
        cl.warn("--every is for videos; none was found")
    places = output_places(
        [(str(file), file, file.stem) for file in found.files],
        {str(file): root for file, root in found.roots.items()},
        Path(arguments.output),
        lambda file: ".mp4" if is_video(file) else annotated_suffix(file),
        arguments.overwrite,
    )
    if told := drawn_beside(found.files, places.values()):
        cl.warn(told)
    check_apart(arguments, places.values())
    writable_folder(arguments.output)

    from headpose.records.columns import fields_for

    load = functools.cache(lambda: pipeline_from(arguments))
    # What is said about photos goes aside when a table goes to standard output.
    notes = sys.stderr if to_stdout(arguments) else sys.stdout
    if not to_stdout(arguments):
        outlive_reader(arguments.output)
    failed = len(found.problems)
    files, drawings = found.pictures, []
    with ExitStack() as stack:
        window = open_window("headpose") if arguments.show else None
        failed += bool(arguments.show and not window)
        load()  # a model that is not there leaves no tables
        tables = open_tables(stack, arguments, fields_for(bool(videos)))
        draw, replace = drawing_from(arguments), arguments.overwrite
        photos = Photos(load, draw, arguments.blur, tables, window, notes, replace)
        try:
            for file, picture in cl.progress(read_ahead(files), "photos", len(files)):
                if isinstance(picture, PictureError):
                    cl.tell(f"{cl.program()}: error: {picture}", sys.stderr)
                    failed += 1
                    continue
                if is_drawing(file):
                    if found.only_found(file):
                        drawings.append(file)
                        continue
                    cl.warn(f"{file}: a {DRAWING}, which may hide heads; name the photo")
                photos.do(file, picture, places[str(file)])
            if drawings := drawings + drawn:
                cl.warn(told_drawings(drawings))
                failed += not (photos.done or videos)
            if photos.advice:
                cl.warn(photos.advice)
            failed += follow_videos(arguments, videos, places, load, tables, notes)
        except KeyboardInterrupt:
            # What is done is kept: tables are closed whole.
            told = f"interrupted after {photos.done} of {len(files)} photos"
            cl.tell(f"{cl.program()}: {told}", sys.stderr)
            return 130
        finally:
            if window:
                window.close()
    return 1 if failed else 0


def follow_videos(
    arguments: argparse.Namespace,
    videos: Sequence[Path],
    places: dict[str, Path],
    load: Callable,
    tables: Tables,
    notes,
) -> int:
    """Follows the heads of videos; returns how many could not be read, or only in part.

    Raises:
        KeyboardInterrupt: After what was done is written.
    """
    if not videos:
        return 0
    from headpose.cli.video_run import VideoOptions, follow_video, summary_of
    from headpose.video.frames import Reading

    if arguments.any_rotation:
        cl.warn("--any-rotation is for photos; videos are searched as they lie")
    options = VideoOptions(
        drawing_from(arguments),
        Reading(every=arguments.every),
        blur=arguments.blur,
        replace=arguments.overwrite,
        drawn=is_anything_drawn(arguments),
    )
    failed = 0
    for video in videos:
        target = places[str(video)]
        try:
            writable_folder(target.parent)
            done = follow_video(str(video), options, load, tables, target)
        except HeadposeError as error:
            cl.tell(f"{cl.program()}: error: {error}", sys.stderr)
            failed += 1
            continue
        cl.tell(summary_of(done.report, done.output), notes)
        for problem in done.problems:
            cl.tell(f"{cl.program()}: error: {problem}", sys.stderr)
        failed += bool(done.problems)
        if done.interrupted:
            raise KeyboardInterrupt
    return failed
