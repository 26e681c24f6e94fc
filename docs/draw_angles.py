#!/usr/bin/env python3
"""Draws what the angles mean: a modelled head, turned by the project's own matrices.

The arrows and labels are those of the demos. Writes docs/angles.jpg, and smaller
headpose/web/angles.jpg, which the web page shows.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from headpose.cli import common as cl
from headpose.files import atomic_write, check_outputs
from headpose.geometry.angles import azimuth_elevation, rotation_matrices
from headpose.images.drawing import draw_heads
from headpose.images.pictures import write_image
from headpose.pipeline import Head

CELL, LEFT, GAP = 200, 130, 34  # pixels: a head's square, room for a row's name, for labels
PAGE = Path(__file__).resolve().parent.parent / "headpose" / "web" / "angles.jpg"
PAGE_SCALE = 0.7  # of the drawing on the web page
SMOOTH = 3  # heads are drawn so many times larger and scaled down
RADII = (0.62, 0.82, 0.72)  # of the skull along x, y, z, in halves of a cell
BACKGROUND, INK = (250, 250, 250), (40, 40, 40)
SKIN, HAIR, EYE, MOUTH = (150, 180, 225), (50, 60, 80), (60, 40, 30), (90, 90, 180)
LIGHT = np.array([-0.4, 0.5, 0.77])  # toward the lamp: x right, y up, z toward the viewer
# Rows: a name, and tilt, pan and roll of each head.
ROWS = (
    ("tilt", [(a, 0, 0) for a in (-50, -25, 0, 25, 50)]),
    ("pan", [(0, a, 0) for a in (60, 30, 0, -30, -60)]),
    ("roll", [(0, 0, a) for a in (-50, -25, 0, 25, 50)]),
    ("azimuth", [(0, a, 0) for a in (90, 135, 180, -135, -90)]),
)


def head_mesh() -> tuple[np.ndarray, np.ndarray]:
    """Returns the corners (N, 4, 3) and colours (N, 3) of a head that faces the viewer."""
    latitude, longitude = np.radians(np.arange(-90, 91, 1.5)), np.radians(np.arange(-180, 181, 1.5))
    up, around = np.meshgrid(latitude, longitude, indexing="ij")
    unit = np.stack([np.cos(up) * np.sin(around), np.sin(up), np.cos(up) * np.cos(around)], -1)
    points = unit * RADII
    # The nose stands out of the face; the jaw is narrower than the skull.
    x, y = points[..., 0], points[..., 1]
    front = unit[..., 2] > 0
    nose = np.exp(-((x / 0.08) ** 2) - ((y + 0.1) / 0.13) ** 2) * front
    points[..., 2] += 0.3 * nose
    points[..., 0] *= np.where(y < 0, 1 + 0.3 * y, 1)
    quads = np.stack([points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]], 2)
    quads = quads.reshape(-1, 4, 3)
    return quads, np.array([_colour(*middle) for middle in quads.mean(axis=1)])


def _colour(x: float, y: float, z: float) -> tuple[int, int, int]:
    """Returns the colour of a place on the head, BGR."""
    if z > 0:
        if min(np.hypot(x - side, 1.3 * (y - 0.12)) for side in (-0.24, 0.24)) < 0.09:
            return EYE
        if abs(x) < 0.2 and abs(y + 0.42) < 0.04:
            return MOUTH
    return HAIR if y > 0.45 or (z < 0.05 and y > -0.45) else SKIN


def render_head(
    angles: tuple[float, float, float], cell: int = CELL, background: tuple = BACKGROUND
) -> np.ndarray:
    """Returns a picture (cell, cell, 3) of the head."""
    side = cell * SMOOTH
    canvas = np.full((side, side, 3), background, np.uint8)
    quads, colours = head_mesh()
    turned = quads @ rotation_matrices([angles])[0].T
    normals = np.cross(turned[:, 2] - turned[:, 0], turned[:, 3] - turned[:, 1])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals /= np.maximum(length, 1e-9)
    if (normals * turned.mean(axis=1)).sum() < 0:
        normals = -normals
    shade = 0.55 + 0.45 * np.clip(normals @ LIGHT, 0, 1)
    places = np.rint((turned[..., :2] * [1, -1] * 0.47 + 0.55) * side).astype(np.int32)
    places[..., 0] -= round(0.05 * side)
    for i in np.argsort(turned[..., 2].mean(axis=1)):
        if normals[i, 2] > 0:
            cv2.fillConvexPoly(canvas, places[i], (colours[i] * shade[i]).tolist(), cv2.LINE_AA)
    return cv2.resize(canvas, (cell, cell), interpolation=cv2.INTER_AREA)


def head_of(angles: tuple[float, float, float], cell: int = CELL, **more) -> Head:
    """Returns the head that `render_head` shows, with its box."""
    (azimuth, elevation), (tilt, pan, roll) = azimuth_elevation(*angles[:2]).ravel(), angles
    box = (0.12 * cell, 0.14 * cell, 0.88 * cell, 0.97 * cell)
    return Head(box, 1.0, tilt, pan, roll, azimuth, elevation, **more)


def draw_head(angles: tuple[float, float, float]) -> np.ndarray:
    """Returns a picture (CELL, CELL, 3) of the head with its arrow and label."""
    return draw_heads(render_head(angles), [head_of(angles)], roll=bool(angles[2]))


def draw() -> np.ndarray:
    """Returns the whole picture."""
    columns = len(ROWS[0][1])
    shape = (len(ROWS) * (CELL + GAP), LEFT + columns * CELL, 3)
    canvas = np.full(shape, BACKGROUND, np.uint8)
    for row, (name, heads) in enumerate(ROWS):
        top = row * (CELL + GAP)
        _write(canvas, name, 14, top + CELL // 2, 0.8, 2)
        for column, angles in enumerate(heads):
            left = LEFT + column * CELL
            canvas[top : top + CELL, left : left + CELL] = draw_head(angles)
            value = angles[1] if name == "azimuth" else angles[("tilt", "pan", "roll").index(name)]
            _write(
                canvas,
                f"{value:+d}" if value else "0",
                left + CELL // 2 - 20,
                top + CELL + 18,
                0.6,
                1,
            )
    return canvas


def _write(canvas: np.ndarray, text: str, x: int, y: int, scale: float, thick: int) -> None:
    cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, INK, thick, cv2.LINE_AA)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).with_name("angles.jpg")
    parser.add_argument("--output", type=Path, default=default, metavar="FILE")
    cl.add_overwrite_option(parser)
    arguments = parser.parse_args()
    # Its own pages' pictures it draws anew.
    replace = arguments.overwrite or arguments.output == default
    check_outputs([arguments.output], overwrite=replace)
    whole = draw()
    small = cv2.resize(whole, None, fx=PAGE_SCALE, fy=PAGE_SCALE, interpolation=cv2.INTER_AREA)
    outputs = [(arguments.output, whole)]
    if arguments.output == default:
        outputs.append((PAGE, small))
    for target, picture in outputs:
        with atomic_write(target, replace) as temporary:
            write_image(temporary, picture)
        print(target)


if __name__ == "__main__":
    cl.run(main)
