"""Drawing heads on pictures: box, arrow along the nose or three axes, label."""

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from headpose.geometry.angles import azimuth_elevation, nose_directions, rotation_matrices

# Colours are BGR.
BOX, UNSURE, ARROW, AWAY = (80, 220, 80), (170, 170, 170), (40, 90, 255), (230, 90, 170)
TEXT, SHADOW = (255, 255, 255), (0, 0, 0)
AXES = ((60, 60, 255), (60, 220, 60), (255, 120, 40))  # x: ear to ear, y: up, z: the nose
FONT = cv2.FONT_HERSHEY_SIMPLEX
STYLES = ("arrow", "axes")


class Head(Protocol):
    """What is drawn of a head: see `headpose.pipeline.Head`."""

    @property
    def box(self) -> tuple[float, float, float, float]: ...
    @property
    def score(self) -> float: ...
    @property
    def tilt(self) -> float | None: ...
    @property
    def pan(self) -> float | None: ...
    @property
    def roll(self) -> float | None: ...


def draw_heads(
    picture: np.ndarray, heads: Sequence[Head], style: str = "arrow", names: Sequence[str] = ()
) -> np.ndarray:
    """Returns a copy of a picture with its heads drawn.

    The arrow starts at the middle of the box and points where the nose does; its length
    is at most half the box. It starts with a dot if the nose points toward the viewer,
    with a cross and in another colour if away. A head whose angles are not known gets a
    grey box alone. Lines and letters grow with the picture; where a head is too small for
    its label, the label still is as large as can be read.

    Args:
        picture: uint8 (H, W, 3), BGR.
        heads: What to draw; the best are drawn last, on top.
        style: `arrow`, or `axes` for the head's three axes, where the roll is known.
        names: What each label begins with; none for no names.
    """
    canvas = picture.copy()
    long_side = max(picture.shape[:2])
    line = max(2, round(long_side / 500))
    named = list(zip(heads, names or [""] * len(heads), strict=True))
    named.sort(key=lambda pair: pair[0].score)
    for head, _ in named:
        x0, y0, x1, y1 = (round(v) for v in head.box)
        known = head.tilt is not None
        cv2.rectangle(canvas, (x0, y0), (x1, y1), BOX if known else UNSURE, line, cv2.LINE_AA)
        if known and style == "axes" and head.roll is not None:
            _axes(canvas, head, line)
        elif known:
            _arrow(canvas, head, line)
    for head, name in named:
        _label(canvas, head, long_side, name)
    return canvas


def is_away(head: Head) -> bool:
    """Tells whether the nose points away from the viewer."""
    return nose_directions(head.tilt, head.pan)[2] < 0


def _line(canvas: np.ndarray, head: Head, direction: np.ndarray, colour, line: int, tip: bool):
    """Draws a line from the middle of the head's box; returns where it starts.

    Args:
        direction: x right, y up; of length 1 it is half the box's longer side long.
    """
    x0, y0, x1, y1 = head.box
    start = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    end = start + direction * [1, -1] * max(x1 - x0, y1 - y0) / 2
    share = 0.3 if np.linalg.norm(end - start) > 6 * line else 0.5
    points = [tuple(int(v) for v in np.rint(p)) for p in (start, end)]
    for paint, width in ((SHADOW, line + 2), (colour, line)):
        if tip:
            cv2.arrowedLine(canvas, *points, paint, width, cv2.LINE_AA, tipLength=share)
        else:
            cv2.line(canvas, *points, paint, width, cv2.LINE_AA)
    return points[0]


def _arrow(canvas: np.ndarray, head: Head, line: int) -> None:
    away = is_away(head)
    colour = AWAY if away else ARROW
    direction = nose_directions(head.tilt, head.pan)[:2]
    x, y = start = _line(canvas, head, direction, colour, line, tip=True)
    # Of a head that faces the viewer, or turns its back, this mark is all there is.
    if away:
        arm = 2 * line + 1
        for paint, width in ((SHADOW, line + 2), (colour, line)):
            cv2.line(canvas, (x - arm, y - arm), (x + arm, y + arm), paint, width, cv2.LINE_AA)
            cv2.line(canvas, (x - arm, y + arm), (x + arm, y - arm), paint, width, cv2.LINE_AA)
    else:
        cv2.circle(canvas, start, 2 * line + 1, SHADOW, cv2.FILLED, cv2.LINE_AA)
        cv2.circle(canvas, start, 2 * line, colour, cv2.FILLED, cv2.LINE_AA)


def _axes(canvas: np.ndarray, head: Head, line: int) -> None:
    matrix = rotation_matrices([[head.tilt, head.pan, head.roll]])[0]
    # What points away from the viewer is drawn first, below the rest.
    for axis in np.argsort(matrix[2]):
        _line(canvas, head, matrix[:2, axis], AXES[axis], line, tip=axis == 2)


def _label(canvas: np.ndarray, head: Head, long_side: int, name: str) -> None:
    """Writes name and angles above the box, or inside its top where there is no room above."""
    height, width = canvas.shape[:2]
    if head.tilt is None:
        text = "unsure"
    elif is_away(head):
        azimuth, elevation = azimuth_elevation(head.tilt, head.pan)
        text = f"away {round(azimuth):+d} up {round(elevation):+d}"
    else:
        text = f"tilt {round(head.tilt):+d} pan {round(head.pan):+d}"
    text = f"{name} {text}" if name else text
    (natural, _), _ = cv2.getTextSize(text, FONT, 1.0, 1)
    # As wide as the box, within what reads well on a screen that shows the whole picture.
    smallest, largest = max(0.35, long_side / 2800), max(0.45, long_side / 1000)
    scale = float(np.clip((head.box[2] - head.box[0]) / natural, smallest, largest))
    thick = max(1, round(scale * 1.6))
    (w, h), below = cv2.getTextSize(text, FONT, scale, thick)
    x = int(np.clip(head.box[0], 0, max(0, width - w - 1)))
    y = int(head.box[1]) - below - 1
    y = int(np.clip(y if y - h > 0 else head.box[1] + h + below, h, max(h, height - below)))
    cv2.rectangle(canvas, (x - 1, y - h - 2), (x + w + 1, y + below), SHADOW, cv2.FILLED)
    cv2.putText(canvas, text, (x, y), FONT, scale, TEXT, thick, cv2.LINE_AA)
