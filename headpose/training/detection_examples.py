"""Training examples for detectors: zoomed crops of boxed pictures, and their targets.

Each example is a function of (seed, number) alone, so that training can be taken up
anywhere and gives the same result.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from headpose.datasets.detection_annotations import BoxedPicture
from headpose.detection.ssd import AnchorLevel
from headpose.geometry import boxes as box
from headpose.geometry.crops import resize
from headpose.images import textures
from headpose.images.pictures import PictureCache
from headpose.reporting import progress
from headpose.training import augmentation as augment

SMALLEST_HEAD = 8.0  # sqrt of area in pixels; smaller ones are neither head nor background
TARGET_SIZES = (9.0, 240.0)  # drawn log-uniformly, so that all sizes are equally frequent
TEXTURE_SHARE = 0.04  # of the examples are drawn textures without heads
LARGEST_ZOOM = 2.2  # beyond it, pixels show
SMALLEST_SHARE = 0.55  # of the crop's side that the picture's long side fills at least
IGNORED_SCORE = 0.3  # from which a detector's find counts as an unlabelled head
LONG_SIDE = 512  # to which pictures are scaled when detecting
POSITIVE_IOU, NEGATIVE_IOU, BEST_PRIOR_IOU = 0.45, 0.35, 0.2
LEAST_VISIBLE = 0.35  # share of a head that must be in the crop for it to be learned
AT_THE_BORDER = 0.15  # of the crops have their head at the border, perhaps cut by it


@dataclasses.dataclass(frozen=True)
class Source:
    """Pictures with their share of the training examples.

    `ignored` has boxes for each picture in which nothing is learned: heads that the
    labels leave out.
    """

    pictures: Sequence[BoxedPicture]
    share: float
    ignored: Sequence[np.ndarray] = ()

    @functools.cached_property
    def odds(self) -> np.ndarray:
        """How likely each picture is drawn: by the square root of its heads."""
        odds = np.sqrt([len(picture.boxes) for picture in self.pictures])
        return odds / odds.sum()


class DetectionExamples:
    """Draws crops of `size` x `size` with the targets of every prior.

    Args:
        sources: Where pictures come from.
        levels: The detector's priors.
        size: Side of the crops, a multiple of the largest step.
        seed: Of all draws.
        cache: Keeps decoded pictures.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        levels: Sequence[AnchorLevel],
        size: int,
        seed: int,
        cache: PictureCache,
    ):
        self.sources = sources
        self.levels = levels
        self.size = size
        self.seed = seed
        self._cache = cache
        shares = np.array([s.share for s in sources], np.float64)
        self._shares = shares / shares.sum()

    def batch(self, step: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns pictures uint8 (count, size, size, 3) and targets (count, N, 5).

        A target is the matched head's corners, then 1 (head), 0 (background) or
        -1 (ignored).
        """
        pictures = np.empty((count, self.size, self.size, 3), np.uint8)
        targets = []
        for i in range(count):
            picture, heads, ignored = self.example(step * count + i)
            pictures[i] = picture
            targets.append(assign_targets(heads, ignored, self.levels, self.size, self.size))
        return pictures, np.stack(targets)

    def example(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns a crop, the boxes of its heads, and the boxes to ignore."""
        rng = np.random.default_rng((self.seed, number))
        if rng.random() < TEXTURE_SHARE:
            none = box.as_boxes([])
            return augment.photometric(rng, textures.draw(rng, self.size)), none, none
        source = self.sources[rng.choice(len(self.sources), p=self._shares)]
        index = int(rng.choice(len(source.pictures), p=source.odds))
        item = source.pictures[index]
        ignored = source.ignored[index] if len(source.ignored) else box.as_boxes([])
        picture = self._cache.read(item.path)
        window = self._window(rng, item.boxes, picture.shape[1], picture.shape[0])
        crop = self._cut(rng, picture, window)
        heads, more = self._boxes_in(window, item.boxes)
        ignored = np.concatenate([self._to_crop(window, ignored), more])
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
            heads, ignored = (b[:, [2, 1, 0, 3]] for b in (heads, ignored))
            for b in (heads, ignored):
                b[:, [0, 2]] = self.size - b[:, [0, 2]]
        return augment.photometric(rng, np.ascontiguousarray(crop)), heads, ignored

    def _window(self, rng, boxes, width: int, height: int) -> np.ndarray:
        """Chooses which rectangle of the picture the crop shows."""
        head = boxes[rng.integers(len(boxes))]
        extent = head[2:] - head[:2]
        whole = self.size / max(width, height)
        kind = rng.random()
        if kind < 0.08:  # anywhere, at any zoom: mostly background
            scale = whole * np.exp(rng.uniform(0, np.log(max(LARGEST_ZOOM / whole, 1.01))))
            head = np.tile(rng.uniform(0, [width, height]), 2)
        elif kind < 0.50:  # a head at a size of our choice
            target = np.exp(rng.uniform(*np.log(TARGET_SIZES)))
            scale = target / np.sqrt(extent[0] * extent[1])
            scale = np.clip(scale, SMALLEST_SHARE * whole, max(LARGEST_ZOOM, whole))
        elif kind < 0.85:  # about as large as it will be when detecting
            scale = LONG_SIDE / max(width, height) * np.exp(rng.uniform(-0.3, 0.3))
        else:  # nearly the whole picture
            scale = whole * rng.uniform(0.75, 1.3)
        aspect = np.exp(rng.uniform(-0.13, 0.13) / 2)
        side = self.size / (scale * np.array([aspect, 1 / aspect]))
        # The head's centre mostly lands anywhere in the middle 70 % of the crop.
        place = rng.uniform(0.15, 0.85, 2)
        if rng.random() < AT_THE_BORDER:
            place[rng.integers(2)] = rng.choice([rng.uniform(-0.05, 0.1), rng.uniform(0.9, 1.05)])
        low = (head[:2] + head[2:]) / 2 - side * place
        # A window that could lie inside the picture mostly does.
        if rng.random() < 0.85:
            room = np.array([width, height]) - side
            low = np.where(room > 0, np.clip(low, 0, np.maximum(room, 0)), low)
        return np.concatenate([low, low + side])

    def _cut(self, rng, picture: np.ndarray, window: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        low = np.maximum(np.floor(window[:2]), 0).astype(int)
        high = np.minimum(np.ceil(window[2:]), [width, height]).astype(int)
        colour = rng.integers(0, 256) if rng.random() < 0.5 else 0
        canvas = np.full((self.size, self.size, 3), colour, np.uint8)
        if (high - low <= 0).any():
            return canvas
        part = picture[low[1] : high[1], low[0] : high[0]]
        placed = np.rint(self._to_crop(window, [[*low, *high]])[0]).astype(int)
        placed = np.clip(placed, 0, self.size)
        extent = placed[2:] - placed[:2]
        if (extent > 0).all():
            scaled = resize(part, tuple(extent.tolist()))
            canvas[placed[1] : placed[3], placed[0] : placed[2]] = scaled
        return canvas

    def _to_crop(self, window: np.ndarray, boxes) -> np.ndarray:
        low, side = np.tile(window[:2], 2), np.tile(window[2:] - window[:2], 2)
        return ((box.as_boxes(boxes) - low) / side * self.size).astype(np.float32)

    def _boxes_in(self, window, boxes) -> tuple[np.ndarray, np.ndarray]:
        """Splits boxes into heads (enough of them visible, cut to the crop) and others."""
        moved = self._to_crop(window, boxes)
        inside = box.clip(moved, self.size, self.size)
        visible = box.area(inside) / np.maximum(box.area(moved), 1e-6)
        is_head = (visible >= LEAST_VISIBLE) & (box.area(inside) >= SMALLEST_HEAD**2)
        return inside[is_head], inside[~is_head & (visible > 0)]


def assign_targets(
    heads: np.ndarray,
    ignored: np.ndarray,
    levels: Sequence[AnchorLevel],
    height: int,
    width: int,
) -> np.ndarray:
    """Matches priors with heads.

    A prior is positive for the head it overlaps most if that IoU is at least 0.45; the
    best prior of each head is positive from 0.2 on. Between 0.35 and 0.45, and where a
    prior overlaps an ignored box, nothing is learned; ignored boxes count as at least as
    large as the smallest prior, which they could not overlap enough otherwise.

    The IoU of a grid of equal priors separates into x and y, so the whole matrix of
    priors against heads is never built from corners.

    Returns:
        float32 (N, 5): matched corners and 1, 0 or -1, in the order of `ssd.priors`.
    """
    count = len(heads)
    smallest = min((shape for level in levels for shape in level.shapes), key=np.prod)
    every = np.concatenate([heads, _grown(ignored, smallest)]).astype(np.float32)
    areas = box.area(every)
    overlap, owner, offset = [], [], 0
    best = np.zeros((count, 3))  # IoU, shape's number, prior's number
    for level in levels:
        rows, columns = -(-height // level.step), -(-width // level.step)
        each = len(level.shapes)
        level_overlap = np.zeros((rows, columns, each), np.float32)
        level_owner = np.full((rows, columns, each), -1, np.int32)
        for k, (w, h) in enumerate(level.shapes):
            # Boxes of very different area cannot reach an IoU that counts.
            limit = np.minimum(areas, w * h) / np.maximum(np.maximum(areas, w * h), 1e-6)
            near = np.flatnonzero(limit >= BEST_PRIOR_IOU)
            if not len(near):
                continue
            x = _shared(columns, level.step, w, every[near, 0], every[near, 2])
            y = _shared(rows, level.step, h, every[near, 1], every[near, 3])
            shared = y[:, None, :] * x[None, :, :]
            values = shared / (w * h + areas[near] - shared)
            winner = values.argmax(axis=2)
            level_overlap[..., k] = np.take_along_axis(values, winner[..., None], 2)[..., 0]
            level_owner[..., k] = near[winner]
            flat = values.reshape(-1, len(near))
            top = flat.argmax(axis=0)
            for j, head in enumerate(near):
                if head < count and flat[top[j], j] > best[head, 0]:
                    best[head] = flat[top[j], j], k, offset + top[j] * each + k
        overlap.append(level_overlap.reshape(-1))
        owner.append(level_owner.reshape(-1))
        offset += rows * columns * each
    overlap, owner = np.concatenate(overlap), np.concatenate(owner)
    label = np.where(overlap >= POSITIVE_IOU, 1.0, np.where(overlap >= NEGATIVE_IOU, -1.0, 0.0))
    label[(owner >= count) & (overlap >= NEGATIVE_IOU)] = -1
    for head in np.flatnonzero(best[:, 0] >= BEST_PRIOR_IOU):
        prior = int(best[head, 2])
        label[prior], owner[prior] = 1, head
    targets = np.zeros((len(label), 5), np.float32)
    positive = label > 0
    if count:
        targets[positive, :4] = every[owner[positive]]
    targets[:, 4] = label
    return targets


def _grown(boxes: np.ndarray, least: tuple[float, float]) -> np.ndarray:
    """Grows boxes (N, 4) about their centres to at least a width and a height."""
    centres = box.centres(boxes)
    half = np.maximum(boxes[:, 2:] - boxes[:, :2], least) / 2
    return np.concatenate([centres - half, centres + half], axis=1)


def _shared(cells: int, step: int, extent: float, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Returns the length that each cell's prior shares with each box, (cells, M)."""
    middle = (np.arange(cells, dtype=np.float32)[:, None] + 0.5) * step
    shared = np.minimum(middle + extent / 2, high) - np.maximum(middle - extent / 2, low)
    return np.maximum(shared, 0)


def unlabelled(
    pictures: Sequence[BoxedPicture], detectors: Sequence, cache: PictureCache
) -> list[np.ndarray]:
    """Returns boxes in each picture where detectors see heads that no label has.

    Args:
        pictures: Pictures in which only some heads are labelled.
        detectors: Each anything with `detect`.
        cache: Keeps decoded pictures.
    """
    result = []
    for item in progress(pictures, "pictures"):
        picture = cache.read(item.path)
        finds = [detector.detect([picture], IGNORED_SCORE)[0][0] for detector in detectors]
        found = np.concatenate([box.as_boxes([]), *finds])
        known = box.intersection(found, item.boxes).max(axis=1) / np.maximum(box.area(found), 1)
        result.append(found[known < 0.3])
    return result
