"""What the web page answers: heads of a photo as a drawing, tables and HTML.

Nothing here knows how the page is served.
"""

import base64
import dataclasses
import functools
import html
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from headpose.errors import HeadposeError
from headpose.images.blurring import blur_heads
from headpose.images.drawing import draw_heads
from headpose.images.drawn_mark import write_drawing
from headpose.images.encoding import encode
from headpose.images.pictures import PictureError, decode_image, read_image
from headpose.models.specs import MEASURES
from headpose.pipeline import Head, HeadPosePipeline
from headpose.records.columns import picture_rows
from headpose.records.sinks import CsvSink, JsonLinesSink

PHOTOS_AT_ONCE = 2  # decoded and drawn side by side; 12 megapixels take 0.1 GB each
# Pixels of a camera's frame, 8K video: many are decoded at once, and a few kilobytes may claim
# to be 500 million of them.
MAX_FRAME = 7680 * 4320
LIVE_QUALITY = 80  # of JPEG for frames that are seen for a moment
# The columns of the table on the page and what is said over them; the angles and how sure
# they are come first, which is what a narrow screen shows.
HINTS = {
    "tilt": "degrees; + is up",
    "pan": "degrees; + is toward the image's left",
    "roll": "degrees; + leans clockwise",
    "expected_error": "error in degrees that the estimator expects of its angles",
    "azimuth": "where the nose points, degrees; + is toward the image's left",
    "elevation": "where the nose points, degrees; + is up",
    "score": "of the detector, 0 to 1",
    "box": "left, top – right, bottom; pixels",
}
UNKNOWN = "–"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a visitor chose.

    Attributes:
        confidence: Threshold on scores, 0..1.
        limit: Expected error in degrees from which angles are left out; None leaves out
            none.
        style: One of `headpose.images.drawing.STYLES`.
    """

    confidence: float
    limit: float | None = None
    style: str = "arrow"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What is shown and offered for a photo.

    Attributes:
        report: HTML: the table of heads, or why there is none.
        picture: File with the heads drawn; None for a photo that cannot be read.
        csv, json: Files with the tables that `demo_image.py` writes.
    """

    report: str
    picture: Path | None = None
    csv: Path | None = None
    json: Path | None = None


class SharedPipeline:
    """A pipeline that visitors share, each with settings of their own.

    The networks are called by one thread at a time. Every backend could take several calls
    (`headpose.models.sessions`), but one call uses all cores already: side by side they would
    only take turns at them, and hold the memory of several.

    Args:
        pipeline: Its own thresholds are not used otherwise.
        drawing: Makes of a style what draws heads as `draw_heads` does.
        blur: Whether heads are hidden in all that is drawn; then no visitor has a threshold
            above the pipeline's, which would show some.
    """

    def __init__(
        self,
        pipeline: HeadPosePipeline,
        drawing: Callable[[str], Callable] | None = None,
        blur: bool = False,
    ):
        self.detector = pipeline.detector
        self.estimator = pipeline.estimator
        self.any_rotation = pipeline.any_rotation
        self.drawing = drawing or (lambda style: functools.partial(draw_heads, style=style))
        self.blur = blur
        own = self.detector.confidence if pipeline.confidence is None else pipeline.confidence
        self._highest = own if blur else 1.0
        self._lock = threading.Lock()

    @property
    def tells_error(self) -> bool:
        """Whether the estimator tells how far it may be off."""
        return self.estimator.outputs == len(MEASURES)

    def for_video(self, settings: Settings) -> HeadPosePipeline:
        """Returns a pipeline for a video; each call of a network waits for its turn."""
        return HeadPosePipeline(
            _TakingTurns(self.detector, "detect", self._lock),
            _TakingTurns(self.estimator, "measures", self._lock),  # type: ignore[arg-type]
            min(settings.confidence, self._highest),
            settings.limit,
        )

    def heads(self, picture: np.ndarray, settings: Settings) -> list[Head]:
        """Returns the heads of a picture, best score first.

        Args:
            picture: uint8 (H, W, 3), BGR.
            settings: What to take for a head, and which angles to leave out.
        """
        find_heads = HeadPosePipeline(
            self.detector,
            self.estimator,
            min(settings.confidence, self._highest),
            settings.limit,
            self.any_rotation,
        )
        with self._lock:
            return find_heads([picture])[0]

    def drawn(self, picture: np.ndarray, heads: Sequence[Head], style: str) -> np.ndarray:
        """Returns a copy of a picture with its heads drawn, see `draw_heads`."""
        seen = blur_heads(picture, [head.box for head in heads]) if self.blur else picture
        return self.drawing(style)(seen, heads, names=labels(heads))


class _TakingTurns:
    """Passes on to a network, of which one call at a time is made, see `SharedPipeline`."""

    def __init__(self, network: Any, call: str, lock: threading.Lock):
        self._network, self._name, self._lock = network, call, lock

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._network, name)
        if name != self._name:
            return found

        def in_turn(*arguments: Any, **options: Any) -> Any:
            with self._lock:
                return found(*arguments, **options)

        return in_turn


def answer_photo(
    pipeline: SharedPipeline, photo: Path, name: str, settings: Settings, folder: Path
) -> Answer:
    """Finds the heads in a photo and writes what can be downloaded.

    Args:
        pipeline: Finds them.
        photo: The file.
        name: What its owner calls it; it stands in the tables.
        settings: The visitor's.
        folder: Gets a folder with the files.
    """
    try:
        picture = read_image(photo)
    except PictureError as error:
        if not photo.exists():
            return Answer(note(f"{name}: no longer kept here; load it again", "error"))
        return Answer(note(str(error).replace(str(photo), name), "error"))
    heads = pipeline.heads(picture, settings)
    own = Path(tempfile.mkdtemp(dir=folder))
    # Only what came without loss is worth the size of a PNG.
    suffix = photo.suffix.lower() if photo.suffix.lower() in (".png", ".webp") else ".jpg"
    drawn, table, lines = (own / f"{photo.stem}-heads{end}" for end in (suffix, ".csv", ".jsonl"))
    write_drawing(drawn, pipeline.drawn(picture, heads, settings.style), picture)
    with CsvSink(table) as csv, JsonLinesSink(lines) as json:
        for row in picture_rows(name, (picture.shape[1], picture.shape[0]), heads):
            csv.write(row)
            json.write(row)
    return Answer(report(heads, settings), drawn, table, lines)


def answer_frame(pipeline: SharedPipeline, frame: str, settings: Settings) -> tuple[str, str]:
    """Finds the heads in a frame of a camera; nothing is written.

    Args:
        pipeline: Finds them.
        frame: A picture as a data URL (base64), as browsers send it.
        settings: The visitor's.

    Returns:
        The annotated frame as a data URL, and the report.

    Raises:
        HeadposeError: If it is no picture.
    """
    try:
        picture = decode_image(base64.b64decode(frame.partition(",")[2]), "frame", MAX_FRAME)
    except (ValueError, PictureError) as error:
        told = "the camera's frame is no picture; start the camera again"
        raise HeadposeError(told) from error
    heads = pipeline.heads(picture, settings)
    drawn = pipeline.drawn(picture, heads, settings.style)
    encoded = encode(drawn, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, LIVE_QUALITY])
    url = f"data:image/jpeg;base64,{base64.b64encode(encoded).decode()}"
    return url, report(heads, settings)


def labels(heads: Sequence[Head]) -> list[str]:
    """Names heads on a picture by their rows in the table; a single one needs no name."""
    return [f"#{row}" for row in range(1, len(heads) + 1)] if len(heads) > 1 else []


def report(heads: Sequence[Head], settings: Settings) -> str:
    """Returns the table of heads as HTML, or a note where there is none.

    Figures are rounded to what is worth reading; the tables to download have them as
    `headpose.records` writes them.
    """
    if not heads:
        advice = "; lower the confidence" if settings.confidence > 0 else ""
        return note(f"No head found{advice}.")
    count = f"{len(heads)} head{'' if len(heads) == 1 else 's'}"
    rows = {str(number): _cells(one) for number, one in enumerate(heads, 1)}
    return table_of(count, "#", HINTS, rows)


def table_of(
    caption: str,
    first: str,
    hints: Mapping[str, str],
    rows: Mapping[str, Sequence[str]],
    kind: str = "",
) -> str:
    """Returns a table as HTML.

    Args:
        caption: Stands over it.
        first: Names the first column, which has the keys of `rows`.
        hints: Names the other columns, each with what is said where a mouse rests on it.
        rows: The cells of each row, as text.
        kind: `files` for names of these in the first column.
    """
    head = "".join(f'<th scope="col" title="{hints[name]}">{name}</th>' for name in hints)
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows.items()
    )
    return (
        f'<div class="heads {kind}"><table><caption>{caption}</caption>'
        f'<thead><tr><th scope="col">{first}</th>{head}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def _cells(head: Head) -> list[str]:
    """Returns what stands in a head's row, in the order of `HINTS`."""
    x0, y0, x1, y1 = (round(value) for value in head.box)
    cells = {"score": f"{head.score:.3f}", "box": f"{x0}, {y0} – {x1}, {y1}"}
    for name in MEASURES:
        value = getattr(head, name)
        sign = "" if name == "expected_error" else "+"
        # A minus sign of its own length; what rounds to nothing has no sign.
        text = UNKNOWN if value is None else f"{round(value, 1) + 0.0:{sign}.1f}"
        cells[name] = text.replace("-", "−").replace("+0.0", "0.0")
    return [cells[name] for name in HINTS]


def note(text: str, kind: str = "") -> str:
    """Returns a line of text as HTML; `kind` may be `error`."""
    return f'<p class="note {kind}" role="status">{html.escape(text)}</p>'
