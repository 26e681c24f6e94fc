"""Labels of heads: where they stand, and how they are written.

Text is written with the font that Pillow brings (Aileron), as OpenCV's has no degree sign.
"""

import functools
import itertools

import cv2
import numpy as np
from PIL import ImageFont

from headpose.geometry.boxes import as_boxes, intersection

FULL, SHORT = "full", "short"

# A picture is mostly seen whole on a screen about 1000 pixels high or wide: letters are so
# many pixels high there, and never so small that they could not be read at the full size;
# a crowd gets the smallest letters that can be read at all.
SEEN_SIDE, SEEN_HEIGHT, SMALL_HEIGHT, MIN_HEIGHT = 1000, 17, 13, 10
PLATE, INK, LEADER = (20, 20, 20), (255, 255, 255), (240, 240, 240)
PLATE_OPACITY = 0.78
FAR = 3.0  # label heights that a label may be away from its head
CROWDED = 0.25  # share of heads without room for their text from which all have numbers alone
AT_HEAD = 16  # of the candidates for a place, those that touch the head come first
HIDDEN = 0.12  # share of another head that a label may hide
MISREAD = 0.2  # what a label costs that stands nearer to another head than to its own


def label_height(long_side: int) -> int:
    """Returns the height of letters in pixels, for a picture of so many pixels' long side."""
    return max(SMALL_HEIGHT, round(long_side * SEEN_HEIGHT / SEEN_SIDE))


@functools.lru_cache(maxsize=8)
def _font(height: int):
    return ImageFont.load_default(height)


@functools.lru_cache(maxsize=512)
def text_mask(text: str, height: int) -> np.ndarray:
    """Returns a text as opacity, uint8 (h, w); all texts of a height stand on one line."""
    font = _font(height)
    # The spaces of this font are too narrow to part words of a few pixels.
    mask, (left, top) = font.getmask2(text.replace(" ", "  "), mode="L", anchor="ls")
    wide, high = mask.size
    ascent, descent = font.getmetrics()
    result = np.zeros((ascent + descent, wide + max(0, left)), np.uint8)
    glyphs = np.asarray(mask, np.uint8).reshape(high, wide)
    first = ascent + top
    cut = glyphs[max(0, -first) :][: result.shape[0] - max(0, first)]
    result[max(0, first) : max(0, first) + len(cut), max(0, left) :] = cut
    # Room above capitals and below descenders would only hide the picture.
    rows = slice(
        max(0, ascent - round(0.8 * height)), min(len(result), ascent + round(0.25 * height))
    )
    return result[rows]


def draw_labels(canvas: np.ndarray, boxes: np.ndarray, texts: list[str], short: list[str]) -> None:
    """Writes a label for each head where it hides no other.

    A label stands at its head; where there is no room, a little off with a line that leads
    to it. Where too many find no room at all, all labels are short.

    Args:
        canvas: uint8 (H, W, 3), BGR, drawn on.
        boxes: (N, 4), pixels.
        texts: What the labels say.
        short: What they say in a crowd.
    """
    size = canvas.shape[1], canvas.shape[0]
    height = label_height(max(size))
    for words, tall in ((texts, height), (short, height), (short, MIN_HEIGHT)):
        sizes = [_plate_size(word, tall) for word in words]
        places, cramped = place_labels(boxes, sizes, size)
        if cramped <= CROWDED * len(boxes):
            break
    _leaders(canvas, boxes, places, max(1, tall // 12))
    for word, place in zip(words, places, strict=True):
        _plate(canvas, word, place, tall)


def _plate_size(text: str, height: int) -> tuple[int, int]:
    """Returns width and height of a label."""
    mask = text_mask(text, height)
    return mask.shape[1] + height // 2, mask.shape[0] + 2


def place_labels(
    boxes: np.ndarray, sizes: list[tuple[int, int]], picture: tuple[int, int]
) -> tuple[list[tuple[int, int, int, int]], int]:
    """Finds a place for each label, those of large heads first.

    Args:
        boxes: Of the heads, (N, 4), pixels.
        sizes: Width and height of each label.
        picture: Width and height.

    Returns:
        Boxes of the labels, pixels, and how many found no place at their head where they
        hide neither another label nor much of a head.
    """
    result: list[tuple[int, int, int, int]] = [(0, 0, 0, 0)] * len(boxes)
    placed = np.zeros((0, 4), np.float32)
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 1), axis=1)
    cramped = 0
    for i in np.argsort(-areas, kind="stable"):
        candidates = _candidates(boxes[i], sizes[i], picture)
        area = sizes[i][0] * sizes[i][1]
        over_labels = intersection(candidates, placed).sum(axis=1) / area
        shares = intersection(candidates, boxes) / areas
        own = shares[:, i].copy()
        shares[:, i] = 0
        hidden = shares.max(axis=1, initial=0)
        beside = _beside(candidates, boxes, sizes[i][1])
        own_side = beside[:, i].copy()
        beside[:, i] = 0
        misread = beside.max(axis=1, initial=0) > own_side
        # Earlier candidates are nearer; what hides is worse than any distance.
        cost = np.arange(len(candidates)) * 1e-3 + 4 * over_labels + 3 * hidden + 0.5 * own
        cost += MISREAD * misread
        best = int(np.argmin(cost))
        off = best >= AT_HEAD
        cramped += bool(off or over_labels[best] > 0.02 or hidden[best] > HIDDEN)
        x0, y0, x1, y1 = (int(v) for v in candidates[best])
        result[i] = x0, y0, x1, y1
        placed = np.concatenate([placed, as_boxes([result[i]])])
    return result, cramped


def _beside(labels: np.ndarray, boxes: np.ndarray, high: float) -> np.ndarray:
    """Returns how much of each label (M, 4) stands within its height of each head: (M, N)."""
    wider = np.array([-1, -1, 1, 1], np.float32) * high / 2
    return intersection(labels + wider, boxes + wider)


def _candidates(box: np.ndarray, size: tuple[int, int], picture: tuple[int, int]) -> np.ndarray:
    """Returns places for a label (N, 4), nearest first, all within the picture."""
    x0, y0, x1, y1 = (float(v) for v in box)
    wide, high = size
    middle, centre = (x0 + x1 - wide) / 2, (y0 + y1 - high) / 2
    places = []
    for step in np.linspace(0, FAR, 7):
        off = step * high
        above, below, left, right = (
            y0 - high - 1 - off,
            y1 + 1 + off,
            x0 - wide - 1 - off,
            x1 + 1 + off,
        )
        across = (x0, middle, x1 - wide, (x0 + x1) / 2, (x0 + x1) / 2 - wide)
        places += [(x, above) for x in across]
        places += [(x, below) for x in across]
        places += [(right, y) for y in (y0, centre, y1 - high)]
        places += [(left, y) for y in (y0, centre, y1 - high)]
        if step:
            places += list(itertools.product((left, right), (above, below)))
    places += [(x0 + 1, y0 + 1), (x0 + 1, y1 - high - 1)]
    corners = np.rint(np.array(places))
    limit = np.maximum(np.array(picture) - size, 0)
    inside = np.clip(corners, 0, limit)
    return np.concatenate([inside, inside + size], axis=1).astype(np.float32)


def _leaders(
    canvas: np.ndarray, boxes: np.ndarray, places: list[tuple[int, int, int, int]], line: int
) -> None:
    """Draws lines from labels to their heads, behind all heads: in a crowd they would hide some."""
    before = canvas.copy()
    for box, place in zip(boxes, places, strict=True):
        _leader(canvas, box, place, line)
    for x0, y0, x1, y1 in np.rint(np.maximum(boxes, 0)).astype(int):
        canvas[y0:y1, x0:x1] = before[y0:y1, x0:x1]


def _leader(
    canvas: np.ndarray, box: np.ndarray, place: tuple[int, int, int, int], line: int
) -> None:
    """Draws a line from a label to its head, if they do not touch."""
    x0, y0, x1, y1 = place
    near = np.clip([(x0 + x1) / 2, (y0 + y1) / 2], box[:2], box[2:])
    start = np.clip(near, [x0, y0], [x1, y1])
    if np.abs(near - start).max() <= 2 + line:
        return
    here, there = ([int(v) for v in np.rint(p)] for p in (start, near))
    cv2.line(canvas, here, there, PLATE, line + 2, cv2.LINE_AA)
    cv2.line(canvas, here, there, LEADER, line, cv2.LINE_AA)


def _plate(canvas: np.ndarray, text: str, place: tuple[int, int, int, int], height: int) -> None:
    """Writes a text on a dark plate through which the picture still shines."""
    x0, y0, x1, y1 = place
    part = canvas[y0:y1, x0:x1]
    if not part.size:
        return
    mask = np.zeros((y1 - y0, x1 - x0), np.float32)
    glyphs = text_mask(text, height)
    left = height // 4
    room = mask[1 : 1 + glyphs.shape[0], left : left + glyphs.shape[1]]
    room[:] = glyphs[: room.shape[0], : room.shape[1]] / 255
    mask = mask[: part.shape[0], : part.shape[1], None]
    ground = part * (1 - PLATE_OPACITY) + np.array(PLATE, np.float32) * PLATE_OPACITY
    part[:] = np.rint(ground * (1 - mask) + np.array(INK, np.float32) * mask).astype(np.uint8)
