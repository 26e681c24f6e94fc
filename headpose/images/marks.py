"""What is drawn on a head: an arrow with the spread of its error, three axes, or a cube."""

from typing import Protocol

import cv2
import numpy as np

# Okabe and Ito's colours as BGR: vermilion, blue, yellow, bluish green.
ARROW, AWAY, BOX = (0, 94, 213), (178, 114, 0), (66, 228, 240)
AXES = ((0, 94, 213), (115, 158, 0), (178, 114, 0))  # x: ear to ear, y: up, z: the nose
GREY, SHADOW, LIGHT = (170, 170, 170), (0, 0, 0), (255, 255, 255)

SPREAD_OPACITY = 0.35
WIDEST = 60.0  # degrees: of a wider spread nothing could be read
TIP_LENGTH, TIP_RADIUS = 0.4, 0.17  # of an arrow's tip, a cone, by the arrow's length
MIN_RADIUS = 2.5  # of the tip, in widths of a line
CUBE = 0.62  # half a cube's side, by half the box's longer side
AROUND = np.linspace(0, 2 * np.pi, 32, endpoint=False)

Box = tuple[float, float, float, float]


class DrawnHead(Protocol):
    """What is drawn of a head: see `headpose.pipeline.Head`."""

    @property
    def box(self) -> Box: ...
    @property
    def score(self) -> float: ...
    @property
    def tilt(self) -> float | None: ...
    @property
    def pan(self) -> float | None: ...
    @property
    def roll(self) -> float | None: ...
    @property
    def expected_error(self) -> float | None: ...


def _middle(box: Box) -> tuple[np.ndarray, float]:
    """Returns the middle of a box and half its longer side, pixels."""
    x0, y0, x1, y1 = map(float, box)
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2]), max(x1 - x0, y1 - y0) / 2


def _circle(direction: np.ndarray, along: float, radius: float) -> np.ndarray:
    """Returns points (N, 3) of a circle about an axis, so far along it."""
    helper = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.9 else np.array([1.0, 0, 0])
    first = np.cross(direction, helper)
    first /= np.linalg.norm(first)
    second = np.cross(direction, first)
    ring = np.cos(AROUND)[:, None] * first + np.sin(AROUND)[:, None] * second
    return along * direction + radius * ring


def _seen(points: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Returns points (N, 3), x right and y up, as places in the picture (N, 1, 2)."""
    flat = points[:, :2] * [1, -1] + middle
    return np.rint(flat).astype(np.int32)[:, None]


def draw_arrow(
    canvas: np.ndarray,
    box: Box,
    direction: np.ndarray,
    error: float | None,
    colour: tuple[int, int, int],
    line: int,
) -> None:
    """Draws an arrow as a solid body, and the cone in which the true direction is expected.

    Args:
        canvas: uint8 (H, W, 3), BGR, drawn on.
        box: Of the head; the arrow is half its longer side long.
        direction: Unit vector: x right, y up, z toward the viewer.
        error: Degrees, half the cone's opening; None draws none.
        colour: BGR.
        line: Width, pixels.
    """
    middle, length = _middle(box)
    if error is not None:
        _spread(canvas, middle, direction, min(error, WIDEST), length, colour)
    radius = max(TIP_RADIUS * length, MIN_RADIUS * line)
    tip = min(max(TIP_LENGTH * length, 2 * radius), length)
    base = _seen(_circle(direction, length - tip, radius), middle)
    point = _seen(length * direction[None], middle)
    start, neck = (
        tuple(map(int, _seen(p[None], middle)[0, 0]))
        for p in (np.zeros(3), (length - tip) * direction)
    )
    away = direction[2] < 0
    for paint, width in ((SHADOW, line + 2), (colour, line)):
        cv2.line(canvas, start, neck, paint, width, cv2.LINE_AA)
    cone = cv2.convexHull(np.concatenate([base, point]))
    cv2.fillConvexPoly(canvas, cone, colour, cv2.LINE_AA)
    cv2.polylines(canvas, [cone], True, SHADOW, 1 + line // 2, cv2.LINE_AA)
    if away:
        # The bottom of the tip is seen, as of an arrow that flies away.
        _cross(canvas, base, line)
    else:
        inside = cv2.pointPolygonTest(
            base.astype(np.float32), tuple(map(float, point[0, 0])), False
        )
        if inside >= 0:
            cv2.polylines(canvas, [base], True, LIGHT, max(1, line // 2), cv2.LINE_AA)
            size = max(1, round(0.3 * radius))
            cv2.circle(canvas, tuple(map(int, point[0, 0])), size, LIGHT, cv2.FILLED, cv2.LINE_AA)


def _cross(canvas: np.ndarray, ring: np.ndarray, line: int) -> None:
    """Draws a cross within a ring of points."""
    places = ring[:, 0]
    for start in (4, 12):
        ends = places[start], places[start + 16]
        cv2.line(
            canvas,
            tuple(map(int, ends[0])),
            tuple(map(int, ends[1])),
            LIGHT,
            max(1, round(0.7 * line)),
            cv2.LINE_AA,
        )


def _spread(
    canvas: np.ndarray,
    middle: np.ndarray,
    direction: np.ndarray,
    error: float,
    length: float,
    colour: tuple[int, int, int],
) -> None:
    radians = np.radians(error)
    rim = _circle(direction, length * np.cos(radians), length * np.sin(radians))
    hull = cv2.convexHull(_seen(np.concatenate([np.zeros((1, 3)), rim]), middle))
    x, y, wide, high = cv2.boundingRect(hull)
    left, top = max(0, x), max(0, y)
    part = canvas[top : max(0, y + high), left : max(0, x + wide)]
    if not part.size:
        return
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, hull - np.array([left, top], np.int32), 255, cv2.LINE_AA)
    share = mask[..., None].astype(np.float32) * (SPREAD_OPACITY / 255)
    part[:] = np.rint(part * (1 - share) + np.array(colour, np.float32) * share).astype(np.uint8)


def draw_axes(canvas: np.ndarray, box: Box, matrix: np.ndarray, line: int) -> None:
    """Draws the head's axes: from ear to ear, up, and along the nose with a tip.

    Args:
        matrix: The head's rotation, (3, 3).
    """
    middle, length = _middle(box)
    start = tuple(map(int, np.rint(middle)))
    # What points away from the viewer is drawn first, below the rest.
    for axis in np.argsort(matrix[2]):
        end = tuple(map(int, _seen(length * matrix[:, axis][None], middle)[0, 0]))
        for paint, width in ((SHADOW, line + 2), (AXES[axis], line)):
            if axis == 2:
                cv2.arrowedLine(canvas, start, end, paint, width, cv2.LINE_AA, tipLength=0.3)
            else:
                cv2.line(canvas, start, end, paint, width, cv2.LINE_AA)


def draw_cube(
    canvas: np.ndarray, box: Box, matrix: np.ndarray, line: int, unsure: bool = False
) -> None:
    """Draws a cube that is turned as the head is; its face is the one with a nose.

    Args:
        matrix: The head's rotation, (3, 3).
        unsure: Whether to draw it in grey.
    """
    middle, length = _middle(box)
    corners = np.array([(x, y, z) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)], float)
    turned = corners @ matrix.T * CUBE * length
    places = _seen(turned, middle)[:, 0]
    # Edges join corners that differ in one coordinate; those farther away come first.
    edges = [(i, j) for i in range(8) for j in range(i) if bin(i ^ j).count("1") == 1]
    edges.sort(key=lambda edge: turned[list(edge), 2].sum())
    back = GREY if unsure else AWAY
    front = GREY if unsure else ARROW
    for i, j in edges:
        in_face = i >= 4 and j >= 4
        ends = tuple(map(int, places[i])), tuple(map(int, places[j]))
        for paint, width in ((SHADOW, line + 2), (front if in_face else back, line)):
            cv2.line(canvas, *ends, paint, width, cv2.LINE_AA)
    # A nose tells the face from the back, which has the same outline.
    if matrix[2, 2] > 0:
        nose = np.array([(0, -0.3, 1), (0, 0.3, 1), (0, 0, 1.5)]) @ matrix.T * CUBE * length
        shape = cv2.convexHull(_seen(nose, middle))
        cv2.fillConvexPoly(canvas, shape, front, cv2.LINE_AA)
        cv2.polylines(canvas, [shape], True, SHADOW, 1, cv2.LINE_AA)
