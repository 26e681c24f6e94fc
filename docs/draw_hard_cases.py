#!/usr/bin/env python3
"""Draws a sheet of heads that are hard to draw on, to be looked at: does it all read?

A crowd of 32 heads on 480 pixels, tiny heads, a picture 12,000 pixels wide, heads that face
the camera, profiles, backs, unsure ones, and all styles; with modelled heads alone.
"""

import argparse
import dataclasses
import functools
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from draw_angles import head_of, render_head

from headpose.cli import common as cl
from headpose.files import atomic_write, check_outputs
from headpose.images.drawing import draw_heads
from headpose.images.pictures import write_image
from headpose.pipeline import Head

TILE = (480, 360)  # of the sheet, pixels
COLUMNS = 3
RENDERED = 180  # pixels of a modelled head, which is scaled to what a case needs
CROWD = ((-20, -55, -8), (0, 10, 0), (15, 40, 8), (5, -30, 5))  # tilt, pan, roll
GROUND = (205, 200, 190)


@functools.cache
def modelled(angles: tuple[float, float, float]) -> np.ndarray:
    """Returns a head as `render_head` draws it, once."""
    return render_head(angles, RENDERED, GROUND)


def scene(
    size: tuple[int, int], heads: list[tuple[int, int, int, tuple, float | None]]
) -> tuple[np.ndarray, list[Head]]:
    """Returns a picture of modelled heads, and what is to be drawn.

    Args:
        size: Width and height.
        heads: Left, top and side in pixels, tilt, pan and roll, and the expected error.
    """
    picture = np.full((size[1], size[0], 3), GROUND, np.uint8)
    found = []
    for left, top, side, angles, error in heads:
        small = cv2.resize(modelled(angles), (side, side), interpolation=cv2.INTER_AREA)
        picture[top : top + side, left : left + side] = small
        head = head_of(angles, side, expected_error=error)
        box = tuple(v + o for v, o in zip(head.box, (left, top, left, top), strict=True))
        found.append(dataclasses.replace(head, box=box))
    return picture, found


def numbers(heads: list[Head]) -> list[str]:
    return [f"#{i}" for i in range(1, len(heads) + 1)]


def crowd(count: int, columns: int, size: tuple[int, int], side: int, seed: int):
    """Returns a scene of so many heads in uneven rows."""
    rng = np.random.default_rng(seed)
    rows = -(-count // columns)
    heads = []
    for i in range(count):
        x = (i % columns + 0.5 + rng.uniform(-0.2, 0.2)) * size[0] / columns - side / 2
        y = (i // columns + 0.55 + rng.uniform(-0.15, 0.15)) * size[1] / rows - side / 2
        place = np.clip([x, y], 0, np.array(size) - side).astype(int)
        angles = CROWD[int(rng.integers(len(CROWD)))]
        heads.append((*map(int, place), side, angles, float(rng.uniform(4, 25))))
    return scene(size, heads)


def cases() -> list[tuple[str, np.ndarray]]:
    """Returns all cases: a name and a drawn picture."""
    result = []

    def add(name: str, made: tuple, **options) -> None:
        picture, heads = made
        result.append((name, draw_heads(picture, heads, names=numbers(heads), **options)))

    add("32 heads on 480 px", crowd(32, 8, (480, 360), 34, 1))
    add("32 heads on 1600 px", crowd(32, 8, (1600, 1200), 110, 2))
    add("overlapping rows", crowd(40, 10, (480, 200), 44, 3))
    add("tiny heads", crowd(12, 4, (480, 360), 12, 4))
    add("12,000 px", crowd(3, 3, (12000, 9000), 1800, 5))
    facing = [
        (20 + 150 * i, 90, 150, (0, p, 0), e)
        for i, (p, e) in enumerate([(0, 5.0), (4, 12.0), (0, None)])
    ]
    add("facing the camera", scene(TILE, facing))
    add(
        "profiles",
        scene(TILE, [(30, 90, 180, (0, 90, 0), 9.0), (270, 90, 180, (10, -88, 0), 18.0)]),
    )
    add(
        "backs", scene(TILE, [(30, 90, 180, (0, 180, 0), 15.0), (270, 90, 180, (0, -140, 0), 12.0)])
    )
    unsure = scene(TILE, [(30, 90, 180, (10, 40, 0), 34.0), (270, 90, 180, (0, 0, 0), None)])
    unsure[1][1] = dataclasses.replace(unsure[1][1], tilt=None, pan=None, roll=None)
    add("unsure and unknown", unsure)
    two = [(30, 90, 180, (-20, 30, 15), 6.0), (270, 90, 180, (15, -140, -10), 14.0)]
    for style in ("axes", "cube"):
        add(style, scene(TILE, two), style=style, roll=True)
    add("labels short", scene(TILE, two), labels="short")
    edge = [(0, 0, 160, (0, 20, 0), 8.0), (320, 200, 160, (5, -30, 0), 8.0)]
    add("at the border", scene(TILE, edge), roll=True)
    add("one large head", scene(TILE, [(60, 0, 360, (0, 35, 5), 7.0)]))
    return result


def sheet(made: list[tuple[str, np.ndarray]]) -> np.ndarray:
    """Returns all cases as tiles, each scaled down as a screen would."""
    rows = -(-len(made) // COLUMNS)
    high = TILE[1] + 30
    canvas = np.full((rows * high, COLUMNS * (TILE[0] + 10), 3), 255, np.uint8)
    for i, (name, picture) in enumerate(made):
        scale = min(TILE[0] / picture.shape[1], TILE[1] / picture.shape[0])
        size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        y, x = i // COLUMNS * high, i % COLUMNS * (TILE[0] + 10)
        canvas[y + 26 : y + 26 + size[1], x : x + size[0]] = small
        place = (x + 4, y + 19)
        cv2.putText(canvas, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("hard_cases.png"), metavar="FILE")
    cl.add_overwrite_option(parser)
    arguments = parser.parse_args()
    check_outputs([arguments.output], overwrite=arguments.overwrite)
    with atomic_write(arguments.output, arguments.overwrite) as temporary:
        write_image(temporary, sheet(cases()))
    print(arguments.output)


if __name__ == "__main__":
    cl.run(main)
