"""What the web page answers to several photos and videos at a time."""

import dataclasses
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from headpose.cli.table_options import Tables
from headpose.errors import HeadposeError
from headpose.files import atomic_write, numbered, spelled
from headpose.images.drawn_mark import write_drawing
from headpose.images.listing import is_video
from headpose.images.pictures import PictureError, read_image
from headpose.records.columns import VIDEO_FIELDS, Row, picture_rows
from headpose.records.sinks import CsvSink, JsonLinesSink, Sink
from headpose.records.summary import FileSummary
from headpose.web.answers import Settings, SharedPipeline, note, table_of

MAX_FILES = 60  # at a time: what is drawn of them stays for an hour
LONGEST_VIDEO = 60.0  # seconds of each that are followed
# The columns of the table on the page, and what is said over them.
HINTS = {
    "heads": "photos: how many; videos: followed heads, each counted once",
    "tilt": "mean in degrees; + is up",
    "pan": "mean in degrees; + is toward the image's left",
    "facing": "share of the heads whose nose points within 15 degrees of the camera",
    "expected_error": "mean error in degrees that the estimator expects of its angles",
    "frames": "of a video, looked at",
    "with a head": "share of the frames of a video",
}


@dataclasses.dataclass(frozen=True)
class Batch:
    """What is shown and offered so far.

    Attributes:
        report: HTML: a row for each file, and what could not be read.
        shown: Files with the heads drawn, each with its caption.
        pictures: ZIP file of these; None until all is done.
        csv, json: One table of all heads; None until all is done.
    """

    report: str
    shown: tuple[tuple[Path, str], ...] = ()
    pictures: Path | None = None
    csv: Path | None = None
    json: Path | None = None


class _NamedTables(Tables):
    """Tables in which files have the names that their owner knows, and a summary of each.

    Attributes:
        name: Of the file whose rows are written.
        summaries: By these names.
    """

    def __init__(self, sinks: Sequence[Sink]):
        super().__init__(sinks)
        self.name = ""
        self.summaries: dict[str, FileSummary] = {}

    def write(self, rows: Iterable[Row]) -> None:
        named = [row | {"file": self.name} for row in rows]
        for row in named:
            self.summaries.setdefault(self.name, FileSummary()).add(row)
        super().write(named)


def answer_files(
    pipeline: SharedPipeline, files: Sequence[tuple[Path, str]], settings: Settings, folder: Path
) -> Iterator[Batch]:
    """Finds the heads of photos and videos, file by file.

    Args:
        pipeline: Finds them.
        files: Each with what its owner calls it.
        settings: The visitor's.
        folder: Gets a folder with the files to show and to download.

    Yields:
        What there is after each file; at last with all that can be downloaded.
    """
    own = Path(tempfile.mkdtemp(dir=folder))
    shown: list[tuple[Path, str]] = []
    notes = []
    if len(files) > MAX_FILES:
        notes.append(note(f"The first {MAX_FILES} of {len(files)} files are taken.", "error"))
    named = unique_names([spelled(name) for _, name in files])
    with ExitStack() as stack:
        csv = stack.enter_context(CsvSink(own / "heads.csv", VIDEO_FIELDS))
        json = stack.enter_context(JsonLinesSink(own / "heads.jsonl", VIDEO_FIELDS))
        rows = _NamedTables([csv, json])
        todo = list(zip((path for path, _ in files), named, strict=True))[:MAX_FILES]
        for number, (path, name) in enumerate(todo, 1):
            rows.name = name
            do = _follow if is_video(path) else _look
            try:
                drawn, told = do(pipeline, path, settings, rows, own)
                shown.append((drawn, name))
                notes += [note(line.replace(str(path), name), "error") for line in told]
            except HeadposeError as error:
                notes.append(note(str(error).replace(str(path), name), "error"))
            left = len(todo) - number
            waiting = [note(f"{left} to do …")] if left else []
            yield Batch("".join([summary(rows.summaries), *notes, *waiting]), tuple(shown))
    packed = None
    try:
        packed = _packed(shown, own)
    except HeadposeError as error:
        notes.append(note(str(error).replace(f"{own}/", ""), "error"))
    report = "".join([summary(rows.summaries), *notes])
    yield Batch(report, tuple(shown), packed, own / "heads.csv", own / "heads.jsonl")


def unique_names(names: Sequence[str]) -> list[str]:
    """Returns names of which no two are alike: a second `a.jpg` is `a (2).jpg`."""
    given = set(names)
    result: dict[str, None] = {}  # in order
    for name in names:
        path, number, unique = Path(name), 1, name
        while unique in result or (number > 1 and unique in given):
            number += 1
            unique = f"{path.stem} ({number}){path.suffix}"
        result[unique] = None
    return list(result)


def _look(
    pipeline: SharedPipeline, path: Path, settings: Settings, rows: _NamedTables, own: Path
) -> tuple[Path, list[str]]:
    """Finds the heads of a photo; returns it with these drawn, and what is to be told.

    Raises:
        PictureError: If it cannot be read.
    """
    try:
        picture = read_image(path)
    except PictureError as error:
        if not path.exists():
            raise HeadposeError(f"{path}: no longer kept here; load it again") from error
        raise
    heads = pipeline.heads(picture, settings)
    rows.write(picture_rows(rows.name, (picture.shape[1], picture.shape[0]), heads))
    drawn = _place(own, rows.name, ".jpg")
    write_drawing(drawn, pipeline.drawn(picture, heads, settings.style), picture)
    return drawn, []


def _follow(
    pipeline: SharedPipeline, path: Path, settings: Settings, rows: _NamedTables, own: Path
) -> tuple[Path, list[str]]:
    """Follows the heads of a video; returns it with these drawn, and what was not read of it.

    Raises:
        HeadposeError: If it cannot be read, or a package for videos is missing.
    """
    from headpose.cli.video_run import VideoOptions, follow_video
    from headpose.video.frames import Reading

    drawn = _place(own, rows.name, ".mp4")
    reading = Reading(end=LONGEST_VIDEO)
    options = VideoOptions(pipeline.drawing(settings.style), reading, blur=pipeline.blur)
    done = follow_video(str(path), options, lambda: pipeline.for_video(settings), rows, drawn)
    return drawn, done.problems


def _place(own: Path, name: str, suffix: str) -> Path:
    """Returns where a drawing goes; names differ already, but perhaps by their suffix alone."""
    number = 1
    while (place := numbered(own, Path(name).stem, f"-heads{suffix}", number)).exists():
        number += 1
    return place


def _packed(shown: Sequence[tuple[Path, str]], own: Path) -> Path | None:
    """Packs all drawings into one file to download.

    Raises:
        HeadposeError: If there is no room for it.
    """
    if not shown:
        return None
    target = own / "heads.zip"
    with atomic_write(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for path, _ in shown:
            archive.write(path, path.name)  # pictures and videos are compressed already
    return target


def summary(files: dict[str, FileSummary]) -> str:
    """Returns the table of files as HTML; empty where none was read."""
    if not files:
        return ""
    rows = {name: _cells(found, found.row(name)) for name, found in files.items()}
    count = f"{len(files)} file{'' if len(files) == 1 else 's'}"
    return table_of(count, "file", HINTS, rows, "files")


def _cells(found: FileSummary, row: Row) -> list[str]:
    """Returns what stands in a file's row, in the order of `HINTS`."""
    video = found.frames != {None}
    return [
        str(row["tracks"] or 0 if video else row["heads"]),
        *(_number(row[f"mean_{name}"], "+.0f") for name in ("tilt", "pan")),
        _share(row["share_facing"]),
        _number(row["mean_expected_error"], ".0f"),
        str(row["frames"]) if video else "",
        _share(row["share_with_head"]) if video else "",
    ]


def _share(value: object) -> str:
    return _number(value, ".0%")


def _number(value: object, form: str) -> str:
    if not isinstance(value, int | float):
        return "–"
    text = format(value, form).replace("-", "−")
    return "0" if text in ("+0", "−0") else text
