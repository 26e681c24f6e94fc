"""Head boxes in JSON: COCO's files, and CrowdHuman's lines."""

import os
from pathlib import Path
from typing import Any

from headpose.datasets.box_rows import (
    UNREADABLE,
    BoxRow,
    Rows,
    chosen_classes,
    fullest_folder,
    is_ignored,
    is_of_heads,
)
from headpose.datasets.label_tables import Problems
from headpose.datasets.told_sizes import known_size
from headpose.errors import HeadposeError
from headpose.files import check_readable, number, parse_json, plain_path
from headpose.reporting import logger


def read_coco(path: Path, part: str, problems: Problems) -> tuple[Path, Rows]:
    check_readable(path)
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
        named = [(coco_id(i["id"]), _name(i["file_name"]), coco_size(i)) for i in content["images"]]
        annotations = content["annotations"]
        if not isinstance(annotations, list):
            raise TypeError("no list of annotations")
        classes = {coco_id(c["id"]): str(c["name"]) for c in content.get("categories", [])}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HeadposeError(f"{path}: not a COCO file: no images, annotations with ids") from error
    files = pictures_by_id(path, [(image, name) for image, name, _ in named])
    sizes = {name: size for _, name, size in named}
    # Of a class that is not declared, or of none, it may be a head.
    kinds = [k if not classes or k in classes else None for k in map(_kind, annotations)]
    used = {kind for kind in kinds if kind is not None}
    known = [*classes, *sorted(used - set(classes))]
    names: dict[str | None, str] = {i: classes.get(i, i) for i in known}
    # A class of heads may be declared and none be there; a declared "none" is of no use.
    all_count = part or any(map(is_of_heads, names.values()))
    chosen = chosen_classes(path, [names[i] for i in names if i in used or all_count], part)
    there = {names[kind] for kind in used}
    if there and not there & chosen:
        told = ", ".join(sorted(there))
        logger.warning("%s: no box is of %s; all are of %s", path, ", ".join(sorted(chosen)), told)
    rows: Rows = {file: [] for file in files.values()}
    placed = 0
    for index, (note, kind) in enumerate(zip(annotations, kinds, strict=True)):
        file = None
        try:
            file = files[coco_id(note["image_id"])]
            placed += 1
            x, y, width, height = map(number, note["bbox"])
            box = (x, y, x + width, y + height)
            ignore = is_ignored(note.get("iscrowd")) or is_ignored(note.get("ignore"))
            is_head = names[kind] in chosen
        except (KeyError, TypeError, ValueError, AttributeError):
            problems.add("bad annotation", f"{path.name} number {index}")
            if file is not None:
                rows[file].append(UNREADABLE)
            continue
        if is_head:
            rows[file].append(BoxRow(box, ignore, size=sizes[file]))
    if annotations and not placed:
        raise HeadposeError(f"{path}: no annotation is of one of its images: their ids differ")
    stem = path.stem.removeprefix("instances_")
    near = [path.with_name(path.stem), path.with_name("images"), path.parent.parent / stem]
    near += [path.parent.parent / "images" / stem, path.parent.parent / "images"]
    return _sole(path, fullest_folder(rows, path.parent, *near), rows)


def _sole(path: Path, folder: Path, rows: Rows) -> tuple[Path, Rows]:
    """Returns its arguments, of which no two rows are of one picture by different names.

    Raises:
        HeadposeError: If two are: one may be meant for another picture.
    """
    known: dict[str, str] = {}
    for name in rows:
        other = known.setdefault(plain_path(folder / name), name)
        if other != name:
            raise HeadposeError(f"{path}: {other} and {name} are one picture; leave one out")
    return folder, rows


def coco_id(value: Any) -> str:
    """Returns an id as text: programs write the same ones as numbers and as texts.

    Raises:
        TypeError: If it is neither.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"no id: {value!r}")
    return str(value).strip()


def _name(value: Any) -> str:
    """Returns the name of a file, spelled in one way: ./a.jpg is a.jpg."""
    value = str(value)
    # What is above a folder that is a link is known where the folder is looked into.
    return os.path.normpath(value) if value and ".." not in Path(value).parts else value


def _kind(note: Any) -> str | None:
    """Returns the class of an annotation; None where it is none."""
    try:
        return coco_id(note["category_id"]) if "category_id" in note else ""
    except (TypeError, KeyError):
        return None


def coco_size(image: dict) -> tuple[float, float]:
    """Returns the width and height that an image tells, NaN where it does not."""
    try:
        return known_size(number(image.get("width")), number(image.get("height")))
    except (TypeError, ValueError):
        return known_size(0, 0)


def pictures_by_id(path: Path, named: list[tuple[Any, str]]) -> dict[Any, str]:
    """Returns pictures by their ids.

    Raises:
        HeadposeError: If an id or a picture is there twice: boxes would be taken for another's.
    """
    for what, values in (("the id", [i for i, _ in named]), ("the file", [f for _, f in named])):
        seen: set = set()
        for value in values:
            if value in seen:
                raise HeadposeError(f"{path}: two images have {what} {value!r}; leave one out")
            seen.add(value)
    return dict(named)


def read_odgt(path: Path, problems: Problems) -> tuple[Path, Rows]:
    """Reads CrowdHuman's lines of JSON: `hbox` is the head's x, y, width, height."""
    rows: Rows = {}
    check_readable(path)
    for row, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            item = parse_json(line.decode("utf-8-sig"))
            boxes = [_odgt_row(thing) for thing in item["gtboxes"]]
            name = _name(f"{item['ID']}.jpg")
        except (ValueError, KeyError, TypeError, AttributeError):
            problems.add("bad line", f"{path.name} line {row}")
            continue
        if name in rows:
            raise HeadposeError(f"{path}: line {row} and another are both of {name}; leave one out")
        rows[name] = [row for row in boxes if row is not None]
    near = [path.with_name(n) for n in (path.stem, "Images", "images")]
    return _sole(path, fullest_folder(rows, path.parent, *near), rows)


def _odgt_row(thing: dict) -> BoxRow | None:
    """Reads one person; ignored are masks of people together, and people without a head box."""
    person = str(thing.get("tag", "person")).lower() == "person"
    values = thing.get("hbox") if person else thing.get("fbox")
    headless = person and values is None  # somewhere in the person is a head
    values = thing.get("fbox") if headless else values
    if values is None:
        return UNREADABLE if person else None
    x, y, width, height = map(number, values)
    notes = {**thing.get("extra", {}), **thing.get("head_attr", {})}
    unsure = any(is_ignored(notes.get(kind)) for kind in ("ignore", "unsure"))
    ignore = not person or headless or unsure
    return BoxRow((x, y, x + width, y + height), ignore)
