"""Things that are no heads, put into training crops of detectors.

Detectors take round things for heads: fruit, lamps, barrels, wheels, pans. So rounded shapes
are drawn, flat or shaded like balls, alone or several alike, and pieces of pictures that a
detector took for heads are pasted with soft edges, always beside the heads of the crop.
"""

import cv2
import numpy as np

from headpose.geometry import boxes as box

SHARE = 0.3  # of the crops get some
ALIKE = 0.2  # of the drawn things come in groups
LARGEST_GROUP = 12
SIZES = 9.0, 0.7  # pixels; of the crop's side. Drawn log-uniformly
TRIES = 6  # to find a free place
DETAILS = 3  # spots or bars on a thing, at most


def add(
    rng: np.random.Generator, crop: np.ndarray, taken: np.ndarray, piece: np.ndarray | None
) -> None:
    """Puts one to three things, or a group of things that are alike, into a crop.

    Args:
        rng: Where draws come from.
        crop: uint8 (S, S, 3), changed in place.
        taken: Boxes (N, 4) that stay as they are.
        piece: uint8 (H, W, 3), a piece of a picture without heads that is used half of the
            time; None if there is none.
    """
    size = crop.shape[0]
    group = rng.random() < ALIKE
    thing, alpha = np.empty(0), np.empty(0)
    count = int(rng.integers(2, LARGEST_GROUP + 1) if group else rng.integers(1, 4))
    side = 0.0
    for number in range(count):
        if number == 0 or not group:
            largest = SIZES[1] * size / (np.sqrt(count) if group else 1)
            side = float(np.exp(rng.uniform(np.log(SIZES[0]), np.log(largest))))
            if piece is not None and piece.size and rng.random() < 0.5:
                thing, alpha = _pasted(rng, piece, side)
            else:
                thing, alpha = _drawn(rng, side)
        _put(rng, crop, thing, alpha, taken)


def _put(rng, crop: np.ndarray, thing: np.ndarray, alpha: np.ndarray, taken: np.ndarray) -> None:
    """Blends a thing in where nothing is taken; leaves it out if no place is found."""
    height, width = thing.shape[:2]
    extent = np.array([width, height])
    for _ in range(TRIES):
        low = np.rint(rng.uniform(-0.2, 1.0, 2) * crop.shape[0]).astype(int)
        place = np.array([[*low, *(low + extent)]], np.float32)
        if len(taken) and box.intersection(place, taken).max() > 0:
            continue
        x0, y0 = np.maximum(low, 0)
        x1, y1 = np.minimum(low + extent, crop.shape[0])
        if x1 <= x0 or y1 <= y0:
            continue
        inner = slice(y0 - low[1], y1 - low[1]), slice(x0 - low[0], x1 - low[0])
        part, mix = crop[y0:y1, x0:x1], alpha[inner][..., None]
        part[...] = np.rint(part * (1 - mix) + thing[inner] * mix)
        return


def _coordinates(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns x and y from -1 to 1 over an extent, (height, width) each."""
    x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)
    return tuple(np.meshgrid(x.astype(np.float32), y.astype(np.float32)))  # type: ignore[return-value]


def _inside(x: np.ndarray, y: np.ndarray, power: float, edge: float) -> np.ndarray:
    """Returns 0..1: how far points lie in a superellipse; 2 is an ellipse, more is squarer."""
    radius = (np.abs(x) ** power + np.abs(y) ** power) ** (1 / power)
    return np.clip((1 - radius) / edge, 0, 1)


def _drawn(rng, side: float) -> tuple[np.ndarray, np.ndarray]:
    """Draws a rounded thing: float (H, W, 3) and how much of it covers what lies behind."""
    aspect = np.exp(rng.uniform(-0.3, 0.3))
    width, height = max(3, round(side * aspect)), max(3, round(side / aspect))
    x, y = _coordinates(width, height)
    power = 2.0 if rng.random() < 0.6 else rng.uniform(2, 6)
    hue = rng.uniform(0, 30) if rng.random() < 0.6 else rng.uniform(0, 180)  # half warm tones
    tone = np.array([[[hue, rng.uniform(0, 255), rng.uniform(10, 255)]]], np.uint8)
    thing = np.tile(cv2.cvtColor(tone, cv2.COLOR_HSV2BGR).astype(np.float32), (height, width, 1))
    for _ in range(int(rng.integers(0, DETAILS + 1))):
        centre = rng.uniform(0.1, 0.9, 2) * (width, height)
        axes = np.maximum(1, rng.uniform(0.03, 0.4, 2) * side / 2).astype(int)
        colour = rng.uniform(0, 255, 3).tolist()
        if rng.random() < 0.7:
            angle = float(rng.uniform(0, 180))
            cv2.ellipse(
                thing, centre.astype(int).tolist(), axes.tolist(), angle, 0, 360, colour, -1
            )
        else:  # a bar across
            low = int(centre[1])
            cv2.rectangle(thing, (0, low), (width, low + int(axes[1])), colour, -1)
    if rng.random() < 0.6:  # as a ball in a light
        light = rng.normal(0, 1, 3) * (1, 1, 0.5) + (0, -0.5, 1)
        light /= np.linalg.norm(light)
        depth = np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))
        lit = np.clip(x * light[0] + y * light[1] + depth * light[2], 0, 1)
        ambient = rng.uniform(0.2, 0.7)
        thing *= (ambient + (1 - ambient) * lit)[..., None]
    alpha = _inside(x, y, power, edge=min(1.0, 3 / side))
    if rng.random() < 0.15:  # a ring
        hole = rng.uniform(0.4, 0.85)
        alpha = alpha * (1 - _inside(x / hole, y / hole, power, min(1.0, 3 / side)))
    return np.clip(thing, 0, 255), alpha


def _pasted(rng, piece: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray]:
    """Scales a piece of a picture, with soft edges of an ellipse or a rounded rectangle."""
    scale = side / max(piece.shape[:2])
    aspect = np.exp(rng.uniform(-0.1, 0.1))
    width = max(3, round(piece.shape[1] * scale * aspect))
    height = max(3, round(piece.shape[0] * scale / aspect))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    thing = cv2.resize(piece, (width, height), interpolation=method).astype(np.float32)
    x, y = _coordinates(width, height)
    return thing, _inside(x, y, rng.uniform(2, 6), edge=rng.uniform(0.05, 0.3))
