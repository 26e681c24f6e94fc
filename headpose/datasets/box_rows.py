"""Rows of head boxes as files give them, and what all layouts of such files share."""

import dataclasses
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.images.drawn_mark import is_drawing
from headpose.reporting import logger

LOOKED_FOR = 20  # names of a table that tell in which folder its pictures are
HEAD_NAMES = ("head", "heads", "human head", "person head", "human_head", "person_head")


@dataclasses.dataclass(frozen=True)
class BoxRow:
    """One box as a file gives it.

    Attributes:
        box: xmin, ymin, xmax, ymax in pixels, or in parts of the picture.
        ignore: Whether it is neither head nor background.
        tags: What else the file says of it, by kind.
        relative: Whether the box is in parts of the picture, 0..1.
        size: Width and height of the picture as the file tells them, NaN where it does not.
    """

    box: tuple[float, float, float, float]
    ignore: bool = False
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    relative: bool = False
    size: tuple[float, float] = (math.nan, math.nan)


# Stands for what a file says of a picture and nobody can read: perhaps there is a head.
UNREADABLE = BoxRow((math.nan,) * 4)

# What files say of a box that is to be ignored, in small letters.
IGNORED = dict.fromkeys(("1", "1.0", "true", "yes"), True)
IGNORED |= dict.fromkeys(("", "0", "0.0", "false", "no", "nan", "none"), False)

# As `headpose.datasets.crop_dataset` has them, which stands above this module.
SUMMARY, CLEAN_TABLES = "summary.json", ("labels.csv", "train.csv", "validation.csv", "test.csv")
Rows = dict[str, list[BoxRow]]  # by picture file, relative to a folder


def picture_folder(table: Path, files: Iterable[str] = ()) -> Path:
    """Tells where the pictures of a table `NAME.csv` lie.

    Its own folder, if any of the files are there; else the folder `NAME` beside it, or
    `images`, whichever has most of them.

    Args:
        table: The table.
        files: Its pictures' names.

    Raises:
        HeadposeError: If it is one of a clean folder's tables: the boxes in it are those of
            the pictures from which the crops beside it were cut.
    """
    if table.name in CLEAN_TABLES and all((table.parent / p).exists() for p in ("crops", SUMMARY)):
        part = "" if table.stem == "labels" else f"#{table.stem}"
        raise HeadposeError(
            f"{table}: is of a folder of crops, which the boxes in it are not of; name the folder, "
            f"{table.parent}{part}"
        )
    stem = table.stem.removesuffix("_pose")
    return fullest_folder(files, table.parent, table.with_name(stem), table.with_name("images"))


def fullest_folder(files: Iterable[str], own: Path, *others: Path) -> Path:
    """Returns `own` if it has any of the files; else the other folder with most of them.

    A few of the files are looked for; drawings that headpose made of them are none. What is
    missing in `own` is missing; it is told where another folder has more of them. Where none
    has any, it is the first of the others that exists, or else `own`.
    """
    told = dict.fromkeys(map(str, files))
    names = [name for name in told if name.strip() and not os.path.isabs(name)]  # noqa: PTH117
    some = names[:: max(1, len(names) // LOOKED_FOR)]

    def found(folder: Path) -> int:
        return sum(any(is_photo(folder / n) for n in {name, slashed(name)}) for name in some)

    counts = {folder: found(folder) for folder in (own, *others)}
    fullest = max(others, key=counts.__getitem__)
    if 0 < counts[own] < counts[fullest]:
        logger.warning(
            "%s has more of the pictures than %s, where they are looked for; put all in one folder",
            fullest,
            own,
        )
    best = own if counts[own] else fullest
    return best if counts[best] else first_folder(*others, own)


def is_photo(path: Path) -> bool:
    """Tells whether a file, or a link to one, stands there that is no drawing of headpose's."""
    return os.path.lexists(path) and not path.is_dir() and not is_drawing(path)


def slashed(name: str) -> str:
    """Returns a path as Windows writes it with the slashes of other systems."""
    return name.replace("\\", "/")


def is_ignored(value: object) -> bool:
    """Tells whether a file's flag says that a box is to be ignored: true, "0", None ...

    Raises:
        ValueError: If it says neither.
    """
    try:
        return IGNORED[str(value).strip().lower()]
    except KeyError:
        raise ValueError(f"neither yes nor no: {value!r}") from None


def first_folder(*folders: Path) -> Path:
    return next((f for f in folders if f.is_dir()), folders[-1])


def is_of_heads(name: str) -> bool:
    """Tells whether a class of boxes is of heads, by its name."""
    return name.strip().lower() in HEAD_NAMES


def chosen_classes(source: Path, names: Iterable[str], wanted: str) -> set[str]:
    """Returns the names of classes to take as heads.

    Raises:
        HeadposeError: If one that was asked for is not there, or nothing tells which to take.
    """
    names = list(dict.fromkeys(names))
    if wanted:
        chosen = set(wanted.split("+"))
        if missing := chosen - set(names):
            raise HeadposeError(
                f"{source}: no part or class {min(missing)!r}; its classes are "
                f"{', '.join(names) or 'none'}"
            )
        return chosen
    heads = {name for name in names if is_of_heads(name)}
    if not heads and len(names) > 1:
        raise HeadposeError(
            f"{source}: which class is the head? name it as {source.name}#{names[0]}; "
            f"there are {', '.join(names)}"
        )
    if names and not heads and names[0].strip():
        logger.warning("%s: its only class, %s, is taken for heads", source, names[0])
    return heads or set(names)
