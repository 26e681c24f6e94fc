"""Drawing heads on pictures: box, arrow along the nose, label."""

from collections.abc import Sequence

import cv2
import numpy as np

from headpose.pipeline import Head

BOX, ARROW, TEXT, SHADOW = (80, 220, 80), (40, 90, 255), (255, 255, 255), (0, 0, 0)  # BGR
FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_heads(picture: np.ndarray, heads: Sequence[Head]) -> np.ndarray:
    """Returns a copy of a picture with its heads drawn.

    The arrow starts at the middle of the box and points where the nose does; its length
    is at most half the box. Lines and letters grow with the picture; where a head is too
    small for its label, the label still is as large as can be read.

    Args:
        picture: uint8 (H, W, 3), BGR.
        heads: What to draw; the best are drawn last, on top.
    """
    canvas = picture.copy()
    long_side = max(picture.shape[:2])
    line = max(2, round(long_side / 500))
    for head in sorted(heads, key=lambda h: h.score):
        x0, y0, x1, y1 = (round(v) for v in head.box)
        cv2.rectangle(canvas, (x0, y0), (x1, y1), BOX, line, cv2.LINE_AA)
        _arrow(canvas, head, line)
    for head in sorted(heads, key=lambda h: h.score):
        _label(canvas, head, long_side)
    return canvas


def _arrow(canvas: np.ndarray, head: Head, line: int) -> None:
    x0, y0, x1, y1 = head.box
    start = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    # dx = -sin pan, dy = -sin tilt (y down), as the published demo draws it.
    direction = np.array([-np.sin(np.radians(head.pan)), -np.sin(np.radians(head.tilt))])
    end = start + direction * max(x1 - x0, y1 - y0) / 2
    tip = 0.3 if np.linalg.norm(end - start) > 6 * line else 0.5
    points = [tuple(int(v) for v in np.rint(p)) for p in (start, end)]
    cv2.arrowedLine(canvas, *points, SHADOW, line + 2, cv2.LINE_AA, tipLength=tip)
    cv2.arrowedLine(canvas, *points, ARROW, line, cv2.LINE_AA, tipLength=tip)
    # A dot marks where the arrow starts: of a head that faces the viewer it is all there is.
    cv2.circle(canvas, points[0], 2 * line + 1, SHADOW, cv2.FILLED, cv2.LINE_AA)
    cv2.circle(canvas, points[0], 2 * line, ARROW, cv2.FILLED, cv2.LINE_AA)


def _label(canvas: np.ndarray, head: Head, long_side: int) -> None:
    """Writes tilt and pan above the box, or inside its top where there is no room above."""
    height, width = canvas.shape[:2]
    text = f"tilt {head.tilt:+.0f} pan {head.pan:+.0f}"
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
