"""Drawn pictures without heads: what a detector must stay silent on."""

import cv2
import numpy as np


def draw(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draws a texture: clouds, stripes, tiles, blobs or strokes over a colour gradient.

    Returns:
        uint8 (size, size, 3).
    """
    low, high = rng.uniform(0, 255, (2, 3)).astype(np.float32)
    fill = (_clouds, _stripes, _tiles, _ramp)[rng.choice(4)]
    mix = fill(rng, size)[..., None]
    picture = np.clip(low * (1 - mix) + high * mix, 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        for _ in range(int(rng.integers(3, 120))):
            (_blob, _stroke)[rng.choice(2)](rng, picture)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 3))
    return picture


def _ramp(rng, size: int) -> np.ndarray:
    """Brightness 0..1 rising in some direction, (size, size)."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    return np.clip(x * np.cos(angle) + y * np.sin(angle) + 0.5, 0, 1)


def _clouds(rng, size: int) -> np.ndarray:
    """Noise summed over octaves, each finer and weaker."""
    total = np.zeros((size, size), np.float32)
    roughness = rng.uniform(0.4, 0.9)
    for octave in range(1, 8):
        coarse = rng.standard_normal((2**octave, 2**octave)).astype(np.float32)
        total += roughness**octave * cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(total / (3 * total.std() + 1e-6) + 0.5, 0, 1)


def _stripes(rng, size: int) -> np.ndarray:
    wave = np.sin(_ramp(rng, size) * rng.uniform(10, 400))
    return (wave > 0).astype(np.float32) if rng.random() < 0.5 else (wave + 1) / 2


def _tiles(rng, size: int) -> np.ndarray:
    cells = rng.random((int(rng.integers(2, 40)),) * 2).astype(np.float32)
    return cv2.resize(cells, (size, size), interpolation=cv2.INTER_NEAREST)


def _blob(rng, picture: np.ndarray) -> None:
    size = picture.shape[0]
    centre = rng.integers(0, size, 2).tolist()
    axes = rng.integers(2, max(3, size // 6), 2).tolist()
    colour = rng.integers(0, 256, 3).tolist()
    thickness = -1 if rng.random() < 0.7 else 2
    cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, thickness)


def _stroke(rng, picture: np.ndarray) -> None:
    size = picture.shape[0]
    points = rng.integers(0, size, 2) + rng.integers(-size // 4, size // 4 + 1, (3, 2))
    colour = rng.integers(0, 256, 3).tolist()
    if rng.random() < 0.5:
        cv2.fillPoly(picture, [points.astype(np.int32)], colour)
    else:
        cv2.polylines(picture, [points.astype(np.int32)], False, colour, int(rng.integers(1, 6)))
