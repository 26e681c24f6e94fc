"""Which part of a picture a training example of detectors shows, and its boxes there.

A window is a rectangle in pixels of the picture, possibly beyond its borders, that is
scaled to a square crop. Only what lies inside the bounds is shown: they are the picture
itself, or the part of it that an example takes for the whole picture.
"""

import numpy as np

from headpose.geometry import boxes as box
from headpose.geometry.crops import resize
from headpose.models.specs import LONG_SIDE

SMALLEST_HEAD = 8.0  # sqrt of area in pixels; smaller ones are neither head nor background
SMALLEST_TARGET, LARGEST_TARGET = 9.0, 0.9  # pixels; of the crop's side. Drawn log-uniformly
LARGEST_ZOOM = 2.2  # beyond it, pixels show
SMALLEST_SHARE = 0.7  # of the crop's side that the picture's long side fills at least
FALSE_WINDOWS = 0.5  # of the crops of a picture with false finds show one of them
MIN_VISIBLE = 0.35  # share of a head that must be in the crop for it to be learned
FILLS = 0.6  # share of the crop from which a head is learned however much of it is outside
AT_THE_BORDER = 0.2  # of the crops have their head at the border, perhaps cut by it
CLOSE_UP_SIZES = (0.5, 1.6)  # sides of that picture, of the head's
QUARTER_TURNS = 0.08  # of the crops are turned by 90 or 270 degrees


def choose_window(
    rng: np.random.Generator,
    heads: np.ndarray,
    false: np.ndarray,
    extent: np.ndarray,
    size: int,
) -> np.ndarray:
    """Draws a window.

    Args:
        rng: Where draws come from.
        heads: (N, 4), perhaps none.
        false: (M, 4), finds of a detector that are no heads, perhaps none.
        extent: Width and height of the picture.
        size: Side of the crop in pixels.

    Returns:
        xmin, ymin, xmax, ymax.
    """
    whole = size / extent.max()
    detecting = LONG_SIDE / extent.max()
    kind = rng.random()
    if len(false) and rng.random() < FALSE_WINDOWS:
        head = false[rng.integers(len(false))]
        scale = detecting * np.exp(rng.uniform(-0.4, 0.4))
    elif not len(heads) or kind < 0.08:  # anywhere, at any zoom: mostly background
        scale = whole * np.exp(rng.uniform(0, np.log(max(LARGEST_ZOOM / whole, 1.01))))
        head = np.tile(rng.uniform(0, extent), 2)
        if not len(heads) and kind < 0.6:
            scale = whole * rng.uniform(0.75, 1.3)
    else:
        head = heads[rng.integers(len(heads))]
        if kind < 0.50:  # a head at a size of our choice
            target = np.exp(rng.uniform(*np.log([SMALLEST_TARGET, LARGEST_TARGET * size])))
            scale = target / np.sqrt(np.prod(head[2:] - head[:2]))
            scale = np.clip(scale, SMALLEST_SHARE * whole, max(LARGEST_ZOOM, whole))
        elif kind < 0.85:  # about as large as it will be when detecting
            scale = detecting * np.exp(rng.uniform(-0.3, 0.3))
        else:  # nearly the whole picture
            scale = whole * rng.uniform(0.75, 1.3)
    aspect = np.exp(rng.uniform(-0.13, 0.13) / 2)
    side = size / (scale * np.array([aspect, 1 / aspect]))
    # The head's centre mostly lands anywhere in the middle 70 % of the crop.
    place = rng.uniform(0.15, 0.85, 2)
    if rng.random() < AT_THE_BORDER:
        place[rng.integers(2)] = rng.choice([rng.uniform(-0.05, 0.1), rng.uniform(0.9, 1.05)])
    low = (head[:2] + head[2:]) / 2 - side * place
    # A window that could lie inside the picture mostly does.
    if not len(heads) or rng.random() < 0.85:
        room = extent - side
        low = np.where(room > 0, np.clip(low, 0, np.maximum(room, 0)), low)
    return np.concatenate([low, low + side])


def close_up(rng: np.random.Generator, head: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Draws a part (4,) of a picture that a head nearly fills, or only a part of the head."""
    side = (head[2:] - head[:2]) * np.exp(rng.uniform(*np.log(CLOSE_UP_SIZES)))
    side = side * np.exp(rng.uniform(-0.15, 0.15, 2))
    # As much room as is left on both sides together is shared at random.
    middle = (head[:2] + head[2:]) / 2 + (head[2:] - head[:2]) * rng.uniform(-0.12, 0.12, 2)
    low = np.maximum(middle - side / 2, bounds[:2])
    high = np.minimum(middle + side / 2, bounds[2:])
    return np.concatenate([low, high])


def letterbox(rng: np.random.Generator, part: np.ndarray, size: int) -> np.ndarray:
    """Returns a window (4,) that shows a part as detecting shows a picture: nearly filling it.

    What is left of the crop is mostly at the right and at the bottom, as there.
    """
    side = np.full(2, (part[2:] - part[:2]).max() / rng.uniform(0.75, 1.0))
    low = part[:2]
    if rng.random() < 0.3:
        low = low - rng.uniform(0, 1, 2) * (side - (part[2:] - part[:2]))
    return np.concatenate([low, low + side])


def cut(
    rng: np.random.Generator,
    picture: np.ndarray,
    window: np.ndarray,
    bounds: np.ndarray,
    size: int,
) -> np.ndarray:
    """Returns what a window shows, uint8 (size, size, 3); beyond the bounds is one grey."""
    low = np.maximum(np.floor(window[:2]), np.floor(bounds[:2])).astype(int)
    high = np.minimum(np.ceil(window[2:]), np.ceil(bounds[2:])).astype(int)
    colour = rng.integers(0, 256) if rng.random() < 0.5 else 0
    canvas = np.full((size, size, 3), colour, np.uint8)
    if (high - low <= 0).any():
        return canvas
    part = picture[low[1] : high[1], low[0] : high[0]]
    placed = np.rint(to_crop(window, [[*low, *high]], size)[0]).astype(int)
    placed = np.clip(placed, 0, size)
    extent = placed[2:] - placed[:2]
    if (extent > 0).all():
        scaled = resize(part, tuple(extent.tolist()))
        canvas[placed[1] : placed[3], placed[0] : placed[2]] = scaled
    return canvas


def to_crop(window: np.ndarray, boxes, size: int) -> np.ndarray:
    """Returns boxes (N, 4) of a picture in pixels of the crop."""
    low, side = np.tile(window[:2], 2), np.tile(window[2:] - window[:2], 2)
    return ((box.as_boxes(boxes) - low) / side * size).astype(np.float32)


def visible_boxes(
    window: np.ndarray, bounds: np.ndarray, boxes: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits boxes into heads, cut to what is shown, and others that are partly shown.

    A head counts if enough of it is visible, or if it fills most of what is shown.
    """
    moved = to_crop(window, boxes, size)
    shown = np.clip(to_crop(window, [bounds], size)[0], 0, size)
    inside = np.clip(moved, np.tile(shown[:2], 2), np.tile(shown[2:], 2))
    visible = box.area(inside) / np.maximum(box.area(moved), 1e-6)
    fills = box.area(inside) >= FILLS * np.prod(shown[2:] - shown[:2])
    is_head = (visible >= MIN_VISIBLE) | fills
    is_head &= box.area(inside) >= SMALLEST_HEAD**2
    return inside[is_head], inside[~is_head & (visible > 0)]


def flip_or_turn(
    rng: np.random.Generator, crop: np.ndarray, *boxes: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Mirrors half of the crops, and turns some of them by a quarter, with their boxes."""
    size = crop.shape[0]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
        boxes = tuple(_mirrored(b, size) for b in boxes)
    if rng.random() < QUARTER_TURNS:
        # A transposed picture is a mirror image of a turned one, as likely as that itself.
        crop = crop.transpose(1, 0, 2)
        boxes = tuple(b[:, [1, 0, 3, 2]] for b in boxes)
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
            boxes = tuple(_mirrored(b, size) for b in boxes)
    return (crop, *boxes)


def _mirrored(boxes: np.ndarray, size: int) -> np.ndarray:
    return np.stack([size - boxes[:, 2], boxes[:, 1], size - boxes[:, 0], boxes[:, 3]], axis=1)
