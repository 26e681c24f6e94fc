"""Reading 300W-LP and AFLW2000-3D (Zhu et al. 2016): pairs of `NAME.jpg` and `NAME.mat`.

A `.mat` holds `Pose_Para` (pitch, yaw, roll in radians, then translation and scale) and
landmarks in pixels of the picture: `pt3d_68` (3, 68), projected, in AFLW2000-3D, and `pt2d`
(2, 68, or 2, 21 with -1 where a point is unknown).
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from headpose.datasets.label_angles import check_radians
from headpose.datasets.label_tables import Problems
from headpose.datasets.matlab_files import load_mat
from headpose.datasets.pose_annotations import PoseAnnotation, relative_name
from headpose.datasets.problem_kinds import MISSING_PICTURE, NO_POSE, NO_RECTANGLE
from headpose.errors import HeadposeError
from headpose.geometry.conventions import from_convention
from headpose.images.listing import files_below
from headpose.reporting import progress

W300LP, AFLW2000 = "300w-lp", "aflw2000"
# Hopenet and all that follow it leave out pictures with an angle beyond: its bins end there.
LARGEST_ANGLE = 99.0
# Folders that come with the data sets and hold `.mat` files of another kind.
OTHER_FOLDERS = ("landmarks", "code")
FIELDS = ("Pose_Para", "pt2d", "pt3d_68")
BEYOND = f"an angle beyond {LARGEST_ANGLE:g} degrees, left out as in the literature"
# Pictures that 300W-LP made of one photo differ in the last number and in `_Flip`.
VERSION = re.compile(r"_\d+$")


def read_300w_lp(source: str | Path) -> tuple[list[PoseAnnotation], Problems]:
    """Reads 300W-LP; see `read_aflw2000`.

    The pictures that were made of one photo (turned or mirrored) have the photo as their
    subject, so that no split divides them.
    """
    return _read(Path(source), W300LP)


def read_aflw2000(source: str | Path) -> tuple[list[PoseAnnotation], Problems]:
    """Reads AFLW2000-3D.

    Args:
        source: The folder with the pairs, or one that holds their folders.

    Returns:
        Pictures with one head each, sorted by name, and what was left out: half pairs,
        `.mat` files without pose or landmarks, angles beyond `LARGEST_ANGLE`. The box is
        that of the landmarks (brows to chin, jaw to jaw).

    Raises:
        HeadposeError: If the folder is missing or has no pair with a pose.
    """
    return _read(Path(source), AFLW2000)


def _read(source: Path, dataset: str) -> tuple[list[PoseAnnotation], Problems]:
    if not source.is_dir():
        raise HeadposeError(f"{source}: no such folder; name the one with .jpg and .mat files")
    problems = Problems()
    found = []
    poses: list[np.ndarray] = []
    for picture, labels in progress(_pairs(source, problems), "label files"):
        name = relative_name(picture, source, picture.name)
        label = _read_label(labels, name, problems, poses)
        if label is None:
            continue
        box, angles = label
        subject = _photo(picture, source) if dataset == W300LP else ""
        found.append(PoseAnnotation(picture, name, box, angles, dataset, subject))
    check_radians(source, np.array(poses).reshape(-1, 3))
    if not found:
        told = (
            "; ".join((*problems.notes, *problems.lines()))
            or "no .jpg and .mat files of the same name"
        )
        raise HeadposeError(f"{source}: not {dataset}: {told}")
    return found, problems


def _pairs(source: Path, problems: Problems) -> list[tuple[Path, Path]]:
    """Returns pictures with their label files, sorted; what has no partner is reported.

    A file's partner has its very name, or else, of files without one, its name in other letters.
    """
    pictures: list[Path] = []
    labels: dict[tuple[Path, str], Path] = {}
    for file in files_below(source):
        folders = {part.lower() for part in file.relative_to(source).parts[:-1]}
        if folders & set(OTHER_FOLDERS):
            continue
        if file.suffix.lower() in (".jpg", ".jpeg"):
            pictures.append(file)
        elif file.suffix.lower() == ".mat":
            labels[file.parent, file.name] = file
    pictures.sort(key=lambda file: file.suffix.lower() != ".jpg")  # as they are called there
    pairs: list[tuple[Path, Path]] = []
    for spelled in (str, str.lower):
        left = {(file.parent, spelled(file.stem)): place for place, file in labels.items()}
        for picture in pictures[:]:
            if place := left.pop((picture.parent, spelled(picture.stem)), None):
                pairs.append((picture, labels.pop(place)))
                pictures.remove(picture)
    for picture in pictures:
        problems.add("picture without .mat", relative_name(picture, source, ""))
    for file in labels.values():
        problems.add(MISSING_PICTURE, relative_name(file, source, ""))
    return sorted(pairs)


def _photo(picture: Path, source: Path) -> str:
    """Returns the photo that a picture of 300W-LP was made of."""
    folder = picture.parent.relative_to(source).as_posix()
    return f"{folder.removesuffix('_Flip')}/{VERSION.sub('', picture.stem)}"


def _read_label(
    path: Path, name: str, problems: Problems, poses: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns the landmarks' box (1, 4) and the angles (1, 3) of a `.mat`.

    Its angles as it has them, radians, are put to `poses`.
    """
    try:
        content = load_mat(path, FIELDS)
    except HeadposeError as error:
        problems.add("unreadable label file", name)
        why = str(error).removeprefix(f"{path}: ")
        if not any(note.endswith(why) for note in problems.notes):  # once for each cause
            problems.notes.append(str(error))
        return None
    pose = _numbers(content, "Pose_Para")
    if pose is None or pose.size < 3 or not np.isfinite(pose.ravel()[:3]).all():
        problems.add(NO_POSE, name)
        return None
    radians = pose.ravel()[:3]
    poses.append(radians)
    if np.abs(np.degrees(radians)).max() > LARGEST_ANGLE:
        problems.add(BEYOND, name)
        return None
    points = _landmarks(content)
    if points is None:
        problems.add(NO_RECTANGLE, name)
        box = np.full((1, 4), np.nan, np.float32)
    else:
        box = np.concatenate([points.min(axis=1), points.max(axis=1)])[None].astype(np.float32)
    return box, from_convention(W300LP, radians[None])


def _numbers(content: dict[str, Any], field: str) -> np.ndarray | None:
    try:
        return np.asarray(content[field], np.float64)
    except (KeyError, TypeError, ValueError):
        return None


def _landmarks(content: dict[str, Any]) -> np.ndarray | None:
    """Returns points (2, N) that are known, or None: they must span a box."""
    for field in ("pt3d_68", "pt2d"):
        points = _numbers(content, field)
        if points is None or points.ndim != 2 or points.shape[0] < 2:
            continue
        points = points[:2]
        # -1 stands for a point that was not seen.
        points = points[:, np.isfinite(points).all(axis=0) & (points != -1).all(axis=0)]
        if points.shape[1] >= 2 and (np.ptp(points, axis=1) > 0).all():
            return points
    return None
