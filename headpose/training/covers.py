"""Synthetic occlusion in training crops: hats, hoods, masks, dark glasses, hands, things in front.

The shapes are rough: they need not look real, but hide what such things hide, so that the
estimator learns to do without it and to expect a larger error.
"""

import cv2
import numpy as np

# A head box's height and width where the crop's side is 1 (crops of 0.9 times the height).
HEIGHT, WIDTH = 1.11, 0.89
TINT = 30.0  # deviation of a cover's blue, green and red from its grey level


def cover(
    rng: np.random.Generator, crop: np.ndarray, nose: np.ndarray | None, turn: float
) -> np.ndarray:
    """Draws something over a head.

    Args:
        rng: Where draws come from.
        crop: uint8 (S, S) or (S, S, 3), with the head in its middle.
        nose: Where it points in the crop (3,), x right, y up, z toward the viewer; None
            where unknown. Masks and glasses sit on faces that can be seen.
        turn: Degrees clockwise by which the head was turned in the picture.

    Returns:
        uint8 of the crop's shape, a new array.
    """
    face = nose is not None and nose[2] > -0.1
    kinds = [_hat, _hood, _patches, _in_front] + ([_mask, _glasses] if face else [])
    mask = np.zeros(crop.shape[:2], np.uint8)
    pen = _Pen(mask, turn)
    level = kinds[rng.integers(len(kinds))](rng, pen, nose, crop)
    if crop.ndim == 3:
        texture = _texture(rng, crop, level + rng.normal(0, TINT, 3))
        return np.where(mask[..., None] > 0, texture, crop)
    return np.where(mask > 0, _texture(rng, crop, level), crop)


class _Pen:
    """Fills shapes in a mask; lengths are shares of its side, from its middle, x right, y down."""

    def __init__(self, mask: np.ndarray, turn: float):
        self.mask, self.size, self.turn = mask, mask.shape[0], turn
        self._cos, self._sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))

    def ellipse(self, x, y, width, height, angle=0.0, start=0, end=360, value=255):
        """Fills an ellipse with half axes `width` and `height`, turned with the head."""
        s = self.size
        centre = (
            round(s * (0.5 + self._cos * x - self._sin * y)),
            round(s * (0.5 + self._sin * x + self._cos * y)),
        )
        axes = max(1, round(s * width)), max(1, round(s * height))
        cv2.ellipse(self.mask, centre, axes, self.turn + angle, start, end, value, -1)


def _texture(rng, crop: np.ndarray, level: float | np.ndarray) -> np.ndarray:
    """A surface about a grey level or colour: flat, shaded, or with pieces of the crop itself."""
    size = crop.shape[0]
    kind = rng.random()
    if kind < 0.3:
        return np.full(crop.shape, np.clip(level, 0, 255), np.uint8)
    if kind < 0.8:
        ramp = np.linspace(-1, 1, size, dtype=np.float32)
        slopes = rng.normal(0, 25, 2)
        noise = rng.normal(0, 12, (8, 8)).astype(np.float32)
        rough = cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)
        relief = slopes[0] * ramp + slopes[1] * ramp[:, None] + rough
        surface = level + (relief[..., None] if crop.ndim == 3 else relief)
    else:
        moved = np.roll(crop, rng.integers(size // 4, 3 * size // 4, 2), axis=(0, 1))
        surface = 0.6 * moved + 0.4 * level
    return np.clip(surface, 0, 255).astype(np.uint8)


def _hat(rng, pen, nose, crop) -> float:
    brim = rng.uniform(-0.34, -0.1)
    pen.ellipse(0, brim, rng.uniform(0.4, 0.5), rng.uniform(0.25, 0.6), 0, 180, 360)
    side = 0.0 if nose is None else 0.25 * nose[0]
    pen.ellipse(side, brim, rng.uniform(0.38, 0.6), rng.uniform(0.01, 0.08))
    return rng.uniform(0, 255)


def _hood(rng, pen, nose, crop) -> float:
    pen.mask[:] = 255
    x, y = (0.0, 0.0) if nose is None else (0.12 * nose[0], -0.08 * nose[1])
    x, y = x + rng.normal(0, 0.03), y + 0.06 + rng.normal(0, 0.03)
    pen.ellipse(x, y, rng.uniform(0.27, 0.4), rng.uniform(0.33, 0.48), value=0)
    return rng.uniform(0, 200)


def _patches(rng, pen, nose, crop) -> float:
    """Hands, microphones, cups, hair: some ellipses anywhere, of a face's brightness."""
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(-0.4, 0.4, 2)
        pen.ellipse(x, y, *rng.uniform(0.05, 0.22, 2), rng.uniform(0, 180))
    return float(crop.mean()) + rng.normal(0, 45)


def _in_front(rng, pen, nose, crop) -> float:
    """Something that hides one side of the crop, straight or round, such as another head."""
    size, hidden = pen.size, rng.uniform(0.1, 0.42)
    if rng.random() < 0.5:
        pen.mask[: round(size * hidden)] = 255
        pen.mask[:] = np.rot90(pen.mask, rng.choice(4, p=[0.15, 0.3, 0.25, 0.3]))
    else:
        angle, radius = rng.uniform(0, 360), rng.uniform(0.35, 0.7)
        away = 0.5 + radius - hidden
        x, y = away * np.cos(np.radians(angle)), away * np.sin(np.radians(angle))
        pen.ellipse(x, y, radius, radius)
    return rng.uniform(0, 255)


def _mask(rng, pen, nose, crop) -> float:
    x, y = 0.24 * nose[0], 0.2 - 0.2 * nose[1]
    pen.ellipse(x, y + rng.normal(0, 0.03), rng.uniform(0.22, 0.36), rng.uniform(0.14, 0.24))
    return rng.choice([rng.uniform(150, 255), rng.uniform(0, 255)])


def _glasses(rng, pen, nose, crop) -> float:
    apart = 0.15 * np.sqrt(max(0.05, 1 - nose[0] ** 2))
    x, y = 0.28 * nose[0], -0.04 - 0.2 * nose[1] + rng.normal(0, 0.02)
    width, height = rng.uniform(0.09, 0.15), rng.uniform(0.05, 0.1)
    for side in (-apart, apart):
        pen.ellipse(x + side, y, width * np.sqrt(max(0.2, 1 - nose[0] ** 2)), height)
    pen.ellipse(x, y - height / 2, apart, 0.015)
    return rng.uniform(0, 70)


def border_cut(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Draws where a crop lies whose head the picture's border cuts.

    The detector's box is then of what is left of the head, and the square about it is
    moved inside the picture (`headpose.geometry.crops.squares`).

    Returns:
        The crop's centre from the head's (2,), x right, y down, and its side: both in
        sides of the crop of the whole head.
    """
    lost = rng.uniform(0.05, 0.48)
    direction = rng.choice(4, p=[0.35, 0.35, 0.1, 0.2])  # left, right, top, bottom is lost
    if direction < 2:
        side = 1.0
        centre = np.array([(lost - 0.5) * WIDTH + side / 2, 0.0])
    else:
        side = max(WIDTH / HEIGHT, 1 - lost)
        centre = np.array([0.0, max(lost * HEIGHT / 2, (lost - 0.5) * HEIGHT + side / 2)])
    return centre * (1 if direction % 2 == 0 else -1), side
