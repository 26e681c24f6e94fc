"""The heads of a data set, at labelled and at detected boxes, for measuring estimators."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from headpose.baselines.heads import ComparedHeads
from headpose.datasets.head_matching import GROW, NOT_GROWN, grown, match_heads
from headpose.datasets.label_tables import Problems
from headpose.datasets.pose_annotations import HEAD, PoseAnnotation
from headpose.datasets.problem_kinds import NO_PICTURE
from headpose.datasets.told_sizes import NOT_FOUND
from headpose.images.pictures import PictureError, read_image
from headpose.parallel.prefetch import ahead
from headpose.reporting import progress

# By how much papers' crops exceed the box of the landmarks at the left, top, right and
# bottom, in its widths and heights. `head` leads to a whole head's box, for estimators that
# were made for these; the others are those of the papers' own test scripts (AFLW2000 in
# deep-head-pose's datasets.py, 6DRepNet's datasets.py, FSA-Net's TYY_create_db_type1.py).
CROPS = {
    "head": GROW,
    "hopenet": (0.15, 0.6, 0.15, 0.06),
    "6drepnet": (0.4, 0.4, 0.4, 0.12),
    "fsa-net": (0.6, 0.6, 0.6, 0.6),
}
BATCH = 8  # pictures for the detector at once
NO_PLACE = "not found by the detector, and no labelled box: left out"


@dataclasses.dataclass(frozen=True)
class PlacedHeads:
    """Labelled heads at boxes of one kind.

    Attributes:
        boxes: What gave the boxes, as it is shown.
        heads: The heads.
        found: How many of them the detector found; None where the labels tell the boxes.
    """

    boxes: str
    heads: ComparedHeads
    found: int | None


def at_labels(pictures: Sequence[PoseAnnotation], crop: str = "head") -> PlacedHeads | None:
    """Returns the heads at their labelled boxes; None if no label has one.

    Args:
        pictures: As a reader gives them.
        crop: One of `CROPS`, for labels of faces; heads' boxes are taken as they are.
    """
    heads = _heads(pictures, [_head_boxes(p, crop) for p in pictures])
    return PlacedHeads(f"labels ({crop})", heads, None) if len(heads) else None


def at_detections(
    pictures: Sequence[PoseAnnotation], detector, problems: Problems
) -> PlacedHeads | None:
    """Returns the heads where a detector finds them; None if not one has a place.

    A head that it does not find keeps its labelled box, so that all estimators and
    detectors are measured on the same heads; how many it found is told.

    Args:
        pictures: As a reader gives them.
        detector: Of `headpose.detection.loading`.
        problems: Gets pictures that cannot be read, and heads that are not found.
    """
    usable: list[PoseAnnotation] = []
    boxes: list[np.ndarray] = []
    found = 0
    waiting: list[tuple[PoseAnnotation, np.ndarray]] = []

    def detect() -> None:
        nonlocal found
        detections = detector.detect([pixels for _, pixels in waiting])
        for (picture, _), (detected, _) in zip(waiting, detections, strict=True):
            placed = _head_boxes(picture, "head")
            rows, columns = match_heads(picture, detected)
            placed[rows] = detected[columns]
            found += len(rows)
            for row in np.setdiff1d(np.arange(len(placed)), rows):
                known = np.isfinite(placed[row]).all()
                problems.add(NOT_FOUND if known else NO_PLACE, picture.name)
            usable.append(picture)
            boxes.append(placed)
        waiting.clear()

    for picture, pixels in progress(
        ahead(_read, pictures, waiting=BATCH), "pictures", len(pictures)
    ):
        if isinstance(pixels, PictureError):
            problems.add(NO_PICTURE, picture.name)
            continue
        waiting.append((picture, pixels))
        if len(waiting) == BATCH:
            detect()
    if waiting:
        detect()
    heads = _heads(usable, boxes)
    return PlacedHeads("detector", heads, found) if len(heads) else None


def _read(picture: PoseAnnotation):
    try:
        return picture, read_image(picture.path)
    except PictureError as error:
        return picture, error


def _head_boxes(picture: PoseAnnotation, crop: str) -> np.ndarray:
    """Returns the boxes (N, 4) that labels tell of heads; NaN where they tell none."""
    return grown(picture.boxes, NOT_GROWN if picture.box_kind == HEAD else CROPS[crop])


def _heads(pictures: Sequence[PoseAnnotation], boxes: Sequence[np.ndarray]) -> ComparedHeads:
    """Joins the heads of all pictures, those without a place left out."""
    placed = [np.isfinite(b).all(axis=1) for b in boxes]
    counts = [int(p.sum()) for p in placed]
    paths = np.empty(sum(counts), object)
    paths[:] = [p.path for p, count in zip(pictures, counts, strict=True) for _ in range(count)]
    empty = [np.zeros((0, 4), np.float32)]
    angles = [p.angles[chosen] for p, chosen in zip(pictures, placed, strict=True)]
    return ComparedHeads(
        np.concatenate([np.zeros((0, 3)), *angles]).astype(np.float32),
        paths,
        np.concatenate(empty + [b[c] for b, c in zip(boxes, placed, strict=True)]),
        np.zeros(len(paths), bool),
    )
