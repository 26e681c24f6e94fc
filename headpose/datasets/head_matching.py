"""Which detected head is which annotated one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from headpose.datasets.pose_annotations import HEAD, PoseAnnotation
from headpose.geometry.boxes import area, as_boxes, assign, centres, intersection

# What a face box as AFLW draws it (brows to chin) lacks of the head box at the left, top,
# right and bottom, as shares of its width or height: the medians over 1,190 HELEN photos
# that have both boxes. Pointing'04's boxes are taken to be drawn alike.
GROW = (0.03, 0.35, 0.03, -0.01)
NOT_GROWN = (0.0, 0.0, 0.0, 0.0)
SMALLEST_HEAD, LARGEST_HEAD = 0.5, 2.0  # sides of a detected head, in those of a grown face
MATCH = 0.4  # smallest score of a match, see `match_scores`
# How far behind the face's centre a profile's head has its own, in widths of the face: the
# median at a pan of ±90 over Pointing'04, growing evenly from 0 at the front. Its side is
# then 1.25 times that of a face grown as from the front.
PROFILE_SHIFT, PROFILE_SIDE = 0.55, 1.25
SEVERAL = "several detections and no rectangle to choose by"


def grown(faces: ArrayLike, grow: Sequence[float] = GROW) -> np.ndarray:
    """Returns the head boxes (N, 4) that face boxes (N, 4) belong to, by fixed shares."""
    faces = as_boxes(faces)
    extent = np.tile(faces[:, 2:] - faces[:, :2], 2)
    return faces + extent * np.array([-grow[0], -grow[1], grow[2], grow[3]], np.float32)


def match_scores(
    faces: ArrayLike,
    heads: ArrayLike,
    grow: Sequence[float] = GROW,
    pans: ArrayLike | None = None,
) -> np.ndarray:
    """Says how well each detected head fits each annotated face.

    IoU would not do: a face is about two thirds of its head, so that a right match scores
    little more than a shifted one.

    A head that is turned reaches back beyond the face: seen with a positive pan (toward
    the image's left) to the right. How far it does from an annotated box depends on how
    boxes were drawn at profiles, so that any place up to `PROFILE_SHIFT` counts as right.

    Args:
        faces: (N, 4), annotated.
        heads: (M, 4), detected.
        grow: Shares by which a face box grows to a head's: left, top, right, bottom.
        pans: (N,) of the faces in degrees; None takes them for frontal.

    Returns:
        (N, M) in 0..1: the share of the face inside the head, times 1 - the distance of
        the head's centre from the nearest right place in sides of the grown face; 0 where
        the head is smaller or larger than any head of that face.
    """
    faces, heads = as_boxes(faces), as_boxes(heads)
    expected = grown(faces, grow)
    side = np.sqrt(np.maximum(area(expected), 1e-6))[:, None]
    turned = np.zeros(len(faces)) if pans is None else np.asarray(pans, np.float64) / 90
    covered = intersection(faces, heads) / np.maximum(area(faces), 1e-6)[:, None]
    offset = centres(heads)[None] - centres(expected)[:, None]
    # Behind the face, the nearest place on the way to a profile's head is the right one.
    reach = (np.clip(turned, -1, 1) * PROFILE_SHIFT * (faces[:, 2] - faces[:, 0]))[:, None]
    offset[..., 0] -= np.clip(offset[..., 0], np.minimum(reach, 0), np.maximum(reach, 0))
    near = np.maximum(1 - np.linalg.norm(offset, axis=2) / side, 0)
    largest = 1 + (PROFILE_SIDE - 1) * np.minimum(np.abs(turned), 1)[:, None]
    scale = np.sqrt(area(heads))[None] / side
    return covered * near * ((scale >= SMALLEST_HEAD) & (scale <= LARGEST_HEAD * largest))


def match_heads(
    labelled: PoseAnnotation,
    detected: ArrayLike,
    grow: Sequence[float] = GROW,
    min_score: float = MATCH,
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs annotated heads with detections, one to one.

    In a data set that shows one person a picture the annotated centre decides: of the
    detections that hold it, the surest.

    Args:
        labelled: The annotated heads.
        detected: (M, 4), heads, the surest first.
        grow: See `match_scores`; of boxes that are heads' already nothing is grown.
        min_score: Smallest score of a match where several people may be in the picture.

    Returns:
        Rows of the annotated heads and of the detections, equally many.
    """
    detected = as_boxes(detected)
    faces, pans = labelled.boxes, labelled.angles[:, 1]
    grow = NOT_GROWN if labelled.box_kind == HEAD else grow
    placed = np.flatnonzero(np.isfinite(faces).all(axis=1))
    if len(faces) == 1 and not len(placed):
        # The only head, and nothing tells where: the only detection must be it.
        one = np.arange(1 if len(detected) == 1 else 0)
        return one, one
    scores = match_scores(faces[placed], detected, grow, pans[placed])
    if labelled.alone and len(placed) == 1 and len(detected):
        x, y = centres(faces[placed])[0]
        low, high = detected[:, :2], detected[:, 2:]
        holding = ((low <= (x, y)) & (high >= (x, y))).all(axis=1)
        if not holding.any():
            return placed[:0], placed[:0]
        # The surest of a plausible size; parts of a head score lower than the whole.
        best = np.lexsort((scores[0] == 0, ~holding))[0]
        return placed, np.array([best])
    rows, columns = assign(scores, min_score)
    return placed[rows], columns
