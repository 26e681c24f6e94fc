"""Which labelled heads of a table can be used: the same for learning, measuring and calibrating."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from headpose.datasets.label_tables import Problems
from headpose.datasets.problem_kinds import NO_PICTURE, OUTSIDE
from headpose.datasets.told_sizes import OTHER_SIZE, of_other_size
from headpose.errors import PictureError
from headpose.geometry.boxes import can_show
from headpose.images.drawn_mark import read_photo

MIN_BOX_SIDE = 4  # pixels; a box that is less wide or high shows no head


def has_place(boxes: np.ndarray) -> np.ndarray:
    """Tells which boxes (N, 4) are known and have sides of `MIN_BOX_SIDE` or more, (N,)."""
    return np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] - boxes[:, :2] >= MIN_BOX_SIDE).all(
        axis=1
    )


def add_each(problems: Problems, kind: str, names: Iterable[object]) -> None:
    """Notes a problem of each of several heads, by the names of their pictures."""
    for name in names:
        problems.add(kind, str(name))


def photo_of(file: Path, problems: Problems) -> np.ndarray | None:
    """Reads a picture as `read_photo` does; None, with a note of it, if that fails."""
    try:
        return read_photo(file)
    except PictureError as error:
        problems.add(NO_PICTURE, str(error))
        return None


def in_picture(
    boxes: np.ndarray,
    sizes: np.ndarray | None,
    picture: np.ndarray,
    names: np.ndarray,
    problems: Problems,
) -> np.ndarray:
    """Tells which heads can be in a picture, (N,); notes those that cannot.

    Args:
        boxes: (N, 4), pixels.
        sizes: Width and height (N, 2) that the picture should have, NaN where the table does
            not tell, see `headpose.datasets.told_sizes`; None if it tells none.
        picture: (H, W, 3).
        names: (N,), of the heads' pictures, as they are to be told.
        problems: Gets `OTHER_SIZE`, and `OUTSIDE` of the others.
    """
    height, width = picture.shape[:2]
    other = np.zeros(len(boxes), bool) if sizes is None else of_other_size(sizes, width, height)
    add_each(problems, OTHER_SIZE, names[other])
    outside = ~other & ~can_show(boxes, width, height)
    add_each(problems, OUTSIDE, names[outside])
    return ~(other | outside)
