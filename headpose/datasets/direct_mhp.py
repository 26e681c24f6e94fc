"""Reading head labels in COCO's JSON, as DirectMHP (Zhou et al. 2023) makes them.

They are made of AGORA and CMU Panoptic: `images` with `id` and `file_name`, and
`annotations` with `image_id`, `bbox` (x, y, width, height of the head, pixels) and
`euler_angles` (pitch, yaw, roll in degrees, yaw over the whole turn).
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from headpose.datasets.json_boxes import coco_id, coco_size, pictures_by_id
from headpose.datasets.label_angles import warn_of_radians
from headpose.datasets.label_tables import Problems
from headpose.datasets.picture_finder import PictureFinder, folder_of_most
from headpose.datasets.pose_annotations import HEAD, PoseAnnotation, relative_name, usable_heads
from headpose.datasets.problem_kinds import MISSING_PICTURE
from headpose.datasets.repeated_rows import place_of
from headpose.datasets.told_sizes import OTHER_SIZE, of_other_size
from headpose.errors import HeadposeError, PictureError, reason
from headpose.files import number, parse_json, text_of
from headpose.geometry.conventions import from_convention
from headpose.images.pictures import shown_size

NAME = "direct-mhp"
LABEL_FOLDERS = (".", "annotations", "labels")
# Where pictures lie, from the labels' folder.
PICTURE_FOLDERS = (
    *("images", "../images", ".", "..", "images/validation", "../images/validation"),
    *("images/train", "../images/train", "images/test", "../images/test"),
)
MAX_TURN = 360.0  # degrees, from which an angle is none
UNKNOWN = -999  # DirectMHP's mark for an angle that could not be told


def read_direct_mhp(
    source: str | Path, pictures: str | Path | None = None
) -> tuple[list[PoseAnnotation], Problems]:
    """Reads head boxes and angles.

    Args:
        source: The JSON file, or the folder that holds one, perhaps in `annotations`.
        pictures: The folder that picture names are relative to; found by itself if it is
            one of `PICTURE_FOLDERS`.

    Returns:
        Pictures with their heads, sorted by name, and what was left out.

    Raises:
        HeadposeError: If the labels or all pictures are missing, or the labels are of
            another kind.
    """
    source = Path(source)
    labels = find_json(source)
    names, sizes, heads = _read_labels(labels)
    problems = Problems()
    for _ in range(len(heads.keys() - names.keys())):
        problems.add("label of a picture that is not listed", labels.name)
    near = [Path(os.path.normpath(labels.parent / place)) for place in PICTURE_FOLDERS]
    base = Path(pictures) if pictures else folder_of_most(near, names.values())
    folder = source if source.is_dir() else labels.parent
    finder = PictureFinder(base, names.values())
    found: list[PoseAnnotation] = []
    known: dict[str, str] = {}
    for key, name in sorted(names.items(), key=lambda item: item[1]):
        path = finder.find(name, problems)
        if path is None:
            problems.add(MISSING_PICTURE, name)
            continue
        if (other := known.setdefault(place_of(path), name)) != name:
            raise HeadposeError(f"{labels}: {other} and {name} are one picture; leave one out")
        if _is_of_other_size(path, sizes[key]):
            problems.add(OTHER_SIZE, name)
            continue
        rows = [_head(annotation, name, problems) for annotation in heads.get(key, [])]
        if not rows:
            problems.add("picture without labels", name)
            continue
        boxes, angles = usable_heads([r[0] for r in rows], [r[1] for r in rows], name, problems)
        if len(boxes):
            shown = relative_name(path, folder, name)
            found.append(PoseAnnotation(path, shown, boxes, angles, NAME, box_kind=HEAD))
    if not found:
        told = "; ".join(problems.lines()) or "it lists no picture"
        raise HeadposeError(f"{labels}: no usable picture in {base}: {told}")
    warn_of_radians(labels, np.concatenate([picture.angles for picture in found]))
    return found, problems


def _is_of_other_size(path: Path, told: tuple[float, float]) -> bool:
    """Tells whether a picture, upright, has another size than its label says."""
    try:
        width, height = shown_size(path)
    except PictureError:
        return False  # which is told when it is read
    return bool(of_other_size(np.array([told]), width, height).all())


def find_json(source: Path) -> Path:
    """Returns the label file that `source` is or holds.

    Raises:
        HeadposeError: If there is none, or more than one.
    """
    if source.is_file():
        return source
    if not source.is_dir():
        raise HeadposeError(f"{source}: no such file or folder; name the JSON file of labels")
    files = sorted(f for place in LABEL_FOLDERS for f in (source / place).glob("*.json"))
    if len(files) != 1:
        told = ", ".join(f.name for f in files[:5])
        which = f"several JSON files ({told}); name one" if files else "no JSON file of labels"
        raise HeadposeError(f"{source}: {which}")
    return files[0]


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        HeadposeError: If it cannot be read or is none.
    """
    try:
        return parse_json(text_of(path, "utf-8-sig"))
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read: {reason(error)}") from error
    except ValueError as error:
        raise HeadposeError(f"{path}: not a JSON file ({error})") from error


def _read_labels(
    path: Path,
) -> tuple[dict[str, str], dict[str, tuple[float, float]], dict[str, list[dict[str, Any]]]]:
    """Returns pictures' names and sizes by id, and annotations by picture id."""
    content = read_json(path)
    wanted = "name a JSON file of DirectMHP, with images, and annotations with euler_angles"
    content = content if isinstance(content, dict) else {}
    images, annotations = content.get("images"), content.get("annotations")
    if not isinstance(images, list) or not isinstance(annotations, list):
        raise HeadposeError(f"{path}: no lists images and annotations; {wanted}")
    try:
        listed = [(coco_id(image["id"]), str(image["file_name"])) for image in images]
        sizes = {coco_id(image["id"]): coco_size(image) for image in images}
        heads: dict[str, list[dict[str, Any]]] = {}
        for annotation in annotations:
            heads.setdefault(coco_id(annotation["image_id"]), []).append(annotation)
    except (KeyError, TypeError) as error:
        raise HeadposeError(f"{path}: an entry without {error}; {wanted}") from error
    if annotations and not any("euler_angles" in a for a in annotations):
        raise HeadposeError(f"{path}: no annotation has euler_angles; {wanted}")
    return pictures_by_id(path, listed), sizes, heads


def _head(
    annotation: dict[str, Any], name: str, problems: Problems
) -> tuple[list[float], list[float]]:
    """Returns box and angles (tilt, pan, roll) of an annotation, NaN where unknown."""
    box = [np.nan] * 4
    angles = [np.nan] * 3
    try:
        x, y, width, height = (number(value) for value in annotation["bbox"])
        box = [x, y, x + width, y + height]
    except (KeyError, TypeError, ValueError):
        pass
    try:
        values = np.array([number(value) for value in annotation["euler_angles"]])
        if values.shape == (3,) and (values != UNKNOWN).all():
            if (np.abs(values) > MAX_TURN).any():
                problems.add("angle beyond a whole turn", name)
            else:
                angles = from_convention("directmhp", values[None])[0].tolist()
    except (KeyError, TypeError, ValueError):
        pass
    return box, angles
