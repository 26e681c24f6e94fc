"""Candidates of detectors in labelled pictures, and crops of them to train a classifier with.

Each example is a function of (seed, number) alone, so that training can be taken up
anywhere and gives the same result.
"""

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from headpose.datasets.detection_annotations import DetectionAnnotation
from headpose.geometry import boxes as box
from headpose.geometry.crops import head_crops
from headpose.images.picture_cache import PictureCache
from headpose.models.specs import LONG_SIDE, ClassifierSpec
from headpose.reporting import progress
from headpose.training import augmentation as augment

LOWEST_CANDIDATE = 0.04  # score: a detector has some 60 finds above that in a picture
HEAD_IOU, OTHER_IOU = 0.55, 0.3  # with a label: from which a find is a head; below which none
# A find as sure as that is more likely a head that the labels left out.
SUREST_FALSE = 0.85
SAME_FIND = 0.6  # IoU of finds of two detectors
MAX_HEADS, MAX_FALSE = 12, 12  # of a picture, the surest
# Pixels of a labelled head in a picture with a long side of 512: what the first stage finds
# there, and what it finds in tiles.
SMALL, TINY = 9.0, 5.0
HEAD_SHARE = 0.55  # of the examples from sources that have heads
# Of the box's longer side: how far examples are moved; logarithm of how far they are scaled.
SHIFT, ZOOM = 0.06, 0.1
TURN = 12.0  # degrees, of half of the examples
LOW_RESOLUTION = 0.4  # share of the examples
MIN_RESOLUTION = 0.15  # of a crop's side
# Share of the examples that fill their picture, as in close-ups, where they are large enough
# to be sharp, in pixels; how far their picture then reaches, times the box's longer side.
CLOSE_UP, SHARP, REACH = 0.25, 48.0, (0.75, 1.4)


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Boxes in pictures that are heads, or that detectors took for heads.

    Attributes:
        pictures: Where they are.
        share: Of the training examples.
        boxes: (N, 4), pixels of their picture.
        of: (N,), the index of each one's picture.
        heads: (N,), whether each is a head.
        odds: (N,), how often each is shown among those of its kind.
    """

    pictures: Sequence[DetectionAnnotation]
    share: float
    boxes: np.ndarray
    of: np.ndarray
    heads: np.ndarray
    odds: np.ndarray


def find_candidates(
    pictures: Sequence[DetectionAnnotation],
    share: float,
    detectors: Sequence,
    cache: PictureCache,
) -> Candidates:
    """Searches labelled pictures with several detectors.

    Args:
        pictures: Pictures in which every head is labelled.
        share: Of the training examples.
        detectors: Each anything with `detect`.
        cache: Keeps decoded pictures.
    """
    boxes, of, heads, odds = [], [], [], []
    for index, item in enumerate(progress(pictures, "pictures")):
        picture = cache.read(item.path)
        true, false, scores = _judged(item, picture, detectors)
        for rows, is_head, often in (
            (true, True, np.ones(len(true))),
            # The surer a mistake, the oftener; none is shown hardly ever.
            (false, False, LOWEST_CANDIDATE + np.sqrt(scores)),
        ):
            boxes.append(rows)
            of.append(np.full(len(rows), index))
            heads.append(np.full(len(rows), is_head))
            odds.append(often)
    empty = box.as_boxes([])
    return Candidates(
        pictures,
        share,
        np.concatenate([empty, *boxes]),
        np.concatenate([np.zeros(0, int), *of]),
        np.concatenate([np.zeros(0, bool), *heads]),
        np.concatenate([np.zeros(0), *odds]),
    )


def _judged(
    item: DetectionAnnotation, picture: np.ndarray, detectors: Sequence
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns heads (N, 4), finds that are none (M, 4), and the scores of these."""
    finds = [detector.detect([picture], LOWEST_CANDIDATE)[0] for detector in detectors]
    boxes = np.concatenate([box.as_boxes([]), *(found for found, _ in finds)])
    scores = np.concatenate([np.zeros(0, np.float32), *(told for _, told in finds)])
    kept = box.nms(boxes, scores, SAME_FIND, containment=1.0)
    boxes, scores = boxes[kept], scores[kept]
    overlap = box.iou(boxes, item.boxes).max(axis=1, initial=0.0)
    false = (overlap < OTHER_IOU) & (box.iou(boxes, item.ignored).max(axis=1, initial=0.0) == 0)
    if len(item.boxes):
        false &= scores < SUREST_FALSE
    false = np.flatnonzero(false)[:MAX_FALSE]  # the surest are first
    size = np.sqrt(box.area(item.boxes)) * LONG_SIDE / max(picture.shape[:2])
    labelled = item.boxes[size >= SMALL][:MAX_HEADS]
    tiny = item.boxes[(size >= TINY) & (size < SMALL)][:MAX_HEADS]
    true = np.concatenate([boxes[overlap >= HEAD_IOU][:MAX_HEADS], labelled, tiny])
    return true, boxes[false], scores[false]


class CandidateExamples:
    """Draws crops of candidates with 1 (head) or 0.

    Args:
        sources: Where candidates come from.
        spec: How crops are cut.
        seed: Of all draws.
        cache: Keeps decoded pictures.
    """

    def __init__(
        self, sources: Sequence[Candidates], spec: ClassifierSpec, seed: int, cache: PictureCache
    ):
        self._spec, self._seed, self._cache = spec, seed, cache
        # For each kind of each source: its share, its candidates, and how likely each is.
        self._kinds = []
        for source in sources:
            for is_head in (True, False):
                rows = np.flatnonzero(source.heads == is_head)
                if not len(rows):
                    continue
                part = 1.0
                if not source.heads.all() and source.heads.any():
                    part = HEAD_SHARE if is_head else 1 - HEAD_SHARE
                likely = np.cumsum(source.odds[rows])
                kind = (source, is_head, rows, likely / likely[-1])
                self._kinds.append((source.share * part, kind))
        shares = np.array([share for share, _ in self._kinds], np.float64)
        self._shares = shares / shares.sum()

    def batch(self, step: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns crops uint8 (count, size, size, 3) and whether each is a head (count, 1)."""
        size = self._spec.size
        crops = np.empty((count, size, size, 3), np.uint8)
        heads = np.empty((count, 1), np.float32)
        for i in range(count):
            crops[i], heads[i] = self.example(step * count + i)
        return crops, heads

    def example(self, number: int) -> tuple[np.ndarray, bool]:
        """Returns a crop and whether it is a head."""
        rng = np.random.default_rng((self._seed, number))
        _, (source, is_head, rows, likely) = self._kinds[
            rng.choice(len(self._kinds), p=self._shares)
        ]
        row = rows[min(int(np.searchsorted(likely, rng.random())), len(rows) - 1)]
        picture = self._cache.read(source.pictures[source.of[row]].path)
        moved = _moved(rng, source.boxes[row])
        if np.min(moved[2:] - moved[:2]) >= SHARP and rng.random() < CLOSE_UP:
            picture, moved = _close_up(rng, picture, moved)
        spec = self._spec
        crop = head_crops(picture, [moved], spec.size, spec.side, spec.margin, grey=False)[0]
        return _changed(rng, crop), is_head


def _moved(rng: np.random.Generator, corners: np.ndarray) -> np.ndarray:
    """Moves and scales a box a little."""
    low, high = np.split(corners.astype(np.float64), 2)
    half = (high - low) / 2 * np.exp(rng.normal(0, ZOOM))
    middle = (low + high) / 2 + rng.normal(0, SHIFT, 2) * (high - low).max()
    return np.concatenate([middle - half, middle + half])


def _close_up(
    rng: np.random.Generator, picture: np.ndarray, corners: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a picture to little more or less than a box; returns it and the box in it."""
    half = (corners[2:] - corners[:2]).max() / 2 * rng.uniform(*REACH, 2)
    middle = (corners[:2] + corners[2:]) / 2
    size = np.array(picture.shape[1::-1])
    low = np.clip(np.floor(middle - half).astype(int), 0, size - 1)
    high = np.clip(np.ceil(middle + half).astype(int), low + 1, size)
    kept = picture[low[1] : high[1], low[0] : high[0]]
    return kept, corners - np.tile(low, 2)


def _changed(rng: np.random.Generator, crop: np.ndarray) -> np.ndarray:
    """Mirrors, turns and coarsens a crop, and changes its light and colours."""
    size = crop.shape[0]
    if rng.random() < 0.5:
        crop = np.ascontiguousarray(crop[:, ::-1])
    if rng.random() < 0.5:
        middle = (size - 1) / 2
        turn = cv2.getRotationMatrix2D((middle, middle), rng.uniform(-TURN, TURN), 1.0)
        crop = cv2.warpAffine(crop, turn, (size, size), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < LOW_RESOLUTION:
        small = max(6, round(size * rng.uniform(MIN_RESOLUTION, 0.8)))
        crop = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
        crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR)
    return augment.photometric(rng, crop)
