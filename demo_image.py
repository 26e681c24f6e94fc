#!/usr/bin/env python3
"""Finds heads in photos and says where each one is turned."""

import argparse
import csv
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from headpose import commandline as cl
from headpose.detectors import DETECTOR_HELP

FIELDS = ("file", "xmin", "ymin", "xmax", "ymax", "score", "tilt", "pan", "roll")


def options() -> argparse.ArgumentParser:
    parser = cl.parser(
        __doc__,
        epilog="Tilt > 0 is up, pan > 0 toward the image's left, roll > 0 leaning clockwise.",
    )
    add = parser.add_argument
    add("pictures", nargs="*", help="photos, folders or patterns; without any, a sample portrait")
    add("--detector", help=f"{DETECTOR_HELP} (default: the one that ships)")
    add(
        "--detector-size", type=cl.at_least(64), help="long side to detect at (default: detector's)"
    )
    add("--estimator", help="a .keras or published .h5 estimator (default: the one that ships)")
    add("--confidence", type=cl.in_range(0, 1), help="threshold on scores (default: detector's)")
    add("--output", default="output", metavar="DIR", help="folder for annotated pictures")
    add("--json", metavar="FILE", help="also write JSON lines, a line for each head; - is stdout")
    add("--csv", metavar="FILE", help="also write CSV, a row for each head; - is stdout")
    add("--show", action="store_true", help="show each picture in a window until a key is pressed")
    cl.add_device_options(parser)
    return parser


def has_display() -> bool:
    """Tells whether a window can be opened."""
    linux = sys.platform.startswith("linux")
    return not linux or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def row_of(file: Path, head) -> dict:
    """Returns a head as a flat row of `FIELDS`."""
    box = dict(zip(FIELDS[1:5], (round(v, 1) for v in head.box), strict=True))
    angles = {k: getattr(head, k) for k in FIELDS[6:]}
    angles = {k: v if v is None else round(v, 2) for k, v in angles.items()}
    return {"file": str(file), **box, "score": round(head.score, 4), **angles}


def table_writer(stack: ExitStack, target: str, kind: str):
    """Opens a table of heads and returns what writes a row to it."""
    if target == "-":
        file = sys.stdout
    else:
        file = stack.enter_context(stack.enter_context(cl.written(target)).open("w", newline=""))
    if kind == "csv":
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        return writer.writerow

    def write_line(row: dict) -> None:
        box = [row[k] for k in FIELDS[1:5]]
        line = {"file": row["file"], "box": box, **{k: row[k] for k in FIELDS[5:]}}
        file.write(json.dumps(line) + "\n")

    return write_line


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
    from headpose.pictures import PictureError, read_picture
    from headpose.streams import ahead

    def read(file: Path) -> tuple:
        try:
            return file, read_picture(file)
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
    if arguments.show and not has_display():
        raise cl.Failure("--show needs a display; leave it out and look into the output folder")

    from headpose.pictures import PictureError, find_pictures, sample_portrait, write_picture

    files, problems = find_pictures(arguments.pictures or [str(sample_portrait())])
    for problem in problems:
        print(f"{parser.prog}: error: {problem}", file=sys.stderr)
    if not files:
        return 1
    folder = cl.writable_folder(arguments.output)

    from headpose.drawing import draw_heads
    from headpose.pipeline import load_pipeline
    from headpose.runtime import set_up

    set_up(arguments.device, arguments.precision)
    find_heads = load_pipeline(
        arguments.detector, arguments.estimator, arguments.confidence, arguments.detector_size
    )
    # What is said about photos goes aside when a table goes to standard output.
    notes = sys.stderr if "-" in (arguments.json, arguments.csv) else sys.stdout
    failed = len(problems)
    names = annotated_names(files, folder)
    with ExitStack() as stack:
        writers = [
            table_writer(stack, target, kind)
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
                drawn = draw_heads(picture, heads)
                target = folder / names[file]
                with cl.written(target) as temporary:
                    write_picture(temporary, drawn)
                for head in heads:
                    for write in writers:
                        write(row_of(file, head))
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


if __name__ == "__main__":
    cl.run(main)
