"""Reading DAD-3DHeads (Martyniuk et al. 2022): a list of heads, and a file for each.

`train.json` or `val.json` is a list of entries with `item_id` and `bbox` (x, y, width,
height of the head, pixels); beside it `images/ITEM.png` and `annotations/ITEM.json`, whose
`model_view_matrix` (4 x 4) turns the head into a camera's view, y up, z to the viewer.
"""

from pathlib import Path
from typing import Any

import numpy as np

from headpose.datasets.direct_mhp import read_json
from headpose.datasets.label_tables import Problems
from headpose.datasets.picture_finder import PictureFinder
from headpose.datasets.pose_annotations import HEAD, PoseAnnotation, relative_name
from headpose.datasets.problem_kinds import MISSING_PICTURE, NO_POSE, NO_RECTANGLE
from headpose.datasets.repeated_rows import TWICE
from headpose.errors import HeadposeError
from headpose.files import number
from headpose.geometry.conventions import from_convention

NAME = "dad-3dheads"
LISTS = ("val.json", "val/val.json", "train.json", "train/train.json")
PICTURE, LABELS = "images/{}.png", "annotations/{}.json"  # of an item, from the list
MATRIX = "model_view_matrix"


def read_dad3dheads(source: str | Path) -> tuple[list[PoseAnnotation], Problems]:
    """Reads the labels of one part.

    Args:
        source: `val.json` or `train.json`, or a folder with one of them; of both the
            validation part is read: the labels of the test part are not public.

    Returns:
        Pictures with one head each, sorted by name, and what was left out.

    Raises:
        HeadposeError: If there is no such list, or no head of it is usable.
    """
    source = Path(source)
    labels, others = source, []
    if source.is_dir():
        labels, *others = [source / n for n in LISTS if (source / n).is_file()] or [source]
    if not labels.is_file():
        raise HeadposeError(f"{source}: neither val.json nor train.json; name one of them")
    entries = read_json(labels)
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise HeadposeError(f"{labels}: not DAD-3DHeads: no list of heads with item_id and bbox")
    folder = source if source.is_dir() else labels.parent
    problems = Problems()
    if others:
        told = ", ".join(str(other) for other in others)
        problems.notes.append(f"only {labels} is read; name {told} itself to read that")
    files = [place.format(_item(entry)) for entry in entries for place in (PICTURE, LABELS)]
    finder = PictureFinder(labels.parent, files)
    found, known = [], set()
    for entry in sorted(entries, key=_item):
        item, at = _item(entry), str(entry.get("bbox"))
        if (item, at) in known:
            problems.add(TWICE, item)
            continue
        known.add((item, at))
        picture = _read_head(entry, finder, folder, problems)
        if picture is not None:
            found.append(picture)
    if not found:
        told = "; ".join(problems.lines()) or "it lists no head"
        raise HeadposeError(f"{labels}: no usable head: {told}")
    return found, problems


def _item(entry: dict[str, Any]) -> str:
    return str(entry.get("item_id"))


def _read_head(
    entry: dict[str, Any], finder: PictureFinder, folder: Path, problems: Problems
) -> PoseAnnotation | None:
    item = _item(entry)
    picture = finder.find(PICTURE.format(item), problems)
    labels = finder.find(LABELS.format(item), problems)
    if picture is None or labels is None:
        problems.add(MISSING_PICTURE if picture is None else "picture without labels", item)
        return None
    try:
        x, y, width, height = (number(value) for value in entry["bbox"])
    except (KeyError, TypeError, ValueError):
        problems.add(NO_RECTANGLE, item)
        return None
    try:
        matrix = np.asarray(read_json(labels)[MATRIX], np.float64)
        angles = from_convention(NAME, matrix[None])
    except HeadposeError:
        problems.add("pose that is no rotation, or unreadable", item)
        return None
    except (KeyError, TypeError, ValueError):
        problems.add(NO_POSE, item)
        return None
    box = np.array([[x, y, x + width, y + height]], np.float32)
    name = relative_name(picture, folder, picture.name)
    return PoseAnnotation(picture, name, box, angles, NAME, box_kind=HEAD)
