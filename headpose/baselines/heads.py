"""Labelled heads for comparing estimators: each gets the crop that it was made for.

The crops are cut from the source pictures; a clean folder's own crops only serve where
these are not at hand.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from headpose.datasets import crop_dataset as cd
from headpose.datasets.detection_annotations import picture_folder
from headpose.datasets.label_tables import Problems, SourceName, numbers, read_labels
from headpose.datasets.picture_finder import with_found_files
from headpose.datasets.pose_data import detected_boxes
from headpose.datasets.problem_kinds import BAD_BOX, MISSING_PICTURE, NO_ANGLES, NO_PICTURE
from headpose.datasets.repeated_rows import TWICE, repeated
from headpose.datasets.table_heads import add_each, has_place, in_picture
from headpose.datasets.told_sizes import NOT_FOUND, told_sizes
from headpose.detection.viola_jones import face_to_head, head_to_face
from headpose.errors import HeadposeError
from headpose.geometry.boxes import COLUMNS, as_boxes
from headpose.geometry.convention_math import ANGLES
from headpose.geometry.crops import head_crops
from headpose.images.drawn_mark import read_photo
from headpose.images.pictures import PictureError
from headpose.parallel.prefetch import ahead
from headpose.reporting import progress

HEAD, FACE = "head", "face"
CHUNK = 256  # heads whose crops are in memory at once


@dataclasses.dataclass(frozen=True)
class CropRecipe:
    """How an estimator's crops are cut.

    Attributes:
        size, side, margin, grey: See `headpose.geometry.crops.head_crops`.
        box: `HEAD`, or `FACE` for estimators that were made for cascade faces.
    """

    size: int
    side: str
    margin: float
    grey: bool
    box: str = HEAD

    def cut(self, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Cuts the crops (N, size, size) or (N, size, size, 3) of head boxes (N, 4)."""
        boxes = head_to_face(boxes) if self.box == FACE else boxes
        return head_crops(picture, boxes, self.size, self.side, self.margin, self.grey)


@dataclasses.dataclass
class ComparedHeads:
    """Labelled heads, in pictures or as crops that are cut already.

    Attributes:
        angles: float32 (N, 3): tilt, pan, roll in degrees; roll is NaN where unknown.
        pictures: (N,) paths of the source pictures; None where these are not known.
        boxes: float32 (N, 4), heads in the pictures.
        mirrored: bool (N,), whether the head is shown mirrored.
        crops: uint8 (N, S, S) or (N, S, S, 3), where the pictures are not known.
        away: bool (N,), heads of which only that they are turned away is known, with NaN
            for angles; None where there are none.
        made: How the crops were cut: `size`, `side`, `margin`, `boxes`; empty if unknown.
        sizes: (N, 2), width and height that the pictures should have, NaN where not known.
    """

    angles: np.ndarray
    pictures: np.ndarray | None = None
    boxes: np.ndarray | None = None
    mirrored: np.ndarray | None = None
    crops: np.ndarray | None = None
    away: np.ndarray | None = None
    made: dict = dataclasses.field(default_factory=dict)
    sizes: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.angles)


def read_clean_heads(
    folder: str | Path, part: str | None = None, pictures: Sequence[Path] = ()
) -> tuple[ComparedHeads, Problems]:
    """Reads the heads of a clean folder.

    Args:
        folder: The clean folder.
        part: `train`, `validation`, `test`, or None for all.
        pictures: Folders that the names of the source pictures are relative to, each
            tried in turn; none to take the folder's crops.

    Raises:
        HeadposeError: If there is no such folder or part, or `pictures` are not its source.
    """
    path, problems = cd.table_path(folder, part), Problems()
    table = cd.read_table(path)
    if table.empty:
        raise HeadposeError(f"{path}: has no rows; use another part or split anew")
    options = cd.read_summary(Path(folder)).get("options", {})
    if not pictures:
        crops = cd.read_crops(folder, part)
        return ComparedHeads(crops.angles, crops=crops.crops, made=options), problems
    if not {"source", *COLUMNS} <= set(table):
        raise HeadposeError(f"{path}: does not tell where its heads are; leave out --pictures")
    found = {
        name: next((p / name for p in pictures if name and (p / name).is_file()), None)
        for name in table["source"].unique()
    }
    paths = table["source"].map(found)
    boxes = table[list(COLUMNS)].to_numpy(np.float64)
    add_each(problems, MISSING_PICTURE, table["source"][paths.isna()])
    placed = np.isfinite(boxes).all(axis=1)
    add_each(problems, "no box", table["source"][~placed])
    usable = (paths.notna() & placed).to_numpy()
    if not usable.any():
        tried = ", ".join(map(str, pictures))
        raise HeadposeError(
            f"{folder}: none of its source pictures in {tried}; {problems.lines()[0]}"
        )
    boxes = boxes[usable]
    if cd.boxes_are_faces({"options": options}):
        boxes = face_to_head(boxes)
    table = table[usable]
    mirrored = table["mirrored"].to_numpy() == 1 if "mirrored" in table else np.zeros(len(table))
    heads = ComparedHeads(
        cd.angles_of(table), paths[usable].to_numpy(), as_boxes(boxes), mirrored.astype(bool)
    )
    return heads, problems


def read_table_heads(
    source: str, detector=None, away: bool = False
) -> tuple[ComparedHeads, Problems]:
    """Reads the labelled heads of a table, such as `labels.csv#validation`.

    Args:
        source: See `headpose.datasets.label_tables.SourceName`: a CSV with `file`, a box,
            `tilt`, `pan` and, where known, `roll`.
        detector: If given, its boxes replace the labelled ones of heads that it finds.
        away: Whether to take heads without angles that a column `face` calls `away`.

    Raises:
        HeadposeError: If there is no such table or it has no usable head.
    """
    named, problems = SourceName.parse(source), Problems()
    if not named.path.is_file():
        raise HeadposeError(f"{named.path}: no such file; name a table of heads or a clean folder")
    needed = ("file", *COLUMNS, "tilt", "pan")
    table = read_labels(named.path, named.part, needed, problems)
    table[[*ANGLES, *COLUMNS]] = numbers(table, (*ANGLES, *COLUMNS))
    placed = has_place(table[list(COLUMNS)].to_numpy(np.float64))
    labelled = table[["tilt", "pan"]].notna().all(axis=1).to_numpy()
    turned_away = np.zeros(len(table), bool)
    if away and "face" in table:
        turned_away = (table["face"] == "away").to_numpy() & ~labelled
        labelled = labelled | turned_away
    add_each(problems, BAD_BOX, table["file"][~placed])
    folder = picture_folder(named.path, table["file"])
    table = with_found_files(table, folder, problems)
    again = repeated(table, folder, (*COLUMNS, *ANGLES)) & placed
    add_each(problems, TWICE, table["file"][again])
    placed &= ~again
    add_each(problems, NO_ANGLES, table["file"][placed & ~labelled])
    table, turned_away = table[placed & labelled], turned_away[placed & labelled]
    if table.empty:
        told = "; ".join(problems.lines())
        raise HeadposeError(f"{source}: no usable head{f' ({told})' if told else ''}")
    heads = ComparedHeads(
        table[list(ANGLES)].to_numpy(np.float32),
        np.array([folder / name for name in table["file"]], object),
        as_boxes(table[list(COLUMNS)].to_numpy()),
        np.zeros(len(table), bool),
        away=turned_away if away else None,
        sizes=told_sizes(table),
    )
    if detector is not None:
        _detect(heads, detector, problems)
    return heads, problems


def _detect(heads: ComparedHeads, detector, problems: Problems) -> None:
    """Replaces labelled boxes by those that a detector finds."""
    assert heads.boxes is not None
    assert heads.pictures is not None
    for rows, picture in _pictures(heads, Problems()):
        heads.boxes[rows], missed = detected_boxes(detector, picture, heads.boxes[rows])
        add_each(problems, NOT_FOUND, [heads.pictures[rows[0]].name] * missed)


def select_heads(heads: ComparedHeads, chosen: np.ndarray | slice) -> ComparedHeads:
    """Returns the heads that a mask (N,), indices or a slice choose."""
    arrays: dict[str, Any] = {
        field.name: value[chosen]
        for field in dataclasses.fields(heads)
        if isinstance(value := getattr(heads, field.name), np.ndarray)
    }
    return dataclasses.replace(heads, **arrays)


def usable_pictures(
    heads: ComparedHeads, problems: Problems
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Reads each picture once; drawings, and those that boxes were not told for, are left out.

    Args:
        heads: With pictures and boxes.
        problems: Gets what is left out.

    Yields:
        Rows of the heads (M,) and the picture that shows them.
    """
    assert heads.boxes is not None
    assert heads.pictures is not None
    for rows, picture in _pictures(heads, problems):
        sizes = None if heads.sizes is None else heads.sizes[rows]
        names = np.array([heads.pictures[row].name for row in rows], object)
        rows = rows[in_picture(heads.boxes[rows], sizes, picture, names, problems)]
        if len(rows):
            yield rows, picture


def cut_crops(
    heads: ComparedHeads, recipes: Sequence[CropRecipe], problems: Problems, chunk: int = CHUNK
) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Cuts the crops of all heads for several estimators, reading each picture once.

    Args:
        heads: The heads.
        recipes: How to cut. Crops that are cut already are only scaled.
        problems: Gets pictures that cannot be read; their heads are left out.
        chunk: Heads at a time, about.

    Yields:
        Rows of the heads (M,) and for each recipe their crops, (M, S, S) or (M, S, S, 3).
    """
    if heads.crops is not None:
        for start in range(0, len(heads), chunk):
            rows = np.arange(start, min(start + chunk, len(heads)))
            yield rows, [cd.fitted(heads.crops[rows], r.size, r.grey) for r in recipes]
        return
    # Heads without crops have all that is needed to cut them.
    assert heads.boxes is not None
    assert heads.mirrored is not None
    waiting: list[tuple[np.ndarray, list[np.ndarray]]] = []
    for rows, picture in usable_pictures(heads, problems):
        crops = [recipe.cut(picture, heads.boxes[rows]) for recipe in recipes]
        for made in crops:
            made[heads.mirrored[rows]] = made[heads.mirrored[rows]][:, :, ::-1]
        waiting.append((rows, crops))
        if sum(len(r) for r, _ in waiting) >= chunk:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(waiting: list) -> tuple[np.ndarray, list[np.ndarray]]:
    by_recipe = zip(*(crops for _, crops in waiting), strict=True)
    return np.concatenate([r for r, _ in waiting]), [np.concatenate(c) for c in by_recipe]


def _pictures(heads: ComparedHeads, problems: Problems) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the rows of each picture, and the picture; those that fail are noted."""
    groups = pd.Series(np.arange(len(heads))).groupby(heads.pictures, sort=False).indices

    def read(path: Path):
        try:
            return path, read_photo(path)
        except PictureError as error:
            return path, error

    for path, picture in progress(ahead(read, groups, waiting=6), "pictures", len(groups)):
        if isinstance(picture, PictureError):
            add_each(problems, NO_PICTURE, [picture] * len(groups[path]))
        else:
            yield groups[path], picture
