"""Finds heads in photos and says where each one is turned."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.pipeline_options import SIGNS, add_pipeline_options, check_display, pipeline_from
from headpose.files import atomic_write, writable_folder


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__, epilog=SIGNS)
    add = parser.add_argument
    add("pictures", nargs="*", help="photos, folders or patterns; without any, a sample portrait")
    add("--output", default="output", metavar="DIR", help="folder for annotated pictures")
    add("--json", metavar="FILE", help="also write JSON lines, a line for each head; - is stdout")
    add("--csv", metavar="FILE", help="also write CSV, a row for each head; - is stdout")
    add("--show", action="store_true", help="show each picture in a window until a key is pressed")
    add_pipeline_options(parser)
    return parser


def annotated_names(files: list[Path], folder: Path) -> dict[Path, str]:
    """Gives each picture a name of its own in the output folder, never that of an input."""
    names: dict[Path, str] = {}
    taken = {f.name.lower() for f in files if f.resolve().parent == folder.resolve()}
    for file in files:
        suffix = file.suffix.lower() if file.suffix.lower() in (".jpg", ".jpeg", ".png") else ".png"
        name, number = f"{file.stem}{suffix}", 1
        while name.lower() in taken:
            number += 1
            name = f"{file.stem}-{number}{suffix}"
        taken.add(name.lower())
        names[file] = name
    return names


def read_ahead(files: list[Path]) -> Iterator[tuple]:
    """Yields each file with its picture, or the error that reading it gave."""
    from headpose.images.pictures import PictureError, read_image
    from headpose.parallel.prefetch import ahead

    def read(file: Path) -> tuple:
        try:
            return file, read_image(file)
        except PictureError as error:
            return file, error

    return ahead(read, files, workers=1, waiting=2)


def show(title: str, picture) -> None:
    """Shows a picture in a window until a key is pressed."""
    import cv2

    cv2.imshow(title, picture)
    cv2.waitKey(0)
    cv2.destroyAllWindows()


def main() -> int:
    parser = options()
    arguments = parser.parse_args()
    if arguments.json == arguments.csv == "-":
        parser.error("only one of --json and --csv can go to standard output")
    check_display(arguments.show)

    from headpose.images.pictures import PictureError, find_pictures, sample_portrait, write_image

    files, problems = find_pictures(arguments.pictures or [str(sample_portrait())])
    for problem in problems:
        print(f"{parser.prog}: error: {problem}", file=sys.stderr)
    if not files:
        return 1
    folder = writable_folder(arguments.output)

    from headpose.images.drawing import draw_heads
    from headpose.records import HEAD_FIELDS, head_row, table_writer

    find_heads = pipeline_from(arguments)
    # What is said about photos goes aside when a table goes to standard output.
    notes = sys.stderr if "-" in (arguments.json, arguments.csv) else sys.stdout
    failed = len(problems)
    names = annotated_names(files, folder)
    with ExitStack() as stack:
        writers = [
            table_writer(stack, target, kind, ("file", *HEAD_FIELDS))
            for kind in ("json", "csv")
            if (target := getattr(arguments, kind))
        ]
        done = 0
        try:
            for file, picture in cl.progress(read_ahead(files), "photos", len(files)):
                if isinstance(picture, PictureError):
                    cl.tell(f"{parser.prog}: error: {picture}", sys.stderr)
                    failed += 1
                    continue
                started = time.perf_counter()
                heads = find_heads([picture])[0]
                seconds = time.perf_counter() - started
                drawn = draw_heads(picture, heads, arguments.draw)
                target = folder / names[file]
                with atomic_write(target) as temporary:
                    write_image(temporary, drawn)
                for head in heads:
                    for write in writers:
                        write({"file": str(file), **head_row(head)})
                count = f"{len(heads)} head{'' if len(heads) == 1 else 's'}"
                cl.tell(f"{file}: {count}, {1000 * seconds:.0f} ms -> {target}", notes)
                done += 1
                if arguments.show:
                    show(str(file), drawn)
        except KeyboardInterrupt:
            # What is done is kept: tables are closed whole.
            cl.tell(f"{parser.prog}: interrupted after {done} of {len(files)} photos", sys.stderr)
            return 130
    return 1 if failed else 0
