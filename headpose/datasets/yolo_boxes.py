"""Head boxes in YOLO's text files, as darknet and Ultralytics keep them."""

import csv
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import numpy as np

from headpose.datasets.box_rows import UNREADABLE, BoxRow, Rows, chosen_classes, first_folder
from headpose.datasets.label_tables import Problems
from headpose.errors import HeadposeError
from headpose.files import number as as_number
from headpose.images.pictures import SUFFIXES

# Of a box, and perhaps its score; lines of outlines begin alike, but with corners.
MOST_VALUES = 5
# Texts beside them that have no boxes.
NO_LABELS = re.compile(
    r"(classes|predefined_classes|readme(\..*)?|licen[sc]e|train|val|test)\.txt", re.IGNORECASE
)


def read_yolo(folder: Path, part: str, problems: Problems) -> tuple[Path, Rows]:
    """Reads texts of `class x y width height`, in parts of the picture, centres first.

    Texts lie in `labels` beside `images` (both may have the same folders inside), or
    beside the pictures. `data.yaml`, `classes.txt` or `obj.names` may name the classes.
    """
    pictures, texts = folder, folder
    if (folder / "labels").is_dir():
        pictures, texts = first_folder(folder / "images", folder), folder / "labels"
    elif "images" in folder.parts:  # dataset/images/train with dataset/labels/train
        at = len(folder.parts) - 1 - folder.parts[::-1].index("images")
        other = Path(*folder.parts[:at], "labels", *folder.parts[at + 1 :])
        texts = other if other.is_dir() else folder
    files = sorted(f for f in pictures.rglob("*") if f.suffix.lower() in SUFFIXES)
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
    names = _yolo_names(folder)
    for file in files:
        name = file.relative_to(pictures)
        boxes = found.setdefault(str(name), [])
        if (text := of_name.get(name.with_suffix(""))) is None:
            continue
        lines = text.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        if shared[file.with_suffix("")] > 1:
            problems.add("picture that shares its text with another", str(name))
            boxes.append(("", UNREADABLE))
        for number, line in enumerate(lines, 1):
            try:
                kind, *values = line.split()
                x, y, width, height = map(as_number, values[:4])
                index = int(kind)
            except ValueError:
                if line.strip():
                    problems.add("bad row", f"{text.name} line {number}")
                    boxes.append(("", UNREADABLE))
                continue
            if len(values) > MOST_VALUES:
                problems.add("outline or key points, no box", f"{text.name} line {number}")
                boxes.append((names.get(index, kind), UNREADABLE))
                continue
            box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            if not np.isfinite(box).all():
                problems.add("bad row", f"{text.name} line {number}")
                boxes.append((names.get(index, kind), UNREADABLE))
                continue
            boxes.append((names.get(index, str(index)), BoxRow(box, relative=True)))
    for name, text in of_name.items():
        if name not in wanted:
            problems.add("text without a picture", text.name)
    used = (kind for boxes in found.values() for kind, _ in boxes if kind)
    chosen = {"", *chosen_classes(folder, [*names.values(), *used], part)}
    rows = {n: [row for kind, row in boxes if kind in chosen] for n, boxes in found.items()}
    return pictures, rows


def _texts(folder: Path, wanted: Collection[Path], problems: Problems) -> dict[Path, Path]:
    """Returns the texts below a folder that may have boxes, by their paths without suffix.

    Args:
        folder: Where they are.
        wanted: Of pictures, whose texts may have any name.
        problems: Gets a text beside which there is another of the same name, as a.TXT.
    """
    found: dict[Path, Path] = {}
    for text in sorted(folder.rglob("*"), reverse=True):  # a.txt before a.TXT
        name = text.relative_to(folder).with_suffix("")
        if text.suffix.lower() != ".txt" or not text.is_file():
            continue
        if name not in wanted and NO_LABELS.match(text.name):
            continue
        if found.setdefault(name, text) != text:
            problems.add(f"text beside {found[name].name}", text.name)
    return dict(sorted(found.items()))


def _yolo_names(folder: Path) -> dict[int, str]:
    """Returns the names of classes by number, from the first file that has them."""
    for place in (folder, *list(folder.parents)[:2]):
        for name in ("classes.txt", "obj.names"):
            if (place / name).is_file():
                lines = (place / name).read_text(encoding="utf-8", errors="replace").splitlines()
                return {i: line.strip() for i, line in enumerate(lines) if line.strip()}
        for name in ("data.yaml", "dataset.yaml"):
            if (place / name).is_file():
                return _names_in_yaml((place / name).read_text(encoding="utf-8", errors="replace"))
    return {}


def _names_in_yaml(text: str) -> dict[int, str]:
    """Reads `names` of an Ultralytics data.yaml: `[a, b]`, `- a` or `0: a` lines."""
    lines = text.splitlines()
    at = next((i for i, line in enumerate(lines) if line.startswith("names:")), None)
    if at is None:
        return {}
    value = lines[at].removeprefix("names:").split("#")[0].strip()
    if value.startswith("["):
        items = next(csv.reader([value.strip("[]")], skipinitialspace=True), [])
        return {i: item.strip().strip("'\"") for i, item in enumerate(items)}
    names: dict[int, str] = {}
    for line in lines[at + 1 :]:
        entry = line.split("#")[0].strip()
        if entry.startswith("- "):
            names[len(names)] = entry[2:].strip().strip("'\"")
        elif line[:1] in (" ", "\t") and entry.partition(":")[0].isdigit():
            index, _, name = entry.partition(":")
            names[int(index)] = name.strip().strip("'\"")
        elif entry:
            break
    return names
