"""Pictures with heads of known angles, as the readers of the data sets give them."""

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from headpose.datasets.label_tables import Problems
from headpose.datasets.problem_kinds import NO_POSE, NO_RECTANGLE
from headpose.geometry.boxes import area, as_boxes, iou

FACE, HEAD = "face", "head"
SAME_PLACE = 0.8  # IoU from which two annotated boxes of a picture are one head


@dataclasses.dataclass(frozen=True)
class PoseAnnotation:
    """A picture file and its annotated heads.

    Attributes:
        path: Where the picture is.
        name: The same relative to the data set's folder, with `/`.
        boxes: float32 (N, 4), as annotated, in pixels; NaN where there is none.
        angles: float64 (N, 3), tilt, pan, roll in degrees; roll is NaN where unknown.
        dataset: Name of the data set.
        subject: Who it shows, where known; or the photo that several pictures were made of.
            Pictures of one subject belong together.
        box_kind: What the boxes are drawn around: `FACE` (brows to chin) or `HEAD`.
        alone: Whether the data set shows one person a picture.
    """

    path: Path
    name: str
    boxes: np.ndarray
    angles: np.ndarray
    dataset: str
    subject: str = ""
    box_kind: str = FACE
    alone: bool = False


def relative_name(path: Path, folder: Path, otherwise: str) -> str:
    """Returns `path` relative to the data set's folder, or `otherwise` if it is outside."""
    if path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    return otherwise


def usable_heads(
    boxes: ArrayLike, angles: ArrayLike, name: str, problems: Problems
) -> tuple[np.ndarray, np.ndarray]:
    """Leaves out heads without tilt and pan or without a box, and second labels of one head.

    Args:
        boxes: (N, 4) of one picture, in pixels, with NaN where unknown.
        angles: (N, 3), degrees, with NaN where unknown.
        name: The picture, for the report.
        problems: Gets what is left out.

    Returns:
        The remaining boxes and angles.
    """
    every, poses = as_boxes(boxes), np.asarray(angles, np.float64).reshape(-1, 3)
    posed = np.isfinite(poses[:, :2]).all(axis=1)
    placed = np.isfinite(every).all(axis=1)
    placed[placed] = area(every[placed]) > 0
    for _ in range(int((~posed).sum())):
        problems.add(NO_POSE, name)
    for _ in range(int((posed & ~placed).sum())):
        problems.add(NO_RECTANGLE, name)
    every, poses = every[posed & placed], poses[posed & placed]
    kept: list[int] = []
    overlap = iou(every, every)
    for i in range(len(every)):
        if any(overlap[i, j] >= SAME_PLACE for j in kept):
            problems.add("second label of a head at the same place", name)
        else:
            kept.append(i)
    return every[kept], poses[kept]
