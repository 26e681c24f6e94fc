"""Head boxes in JSON: COCO's files, and CrowdHuman's lines."""

from pathlib import Path
from typing import Any

from headpose.datasets.box_rows import UNREADABLE, BoxRow, Rows, chosen_classes, folder_with
from headpose.datasets.label_tables import Problems
from headpose.errors import HeadposeError
from headpose.files import check_readable, number, parse_json


def read_coco(path: Path, part: str, problems: Problems) -> tuple[Path, Rows]:
    check_readable(path)
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
        named = [(image["id"], str(image["file_name"])) for image in content["images"]]
        annotations = content["annotations"]
        classes = {c["id"]: str(c["name"]) for c in content.get("categories", [])}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HeadposeError(f"{path}: not a COCO file: no images, annotations with ids") from error
    files = _each_once(path, named)
    used = {note.get("category_id") for note in annotations if isinstance(note, dict)}
    names = {i: classes.get(i, str(i)) for i in [*classes, *used - set(classes)]}
    chosen = chosen_classes(path, [names[i] for i in names if i in used or part], part)
    rows: Rows = {file: [] for file in files.values()}
    for index, note in enumerate(annotations):
        file = None
        try:
            image = note["image_id"]
            file = files[image] if image in files else files[_as_number(image)]
            kind = names[note.get("category_id")]
            x, y, width, height = map(number, note["bbox"])
            box = (x, y, x + width, y + height)
            ignore = bool(note.get("iscrowd", 0)) or bool(note.get("ignore", 0))
        except (KeyError, TypeError, ValueError, AttributeError):
            problems.add("bad annotation", f"{path.name} number {index}")
            if file is not None:
                rows[file].append(UNREADABLE)
            continue
        if kind in chosen:
            rows[file].append(BoxRow(box, ignore))
    stem = path.stem.removeprefix("instances_")
    near = [path.with_name(path.stem), path.with_name("images"), path.parent.parent / stem]
    near += [path.parent.parent / "images" / stem, path.parent.parent / "images", path.parent]
    return folder_with(next(iter(rows), None), *near), rows


def _each_once(path: Path, named: list[tuple[Any, str]]) -> dict[Any, str]:
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


def _as_number(text: Any) -> int:
    """Returns an id as the number that it is, where a program wrote it as text."""
    return int(text)


def read_odgt(path: Path, problems: Problems) -> tuple[Path, Rows]:
    """Reads CrowdHuman's lines of JSON: `hbox` is the head's x, y, width, height."""
    rows: Rows = {}
    check_readable(path)
    for row, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            item = parse_json(line.decode("utf-8-sig"))
            boxes = [_odgt_row(thing) for thing in item.get("gtboxes", [])]
            name = f"{item['ID']}.jpg"
        except (ValueError, KeyError, TypeError, AttributeError):
            problems.add("bad line", f"{path.name} line {row}")
            continue
        rows[name] = [row for row in boxes if row is not None]
    near = [path.with_name(n) for n in (path.stem, "Images", "images")]
    return folder_with(next(iter(rows), None), *near, path.parent), rows


def _odgt_row(thing: dict) -> BoxRow | None:
    """Reads one person; masks, where people were not labelled one by one, are ignored."""
    person = thing.get("tag", "person") == "person"
    values = thing.get("hbox") if person else thing.get("fbox")
    if values is None:
        return None
    x, y, width, height = map(number, values)
    notes = {**thing.get("extra", {}), **thing.get("head_attr", {})}
    ignore = not person or any(notes.get(kind, 0) == 1 for kind in ("ignore", "unsure"))
    return BoxRow((x, y, x + width, y + height), ignore)
