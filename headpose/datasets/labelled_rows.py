"""Published data sets as rows of heads: what `NAME:PATH` names as a source of training."""

import os
import zlib
from pathlib import Path

import pandas as pd

from headpose.datasets.head_matching import GROW, NOT_GROWN, grown
from headpose.datasets.label_tables import HELD_OUT_EVERY, PARTS, Problems
from headpose.datasets.pose_annotations import HEAD, PoseAnnotation
from headpose.datasets.registry import DATASETS, Dataset, read_dataset
from headpose.errors import HeadposeError
from headpose.geometry.boxes import COLUMNS
from headpose.geometry.convention_math import ANGLES


def named_dataset(text: str | Path) -> tuple[str, Path] | None:
    """Takes `NAME:PATH` apart; None if it begins with no data set's name."""
    name, colon, place = str(text).partition(":")
    return (name, Path(place)) if colon and place and name in DATASETS else None


def read_rows(name: str, source: Path, part: str, problems: Problems) -> pd.DataFrame:
    """Returns a row for each head of a published data set.

    Args:
        name, source: See `headpose.datasets.registry.read_dataset`.
        part: One of `PARTS`, or empty for all, see `part_of`.
        problems: Gets what is left out.

    Returns:
        Columns `file` (whole path), `name` (its data set and what it is called there), the
        box of the head in pixels (a face's is grown),
        `tilt`, `pan`, `roll` in degrees, `weight` (1), `away` (never) and `unit`, a number
        for each subject, the same in every run.

    Raises:
        HeadposeError: As `read_dataset`, or if there is no such part.
    """
    if part and part not in PARTS:
        raise HeadposeError(f"{name}:{source}: has parts {', '.join(PARTS)}, no {part!r}")
    pictures, left_out = read_dataset(name, source)
    problems.include(left_out)
    parts = part_of(pictures, DATASETS[name])
    rows: list[dict] = []
    for picture, its_part in zip(pictures, parts, strict=True):
        if part and its_part != part:
            continue
        unit = zlib.crc32(
            f"{name}#{picture.subject or picture.name}".encode(errors="surrogatepass")
        )
        boxes = grown(picture.boxes, NOT_GROWN if picture.box_kind == HEAD else GROW)
        for box, angles in zip(boxes, picture.angles, strict=True):
            row: dict = {"file": os.path.realpath(picture.path), "unit": unit}
            row["name"] = f"{picture.dataset}/{picture.name}"
            row |= dict(zip(COLUMNS, map(float, box), strict=True))
            rows.append(row | dict(zip(ANGLES, map(float, angles), strict=True)))
    # Names may be no UTF-8, of which pandas makes no column of texts.
    table = pd.DataFrame(rows, columns=["file", "name", "unit", *COLUMNS, *ANGLES], dtype=object)
    table = table.astype({"unit": "int64", **dict.fromkeys((*COLUMNS, *ANGLES), float)})
    return table.assign(weight=1.0, away=False)


def part_of(pictures: list[PoseAnnotation], dataset: Dataset) -> list[str]:
    """Returns the part of each picture; no subject is in two.

    A data set may name the subjects of its validation and test parts. Else every tenth
    subject (a person, a photo, or the picture where there are no subjects) is for
    validation, and there is no test part.
    """
    named = [picture.subject or picture.name for picture in pictures]
    validation = set(dataset.validation or sorted(set(named))[::HELD_OUT_EVERY])
    test = set(dataset.test)
    return [
        "test" if subject in test else "validation" if subject in validation else "train"
        for subject in named
    ]


def check_source(path: Path) -> None:
    """Raises HeadposeError if there is no source of heads at a path, before anything slow."""
    if named := named_dataset(path):
        name, place = named
        if not place.exists():
            raise HeadposeError(f"{path}: not there; name {DATASETS[name].shows}")
    elif not path.exists():
        raise HeadposeError(
            f"{path}: no such file or folder; name a table of heads, a clean folder, or a "
            "published data set as NAME:PATH"
        )


def has_test_part(name: str) -> bool:
    """Tells whether a data set names subjects for testing."""
    return bool(DATASETS[name].test)
