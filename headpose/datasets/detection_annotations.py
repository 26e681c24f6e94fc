"""Pictures with head boxes, for training and measuring detectors.

The layouts that are read, and how they say what they say, are in
`headpose.datasets.box_formats`; here their rows are checked against the pictures.
"""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from headpose.datasets.box_formats import read_box_rows
from headpose.datasets.box_rows import BoxRow, Rows, picture_folder
from headpose.datasets.label_tables import Problems, SourceName
from headpose.datasets.picture_finder import PictureFinder
from headpose.datasets.problem_kinds import MISSING_PICTURE, UNREADABLE_PICTURE
from headpose.datasets.repeated_rows import place_of
from headpose.datasets.told_sizes import OTHER_SIZE, of_other_size
from headpose.errors import HeadposeError, PictureError
from headpose.geometry.boxes import as_boxes
from headpose.images.drawn_mark import DRAWING, is_drawing
from headpose.images.pictures import read_image
from headpose.parallel.prefetch import ahead
from headpose.reporting import progress

__all__ = ["DetectionAnnotation", "picture_folder", "read_detection_annotations"]


@dataclasses.dataclass(frozen=True)
class DetectionAnnotation:
    """A picture file and the boxes of all heads in it, in its pixels.

    Attributes:
        path: The file.
        boxes: float32 (N, 4), heads; none where the picture shows nobody.
        ignored: float32 (M, 4), where nothing is to be learned or counted.
        tags: For each kind of tag that the labels have (`view`, `headgear`), what it
            says of each head, N texts, empty where it says nothing.
    """

    path: Path
    boxes: np.ndarray
    ignored: np.ndarray = dataclasses.field(default_factory=lambda: as_boxes([]))
    tags: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


def read_detection_annotations(
    source: str | Path | SourceName, limit: int | None = None
) -> tuple[list[DetectionAnnotation], Problems]:
    """Reads labelled pictures of any layout in `headpose.datasets.box_formats`.

    Args:
        source: The file or folder; `labels.csv#train` takes a part of it, or a class.
        limit: So many pictures that can be used are looked for, from the first on; None for all.

    Returns:
        The pictures that can be used, in the order of the source, and what could not.
        Boxes that pass the border are cut to it.

    Raises:
        HeadposeError: If the source is missing or has not one usable picture.
    """
    named = source if isinstance(source, SourceName) else SourceName.parse(str(source))
    problems = Problems()
    folder, rows = read_box_rows(named.path, named.part, problems)
    rows = _by_picture(folder, rows, problems)

    def check(item: tuple[str, list[BoxRow]]) -> tuple[DetectionAnnotation | None, Problems]:
        (name, boxes), own = item, Problems()
        return _check(folder / name, name, boxes, own), own

    found: list[DetectionAnnotation] = []
    some = len(rows) if limit is None else min(limit, len(rows))
    # Those that are looked at ahead of use have problems of their own, which may not be told.
    for picture, own in progress(ahead(check, rows.items()), "pictures", some):
        problems.include(own)
        if picture is not None:
            found.append(picture)
        if len(found) == limit:
            break
    if not found:
        told = "; ".join(problems.lines())
        raise HeadposeError(
            f"{named.path}: no usable picture in {folder}; {told or 'it has no rows'}"
        )
    return found, problems


def _by_picture(folder: Path, rows: Rows, problems: Problems) -> Rows:
    """Returns rows by picture where some are named in two ways, as `a.jpg` and `./a.jpg`.

    Names with backslashes, or in other letters of upper and lower case, find their pictures.
    """
    names: dict[str, str] = {}
    result: Rows = {}
    finder = PictureFinder(folder, rows)
    for told, boxes in rows.items():
        path = folder / told
        if not os.path.lexists(path):
            path = finder.find(told, problems) or path
        name = told if path == folder / told else os.path.relpath(path, folder)
        known = names.setdefault(place_of(folder / name), name)
        result.setdefault(known, []).extend(boxes)
    return result


def _check(
    path: Path, name: str, rows: list[BoxRow], problems: Problems
) -> DetectionAnnotation | None:
    """Reads the picture once: a damaged one would stop training at some later step."""
    try:
        height, width = read_image(path).shape[:2]
    except PictureError as error:
        missing = isinstance(error.__cause__, FileNotFoundError)
        problems.add(MISSING_PICTURE if missing else UNREADABLE_PICTURE, name)
        return None
    if is_drawing(path):
        problems.add(DRAWING, name)
        return None
    extent = np.array([width, height, width, height], np.float32)
    if of_other_size(np.array([row.size for row in rows]).reshape(-1, 2), width, height).any():
        problems.add(OTHER_SIZE, name)
        return None
    if not all(np.isfinite(row.box).all() for row in rows):
        # What cannot be read is perhaps a head, which must not pass for background.
        problems.add("picture with a row that cannot be read", name)
        return None
    once: dict[tuple, BoxRow] = {}
    for row in rows:
        if once.setdefault((row.box, row.ignore), row) is not row:
            problems.add("box that is there twice", name)
    rows = list(once.values())
    boxes = as_boxes([row.box for row in rows])
    boxes[[row.relative for row in rows]] *= extent
    if (boxes[:, 2:] < boxes[:, :2]).any():
        problems.add("picture with a box whose corners are exchanged", name)
        return None
    inside = np.clip(boxes, 0, extent)
    good = (inside[:, 2] - inside[:, 0] >= 1) & (inside[:, 3] - inside[:, 1] >= 1)
    for _ in range(int((~good).sum())):
        problems.add("box without area inside the picture", name)
    if len(boxes) and not good.any():
        return None
    ignore = np.array([row.ignore for row in rows], bool)
    is_head = good & ~ignore
    heads = [row for row, head in zip(rows, is_head, strict=True) if head]
    kinds = dict.fromkeys(kind for row in rows for kind in row.tags)
    tags = {kind: tuple(row.tags.get(kind, "") for row in heads) for kind in kinds}
    return DetectionAnnotation(path, inside[is_head], inside[good & ignore], tags)
