"""A folder of head crops with angles: what it holds, and reading it.

A clean folder holds

    labels.csv                          a row for each crop
    train.csv  validation.csv  test.csv the same rows, divided
    norm.csv                            mean and deviation of pixels and angles in train.csv
    crops/*.png                         square crops, all of one size, lossless
    summary.json                        how it was made, and counts
    {part}_img.npy  {part}_pose.npy     the same crops and angles as arrays, if asked for

Only `file`, `tilt` and `pan` are needed to read a table; see `COLUMNS` for the rest.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from headpose.datasets.label_tables import PARTS, Problems, read_labels
from headpose.errors import HeadposeError
from headpose.files import parse_json, text_of
from headpose.geometry.convention_math import ANGLES
from headpose.geometry.crops import OLD_SIDES, resize
from headpose.images.plain_pixels import read_pixels

SUMMARY = "summary.json"
CROPS = "crops"  # the sub-folder of the pictures
COLUMNS = {
    "file": "the crop, relative to the clean folder",
    "tilt": "degrees, up is positive",
    "pan": "degrees, toward the image's left is positive",
    "roll": "degrees, clockwise is positive; empty where unknown",
    "source": "the picture it was cut from, relative to the data set's folder",
    "subject": "the person, where known",
    "xmin": "the box that was cropped, pixels of the source",
    "ymin": "",
    "xmax": "",
    "ymax": "",
    "score": "of the detector; empty for an annotated box",
    "class": "pose class, see headpose.datasets.splits.pose_classes",
    "dataset": "name of the data set",
    "mirrored": "1 for a mirror image (its box is that of the original), else 0",
}
TEXT = ("file", "source", "subject", "dataset")


@dataclasses.dataclass
class CropSet:
    """Crops in memory.

    Attributes:
        crops: uint8 (N, S, S), or (N, S, S, 3) BGR.
        angles: float32 (N, 3): tilt, pan, roll in degrees; roll is NaN where unknown.
        table: N rows with the columns of the file that was read.
    """

    crops: np.ndarray
    angles: np.ndarray
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.crops)


def table_path(folder: str | Path, part: str | None = None) -> Path:
    """Returns where a part's table is; `None` stands for all crops."""
    if part is not None and part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
    return Path(folder) / f"{part or 'labels'}.csv"


def read_crops(folder: str | Path, part: str | None = None) -> CropSet:
    """Reads a clean folder, or one part of it, into memory.

    Args:
        folder: A clean folder.
        part: `train`, `validation`, `test`, or None for all.

    Raises:
        HeadposeError: If the folder or its table is missing, a row has no angles, or a crop is
            missing, unreadable, or of another shape than the first.
    """
    table = read_table(table_path(folder, part))
    if table.empty:
        raise HeadposeError(
            f"{table_path(folder, part)}: has no rows; use another part or split anew"
        )
    names, places = np.unique(table["file"].to_numpy(str), return_inverse=True)
    crops = load_crops(Path(folder), names)
    return CropSet(crops[places], angles_of(table), table)


def subjects_of(table: pd.DataFrame) -> pd.Series:
    """Returns who each row shows, or where nobody knows, the picture that it was cut from."""
    names = [
        table[name].fillna("").astype(str) if name in table else pd.Series("", index=table.index)
        for name in ("subject", "source", "file")
    ]
    subject, source, file = names
    return subject.where(subject != "", source.where(source != "", file))


def read_table(path: str | Path) -> pd.DataFrame:
    """Reads and checks one of the tables.

    Raises:
        HeadposeError: If it is missing, no CSV, lacks columns, or has a row without angles.
    """
    path = Path(path)
    if not path.is_file():
        if not path.parent.is_dir():
            raise HeadposeError(
                f"{path.parent}: no such folder; name one that a clean_ script made"
            )
        raise HeadposeError(
            f"{path.parent}: no {path.name} in it; is it a folder of a clean_ script?"
        )
    problems = Problems()
    table = read_labels(path, "", ("file", "tilt", "pan"), problems)
    if problems.by_kind:
        raise HeadposeError(f"{path}: {'; '.join(problems.lines())}; clean anew")
    lines = table.index.to_numpy()
    table = table.reset_index(drop=True)
    for column in table.columns.intersection(COLUMNS).difference(TEXT):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    bad = table["file"].eq("") | ~np.isfinite(table[["tilt", "pan"]].to_numpy(float)).all(axis=1)
    if bad.any():
        named = ", ".join(map(str, lines[bad.to_numpy()][:5]))
        raise HeadposeError(
            f"{path}: {int(bad.sum())} rows without file, tilt or pan (line {named})"
        )
    return table


def angles_of(table: pd.DataFrame) -> np.ndarray:
    """Returns float32 (N, 3): tilt, pan, roll in degrees, NaN for an unknown roll."""
    columns = [table[c] if c in table else pd.Series(np.nan, table.index) for c in ANGLES]
    return np.stack([c.to_numpy(np.float32) for c in columns], axis=1).reshape(-1, 3)


def load_crops(folder: Path, names: list[str] | np.ndarray) -> np.ndarray:
    """Reads crops into one array, uint8 (N, S, S) or (N, S, S, 3).

    Raises:
        HeadposeError: If some are missing or unreadable or differ in shape; it names them.
    """
    problems = Problems()
    crops: np.ndarray | None = None
    for i, name in enumerate(names):
        crop = read_pixels(folder / name)
        if crop is None:
            problems.add("missing" if not (folder / name).exists() else "unreadable", str(name))
            continue
        if crops is None:
            if crop.dtype != np.uint8 or (crop.ndim == 3 and crop.shape[2] != 3):
                raise HeadposeError(f"{folder / name}: a crop must be 8-bit grey or colour")
            crops = np.empty((len(names), *crop.shape), np.uint8)
        if crop.shape != crops.shape[1:]:
            problems.add(f"not {crops.shape[2]}x{crops.shape[1]} like the first", str(name))
            continue
        crops[i] = crop
    if problems.by_kind:
        raise HeadposeError(f"{folder}: crops {'; '.join(problems.lines())}; clean anew")
    assert crops is not None, "load_crops needs names"
    return crops


def fitted(crops: np.ndarray, size: int, grey: bool) -> np.ndarray:
    """Makes crops what a network takes: resized, grey or in colour.

    Args:
        crops: uint8 (N, S, S) or (N, S, S, 3) BGR.
        size: Side wanted, pixels.
        grey: Whether grey is wanted; grey crops become colour with three equal channels.

    Returns:
        uint8 (N, size, size) or (N, size, size, 3).
    """
    if grey and crops.ndim == 4:
        crops = np.stack([cv2.cvtColor(c, cv2.COLOR_BGR2GRAY) for c in crops])
    elif not grey and crops.ndim == 3:
        crops = np.repeat(crops[..., None], 3, axis=3)
    if crops.shape[1] != size:
        crops = np.stack([resize(c, (size, size)) for c in crops])
    return crops


def read_summary(folder: Path) -> dict:
    """Returns what a clean folder says of its making; empty where there is nothing.

    Raises:
        HeadposeError: If it cannot be read.
    """
    try:
        summary = parse_json(text_of(folder / SUMMARY))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise HeadposeError(f"{folder / SUMMARY}: damaged ({error}); clean anew") from error
    if not isinstance(summary, dict):
        return {}
    if isinstance(options := summary.get("options"), dict):
        summary["options"] = in_todays_words(options)
    return summary


def in_todays_words(options: dict) -> dict:
    """Returns the options of cleaning with names of earlier versions replaced."""
    side = options.get("side")
    return options | {"side": OLD_SIDES[side]} if side in OLD_SIDES else options


def boxes_are_faces(summary: dict) -> bool:
    """Tells whether a clean folder's boxes are cascade faces, not heads."""
    return summary.get("options", {}).get("boxes") == "faces"


def crop_recipe(
    folders: list[Path], side: str | None, margin: float | None, size: int | None = None
) -> dict:
    """Returns how the crops of clean folders were cut, for those that go on with them.

    Args:
        folders: Clean folders; one without a summary counts as whatever is asked for.
        side: `short` or `long`, None takes the folders'.
        margin: Factor, None takes the folders'.
        size: Side of the crops, pixels, None takes the folders'.

    Returns:
        `size`, `side` and `margin` as in `headpose.geometry.crops.head_crops`.

    Raises:
        HeadposeError: If the folders differ from each other or from what is asked for.
    """
    recipe = {"size": size, "side": side, "margin": margin}
    for folder in folders:
        made = read_summary(folder).get("options", {})
        for key, wanted in recipe.items() if set(recipe) <= set(made) else ():
            if wanted is None:
                recipe[key] = made[key]
            elif wanted != made[key]:
                raise HeadposeError(
                    f"{folder}: its crops have {key} {made[key]}, not {wanted};"
                    " use crops that were cut alike"
                )
    defaults = {"size": 64, "side": "short", "margin": 1.0}
    return {k: defaults[k] if v is None else v for k, v in recipe.items()}


def other_crops(folder: Path, wanted: Mapping[str, Any]) -> str:
    """Says how a clean folder's crops were cut otherwise than wanted, such as "margin 1.4, not 1".

    Angles change by several degrees with the crop.

    Args:
        folder: The folder; one without a summary counts as what is wanted.
        wanted: `size`, `side` and `margin` as in `headpose.geometry.crops.head_crops`.

    Returns:
        The differences; empty if there are none.
    """
    made = read_summary(folder).get("options", {})
    return ", ".join(
        f"{key} {made[key]}, not {wanted[key]}"
        for key in ("size", "side", "margin")
        if made.get(key, wanted[key]) != wanted[key]
    )
