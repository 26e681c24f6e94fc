"""Training examples for detectors: zoomed crops of boxed pictures, and their targets.

Each example is a function of (seed, number) alone, so that training can be taken up
anywhere and gives the same result.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from headpose.datasets.detection_annotations import DetectionAnnotation
from headpose.detection.ssd import AnchorLevel
from headpose.geometry import boxes as box
from headpose.images import textures
from headpose.images.picture_cache import PictureCache
from headpose.models.specs import LONG_SIDE
from headpose.reporting import progress
from headpose.training import augmentation as augment
from headpose.training import distractors
from headpose.training.detection_config import COLOURLESS
from headpose.training.detection_targets import assign_targets
from headpose.training.detection_windows import (
    choose_window,
    close_up,
    cut,
    flip_or_turn,
    letterbox,
    to_crop,
    visible_boxes,
)

TEXTURE_SHARE = 0.05  # of the examples are drawn textures without heads
IGNORED_SCORE = 0.3  # from which a detector's find counts as an unlabelled head
FALSE_SCORE = 0.4  # from which a detector's find where there is no head is learned from
MAX_FALSE = 5  # false finds that make a picture more frequent
KNOWN_SHARE = 0.3  # of a find, from which it belongs to a labelled head
# Of the crops show a picture that one head fills, or more than that, or something else where
# no head is; most of them are large crops, because heads are as large as that when detecting.
CLOSE_UPS, LARGE_CLOSE_UPS = 0.05, 0.35
MIN_CLOSE_UP = 40.0  # pixels; what is smaller is not blown up so much


@dataclasses.dataclass(frozen=True)
class Source:
    """Pictures with their share of the training examples.

    `false` has boxes for each picture where a detector found heads that are none, if
    that is known; these are shown more often.
    """

    pictures: Sequence[DetectionAnnotation]
    share: float
    false: Sequence[np.ndarray] = ()

    @functools.cached_property
    def odds(self) -> np.ndarray:
        """How likely each picture is drawn: by the square root of its heads.

        Pictures without heads count as with one; false finds, up to 5, each add as
        much again for a picture without heads.
        """
        odds = np.sqrt([max(len(picture.boxes), 1) for picture in self.pictures])
        if len(self.false):
            odds += np.minimum([len(boxes) for boxes in self.false], MAX_FALSE)
        return odds / odds.sum()


class DetectionExamples:
    """Draws crops of `size` x `size` with the targets of every prior.

    Args:
        sources: Where pictures come from.
        levels: The detector's priors.
        size: Side of the crops, a multiple of the largest step.
        seed: Of all draws.
        cache: Keeps decoded pictures.
        large_size: Side of the crops of some batches, with as many pixels in all; small
            crops show no heads as large as those that fill a picture when detecting.
        large_every: One batch in so many has large crops; 0 has none.
        colourless: Probability of a crop without colour.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        levels: Sequence[AnchorLevel],
        size: int,
        seed: int,
        cache: PictureCache,
        large_size: int = LONG_SIDE,
        large_every: int = 0,
        colourless: float = COLOURLESS,
    ):
        self.sources = sources
        self.levels = levels
        self.size = size
        self.seed = seed
        self._cache = cache
        self._colourless = colourless
        self._large = large_size, large_every
        # Finds where nobody is; elsewhere some are heads that the labels left out.
        self._false = [
            (source, i)
            for source in sources
            for i, false in enumerate(source.false)
            if len(false) and not len(source.pictures[i].boxes)
        ]
        shares = np.array([s.share for s in sources], np.float64)
        self._shares = shares / shares.sum()

    def batch(self, step: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns pictures uint8 (count, size, size, 3) and targets (count, N, 5).

        A target is the matched head's corners, then 1 (head), 0 (background) or
        -1 (ignored). Batches of large crops have fewer of them, at the same cost.
        """
        pictures, targets, _ = self.batch_and_plain(step, count)
        return pictures, targets

    def batch_and_plain(self, step: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns what `batch` does, and the pictures with light and colours as they were."""
        size, (large, every) = self.size, self._large
        numbers = range(step * count, (step + 1) * count)
        if every and step % every == 0:
            numbers = numbers[: max(1, count * size**2 // large**2)]
            size = large
        plain = np.empty((len(numbers), size, size, 3), np.uint8)
        pictures = np.empty_like(plain)
        targets = []
        for i, number in enumerate(numbers):
            rng = np.random.default_rng((self.seed, number))
            plain[i], heads, ignored = self._scene(rng, size)
            pictures[i] = augment.photometric(rng, plain[i], self._colourless)
            targets.append(assign_targets(heads, ignored, self.levels, size, size))
        return pictures, np.stack(targets), plain

    def example(
        self, number: int, size: int | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns a crop, the boxes of its heads, and the boxes to ignore."""
        rng = np.random.default_rng((self.seed, number))
        crop, heads, ignored = self._scene(rng, size or self.size)
        return augment.photometric(rng, crop, self._colourless), heads, ignored

    def _scene(
        self, rng: np.random.Generator, size: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns what `example` does, with light and colours as they are."""
        if rng.random() < TEXTURE_SHARE:
            none = box.as_boxes([])
            return textures.draw(rng, size), none, none
        source = self.sources[rng.choice(len(self.sources), p=self._shares)]
        index = int(rng.choice(len(source.pictures), p=source.odds))
        item = source.pictures[index]
        picture = self._cache.read(item.path)
        whole = np.array([0, 0, picture.shape[1], picture.shape[0]], np.float64)
        false = source.false[index] if len(source.false) else box.as_boxes([])
        filling = _filling(rng, item.boxes, false, whole[2:])
        close_ups = CLOSE_UPS if size <= self.size else LARGE_CLOSE_UPS
        if len(filling) and rng.random() < close_ups:
            whole = close_up(rng, filling[rng.integers(len(filling))], whole)
            window = letterbox(rng, whole, size)
        else:
            window = choose_window(rng, item.boxes, false, whole[2:], size)
        crop = cut(rng, picture, window, whole, size)
        heads, ignored = visible_boxes(window, whole, item.boxes, size)
        ignored = np.concatenate([ignored, to_crop(window, item.ignored, size)])
        if rng.random() < distractors.SHARE:
            taken = np.concatenate([heads, ignored])
            distractors.add(rng, crop, taken, self._false_piece(rng))
        crop, heads, ignored = flip_or_turn(rng, crop, heads, ignored)
        return np.ascontiguousarray(crop), heads, ignored

    def _false_piece(self, rng: np.random.Generator) -> np.ndarray | None:
        """Returns what a detector took for a head somewhere; None where nothing is known."""
        if not self._false:
            return None
        source, index = self._false[rng.integers(len(self._false))]
        found = source.false[index]
        picture = self._cache.read(source.pictures[index].path)
        low, high = np.split(found[rng.integers(len(found))], 2)
        grown = rng.uniform(0, 0.15) * (high - low)
        low = np.maximum(low - grown, 0).astype(int)
        high = np.minimum(high + grown, picture.shape[1::-1]).astype(int)
        return picture[low[1] : high[1], low[0] : high[0]]


def _filling(
    rng: np.random.Generator, heads: np.ndarray, false: np.ndarray, extent: np.ndarray
) -> np.ndarray:
    """Returns boxes (N, 4) that a close-up can show: heads that are large enough.

    Where no head is, they are what was taken for one, or else any part of the picture: what
    fills its picture is not a head for that alone.

    Args:
        rng: Where draws come from.
        heads, false: See `choose_window`.
        extent: Width and height of the picture.
    """
    large = heads if len(heads) else false
    large = large[np.sqrt(box.area(large)) >= MIN_CLOSE_UP]
    if len(large) or len(heads):
        return large
    side = extent.min() * rng.uniform(0.2, 1.0)
    low = rng.uniform(0, 1, 2) * (extent - side)
    part = np.concatenate([low, low + side])
    return part[None] if side >= MIN_CLOSE_UP else large


def with_unlabelled(
    pictures: Sequence[DetectionAnnotation], detectors: Sequence, cache: PictureCache
) -> list[DetectionAnnotation]:
    """Returns pictures in which heads that no label has, but detectors see, are ignored.

    Args:
        pictures: Pictures in which only some heads are labelled.
        detectors: Each anything with `detect`.
        cache: Keeps decoded pictures.
    """
    result = []
    for item in progress(pictures, "pictures"):
        found = _away_from_heads(item, detectors, IGNORED_SCORE, cache)
        ignored = np.concatenate([item.ignored, found])
        result.append(dataclasses.replace(item, ignored=ignored))
    return result


def false_finds(
    pictures: Sequence[DetectionAnnotation], detector, cache: PictureCache
) -> list[np.ndarray]:
    """Returns the boxes (N, 4) in each picture where a detector sees heads that are none.

    Args:
        pictures: Pictures in which every head is labelled.
        detector: Anything with `detect`.
        cache: Keeps decoded pictures.
    """
    return [
        _away_from_heads(item, [detector], FALSE_SCORE, cache)
        for item in progress(pictures, "pictures")
    ]


def _away_from_heads(item: DetectionAnnotation, detectors, score: float, cache) -> np.ndarray:
    """Returns finds that share little with what is labelled or ignored."""
    picture = cache.read(item.path)
    finds = [detector.detect([picture], score)[0][0] for detector in detectors]
    found = np.concatenate([box.as_boxes([]), *finds])
    known = np.concatenate([item.boxes, item.ignored])
    if not len(known):
        return found
    shared = box.intersection(found, known).max(axis=1) / np.maximum(box.area(found), 1)
    return found[shared < KNOWN_SHARE]
