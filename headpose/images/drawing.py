"""Drawing heads on pictures: box, arrow along the nose, three axes or a cube, and labels."""

import dataclasses
import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from headpose.errors import HeadposeError, first_line
from headpose.geometry.angles import (
    azimuth_elevation,
    is_locked,
    nose_directions,
    rotation_matrices,
)
from headpose.images.arrays import as_picture
from headpose.images.labels import FULL, SHORT, draw_labels, label_height
from headpose.images.marks import (
    ARROW,
    AWAY,
    BOX,
    GREY,
    Box,
    DrawnHead,
    draw_arrow,
    draw_axes,
    draw_cube,
)

NONE = "none"
STYLES = ("arrow", "axes", "cube", NONE)
LABELS = (FULL, SHORT, NONE)
# Degrees of expected error above which a head is drawn grey; docs/tables.md has the share of
# heads and their true error for this and other limits.
UNSURE_ABOVE = 20.0


def draw_heads(
    picture: np.ndarray,
    heads: Sequence[DrawnHead],
    style: str = "arrow",
    names: Sequence[str] = (),
    labels: str = FULL,
    roll: bool = False,
    unsure_above: float = UNSURE_ABOVE,
) -> np.ndarray:
    """Returns a copy of a picture with its heads drawn.

    The arrow starts at the middle of the box and points where the nose does, as a solid
    body would be seen: it is at most half the box long, and its tip is a ring around a dot
    where it points at the viewer. The fan around it is the expected error. It is orange
    where the nose points toward the viewer, blue with a cross where away. A head whose angles
    are not known, or whose expected error is above `unsure_above`, is grey with a question
    mark. The colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which
    people with any kind of colour blindness can tell apart; shapes say the same.

    Lines and letters grow with the picture, so that they read where the whole picture is
    shown on a screen. Labels stand where there is room, those of crowds are numbers alone.

    Args:
        picture: uint8 (H, W, 3), BGR, or what `headpose.images.arrays` makes that.
        heads: What to draw; the best are drawn last, on top. An angle that is NaN, as tables
            have it, is not known.
        style: One of `STYLES`; axes need the roll, without which there is an arrow.
        names: What each label begins with; none for no names. In a crowd heads without
            names are numbered in their order.
        labels: One of `LABELS`.
        roll: Whether labels tell the roll, too.
        unsure_above: Degrees of expected error.

    Returns:
        uint8 (H, W, 3), BGR.

    Raises:
        HeadposeError: If it is no picture, there is no such style, not a name for each head, or
            a head cannot be drawn.
    """
    for name, given, known in (("style", style, STYLES), ("labels", labels, LABELS)):
        if given not in known:
            raise HeadposeError(f"{name} must be one of {', '.join(known)}, not {given!r}")
    if not isinstance(heads, Iterable):
        raise HeadposeError("heads must be a list; put a single one in brackets: [head]")
    heads, names = [_known(head, i) for i, head in enumerate(heads)], list(names)
    if names and len(names) != len(heads):
        raise HeadposeError(f"{len(heads)} heads and {len(names)} names: give a name for each")
    canvas = as_picture(picture).copy()
    line = max(2, round(max(canvas.shape[:2]) / 500))
    named = list(zip(heads, names or [""] * len(heads), strict=True))
    if style != NONE:
        for head, _ in sorted(named, key=lambda pair: pair[0].score):
            _draw_head(canvas, head, style, line, unsure_above)
    if labels != NONE and named:
        texts = [label_text(head, name, roll, unsure_above) for head, name in named]
        short = [
            _short(name or f"{i}", head, unsure_above) for i, (head, name) in enumerate(named, 1)
        ]
        boxes = np.array([head.box for head in heads], np.float64)
        # A single head without a name is no crowd: it keeps its angles.
        crowded = texts if labels == FULL and len(named) == 1 and not named[0][1] else short
        draw_labels(canvas, boxes, texts if labels == FULL else short, crowded)
    return canvas


@dataclasses.dataclass(frozen=True)
class _Known:
    """A head of which numbers are known or None, see `DrawnHead`."""

    box: Box
    score: float
    tilt: float | None
    pan: float | None
    roll: float | None
    expected_error: float | None


def _known(head: DrawnHead, index: int) -> _Known:
    """Returns a head with None for NaN.

    Raises:
        HeadposeError: If something is missing that it needs, or is no number.
    """
    try:
        box = tuple(float(value) for value in head.box)
        angles = head.tilt, head.pan, head.roll, head.expected_error
        numbers = [None if v is None or math.isnan(v) else float(v) for v in angles]
        score = float(head.score)
    except (AttributeError, TypeError, ValueError) as error:
        raise HeadposeError(
            f"heads[{index}] is no head ({first_line(error)}); give headpose.Head"
        ) from error
    if len(box) != 4 or not all(map(math.isfinite, (*box, *(n for n in numbers if n is not None)))):
        raise HeadposeError(f"heads[{index}]: four corners and angles must be finite numbers")
    return _Known(box, score, *numbers)


def is_away(head: DrawnHead) -> bool:
    """Tells whether the nose points away from the viewer."""
    return bool(nose_directions(head.tilt or 0, head.pan or 0)[2] < 0)


def is_unsure(head: DrawnHead, unsure_above: float = UNSURE_ABOVE) -> bool:
    """Tells whether a head's angles are not known well enough to be shown."""
    error = head.expected_error
    return head.tilt is None or (error is not None and error > unsure_above)


def label_text(
    head: DrawnHead, name: str = "", roll: bool = False, unsure_above: float = UNSURE_ABOVE
) -> str:
    """Returns what a label says: name, angles in degrees, and their expected error."""
    error = head.expected_error
    # In profile tilt and roll are of nearly the same axis, and may be anything.
    profile = False
    if head.tilt is None or head.pan is None:
        text = "?"
    elif (profile := bool(is_locked([[head.tilt, head.pan]])[0])) or is_away(head):
        azimuth, elevation = azimuth_elevation(head.tilt, head.pan)
        where = "away" if is_away(head) else "side"
        text = f"{where} {_signed(azimuth)} up {_signed(elevation)}"
    else:
        text = f"tilt {_signed(head.tilt)} pan {_signed(head.pan)}"
    if head.tilt is not None and roll and head.roll is not None and not profile:
        text += f" roll {_signed(head.roll)}"
    if head.tilt is not None and error is not None:
        text += f" ±{round(error)}°"
        if error > unsure_above:
            text += " ?"
    return f"{name} {text}" if name else text


def _short(name: str, head: DrawnHead, unsure_above: float) -> str:
    return f"{name}?" if is_unsure(head, unsure_above) else name


def _signed(degrees: float) -> str:
    """Returns an angle with its sign, if it has any, and a degree sign."""
    whole = round(float(degrees))
    return f"{whole:+d}°" if whole else "0°"


def _draw_head(
    canvas: np.ndarray, head: DrawnHead, style: str, line: int, unsure_above: float
) -> None:
    x0, y0, x1, y1 = (round(float(v)) for v in head.box)
    # Lines must not fill small heads.
    line = int(np.clip(min(x1 - x0, y1 - y0) / 14, 1, line))
    unsure = is_unsure(head, unsure_above)
    cv2.rectangle(canvas, (x0, y0), (x1, y1), (0, 0, 0), line + 2, cv2.LINE_AA)
    cv2.rectangle(canvas, (x0, y0), (x1, y1), GREY if unsure else BOX, line, cv2.LINE_AA)
    if head.tilt is None or head.pan is None:
        return
    if style == "cube":
        angles = head.tilt, head.pan, head.roll or 0
        draw_cube(canvas, head.box, rotation_matrices([angles])[0], line, unsure)
    elif style == "axes" and head.roll is not None:
        matrix = rotation_matrices([[head.tilt, head.pan, head.roll]])[0]
        draw_axes(canvas, head.box, matrix, line)
    else:
        colour = GREY if unsure else AWAY if is_away(head) else ARROW
        direction = nose_directions(head.tilt, head.pan)
        draw_arrow(canvas, head.box, direction, head.expected_error, colour, line)


__all__ = [
    "LABELS",
    "STYLES",
    "UNSURE_ABOVE",
    "draw_heads",
    "is_away",
    "is_unsure",
    "label_height",
    "label_text",
]
