"""Head boxes in YOLO's text files, as darknet and Ultralytics keep them."""

import os
import re
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from headpose.datasets.box_rows import UNREADABLE, BoxRow, Rows, chosen_classes, first_folder
from headpose.datasets.label_tables import Problems
from headpose.datasets.problem_kinds import BAD_ROW
from headpose.datasets.yolo_names import class_names
from headpose.errors import HeadposeError
from headpose.files import number as as_number
from headpose.images.listing import files_below
from headpose.images.pictures import SUFFIXES

# Of a box, and perhaps its score; lines of outlines begin alike, but with corners.
MAX_VALUES = 5
# Texts beside them that have no boxes.
NO_LABELS = re.compile(
    r"(classes|predefined_classes|readme(\..*)?|licen[sc]e|train|val|test)\.txt", re.IGNORECASE
)


def read_yolo(folder: Path, part: str, problems: Problems) -> tuple[Path, Rows]:
    """Reads texts of `class x y width height`, in parts of the picture, centres first.

    Texts lie in `labels` beside `images` (both may have the same folders inside), or
    beside the pictures. `data.yaml`, `classes.txt` or `obj.names` may name the classes. A part
    that is none of these is a folder of pictures: `images/PART`, or `PART` with its own.
    """
    folder, part = _of_part(folder, part, problems)
    pictures, texts = folder, folder
    if (folder / "labels").is_dir():
        pictures, texts = first_folder(folder / "images", folder), folder / "labels"
    elif "images" in folder.parts:  # dataset/images/train with dataset/labels/train
        at = len(folder.parts) - 1 - folder.parts[::-1].index("images")
        other = Path(*folder.parts[:at], "labels", *folder.parts[at + 1 :])
        texts = other if other.is_dir() else folder
    files = [file for file in files_below(pictures) if file.suffix.lower() in SUFFIXES]
    wanted = {file.relative_to(pictures).with_suffix("") for file in files}
    of_name = _texts(texts, wanted, problems)
    if not of_name:
        raise HeadposeError(f"{folder}: no VOC XML and no YOLO text with boxes in it")
    if files and not wanted & set(of_name):
        some = next(iter(of_name.values()))
        raise HeadposeError(
            f"{folder}: no text is of a picture ({some.name}, for one); name the folder that has "
            "images and labels in it"
        )
    shared = Counter(file.with_suffix("") for file in files)
    found: dict[str, list[tuple[str, BoxRow]]] = {}
    names = class_names(folder)
    for file in files:
        name = file.relative_to(pictures)
        boxes = found.setdefault(str(name), [])
        text = of_name.get(name.with_suffix(""))
        lines = _lines(text, texts / name)
        if lines is None:
            problems.add("text that cannot be opened", str(name))
            boxes.append(("", UNREADABLE))
        if text is None or lines is None:
            continue
        if shared[file.with_suffix("")] > 1:
            problems.add("picture that shares its text with another", str(name))
            boxes.append(("", UNREADABLE))
        for number, line in enumerate(lines, 1):
            if line.strip():
                boxes.append(_parse_line(line, names, f"{text.name} line {number}", problems))
    for name, text in of_name.items():
        if name not in wanted:
            problems.add("text without a picture", text.name)
    used = (kind for boxes in found.values() for kind, _ in boxes if kind)
    chosen = {"", *chosen_classes(folder, [*names.values(), *used], part)}
    rows = {n: [row for kind, row in boxes if kind in chosen] for n, boxes in found.items()}
    return pictures, rows


def _parse_line(
    line: str, names: Mapping[int, str], place: str, problems: Problems
) -> tuple[str, BoxRow]:
    """Reads one line of a text: the class by name or else by number, and the box.

    Args:
        line: Not empty.
        names: Of the classes.
        place: Of the line, for `problems`.
        problems: Gets a line that is no box. What is returned is then `UNREADABLE`, with an
            empty class where not even numbers can be read.
    """
    try:
        kind, *values = line.split()
        x, y, width, height = map(as_number, values[:4])
        index = int(kind)
    except ValueError:
        problems.add(BAD_ROW, place)
        return "", UNREADABLE
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    if len(values) > MAX_VALUES:
        problems.add("outline or key points, no box", place)
    elif not np.isfinite(box).all():
        problems.add(BAD_ROW, place)
    else:
        return names.get(index, str(index)), BoxRow(box, relative=True)
    return names.get(index, kind), UNREADABLE


def _of_part(folder: Path, part: str, problems: Problems) -> tuple[Path, str]:
    """Returns the folder of a part, and what is left of the part: classes, if it is of these.

    Args:
        folder: Of the data set.
        part: A part, or classes; or nothing, which is noted where the set has parts.
        problems: Gets the note.
    """
    parted = folder / "images" if (folder / "labels").is_dir() else folder
    if not part:
        inside = sorted(p.name for p in parted.iterdir() if p.is_dir()) if parted.is_dir() else []
        if {"train"} < set(inside):
            problems.notes.append(
                f"all its parts are taken ({', '.join(inside)}); {folder.name}#train takes one"
            )
    elif (parted / part).is_dir():
        if part in class_names(folder).values():
            raise HeadposeError(
                f"{folder}: {part!r} is one of its classes and of its parts; name the folder "
                f"{parted / part}, or rename it"
            )
        return parted / part, ""
    return folder, part


def _lines(text: Path | None, beside: Path) -> list[str] | None:
    """Returns the lines of a picture's text, which may have none; None if it cannot be opened.

    Args:
        text: Of the picture, if there is one.
        beside: Where it belongs, by the picture's name.
    """
    if text is None:
        # A link that leads nowhere, a folder, a pipe: nobody can tell what it says.
        names = (beside.with_suffix(suffix) for suffix in (".txt", ".TXT"))
        return None if any(map(os.path.lexists, names)) else []
    try:
        return text.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError:
        return None


def _texts(folder: Path, wanted: Collection[Path], problems: Problems) -> dict[Path, Path]:
    """Returns the texts below a folder that may have boxes, by their paths without suffix.

    Args:
        folder: Where they are.
        wanted: Of pictures, whose texts may have any name.
        problems: Gets a text beside which there is another of the same name, as a.TXT.
    """
    found: dict[Path, Path] = {}
    for text in reversed(files_below(folder)):  # a.txt before a.TXT
        name = text.relative_to(folder).with_suffix("")
        if text.suffix.lower() != ".txt" or not text.is_file():
            continue
        if name not in wanted and NO_LABELS.match(text.name):
            continue
        if found.setdefault(name, text) != text:
            problems.add(f"text beside {found[name].name}", text.name)
    return dict(sorted(found.items()))
