"""The files in which people keep head boxes, read into rows by picture.

| layout | told by | a picture without heads | ignored |
|---|---|---|---|
| CSV `file,xmin,ymin,xmax,ymax` | a file `*.csv` | a row without a box | column `ignore` |
| VOC XML, as SCUT-HEAD, HollywoodHeads | a folder with `*.xml` | no object | `difficult` |
| YOLO text | a folder with `labels/*.txt`, or `*.txt` | no or empty text | - |
| COCO JSON | a file `*.json` | no annotation | `iscrowd`, `ignore` |
| CrowdHuman | a file `*.odgt` | no person | head `ignore`, `unsure`; masks |

Where boxes have classes, those named "head" are taken, or the only class there is, or
what stands after #: `annotations.json#head+helmet`.
"""

import os
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pandas as pd

from headpose.datasets.box_rows import (
    IGNORED,
    UNREADABLE,
    BoxRow,
    Rows,
    chosen_classes,
    first_folder,
    is_ignored,
    picture_folder,
    slashed,
)
from headpose.datasets.json_boxes import read_coco, read_odgt
from headpose.datasets.label_angles import with_angles_that_can_be
from headpose.datasets.label_tables import Problems, numbers, of_part, read_texts
from headpose.datasets.problem_kinds import BAD_BOX, BAD_ROW
from headpose.datasets.told_sizes import SIZE, known_size, told_sizes
from headpose.datasets.yolo_boxes import read_yolo
from headpose.errors import HeadposeError, reason
from headpose.files import is_regular, number
from headpose.geometry.boxes import COLUMNS
from headpose.images.pictures import SUFFIXES

ENDINGS = (*SUFFIXES, ".xml")  # that a list may add to names
TAGS = ("view", "headgear")  # columns of a CSV that say more of a head

ENCODING = re.compile(rb"\s*<\?xml[^>]*\bencoding=[\"']([\w.-]+)")


def read_box_rows(source: Path, part: str, problems: Problems) -> tuple[Path, Rows]:
    """Reads a file or folder of any layout above.

    Args:
        source: The file or folder.
        part: What stands after # in its name: a part of the rows (CSV: column `part`;
            VOC: `Splits/PART.txt` or `ImageSets/Main/PART.txt`; YOLO: a folder), or classes.
        problems: Gets what is left out.

    Returns:
        The folder of the pictures and the rows of each, in the order of the source.

    Raises:
        HeadposeError: If it is missing, of no such layout, or cannot be read.
    """
    try:
        if source.is_dir():
            if _xml_files(source):
                return read_voc(source, part, problems)
            return read_yolo(source, part, problems)
        if not source.is_file():
            raise HeadposeError(
                f"{source}: no such file or folder; name a CSV, COCO JSON or odgt of boxes, "
                "or a folder of VOC XML or YOLO text"
            )
        if source.suffix.lower() == ".json":
            return read_coco(source, part, problems)
        if source.suffix.lower() == ".odgt":
            if part:
                raise HeadposeError(f"{source}: an .odgt has no parts; leave out #{part}")
            return read_odgt(source, problems)
        rows = read_csv(source, part, problems)
        return picture_folder(source, rows), rows
    except OSError as error:
        raise HeadposeError(f"{source}: cannot be read: {reason(error)}") from error


def ignored_rows(table: pd.DataFrame) -> list[bool | None]:
    """Returns whether each row of a table is to be ignored; None where that cannot be read."""
    told = table["ignore"] if "ignore" in table else [""] * len(table)
    return [IGNORED.get(text.strip().lower()) for text in told]


def read_csv(path: Path, part: str, problems: Problems) -> Rows:
    cut: set[str] = set()
    whole = read_texts(path, ("file", *COLUMNS), problems, cut)
    table = with_angles_that_can_be(path, of_part(path, whole, part), problems)
    boxes = numbers(table, COLUMNS).to_numpy()
    ignored = ignored_rows(table)
    empty = (table[list(COLUMNS)] == "").all(axis=1)
    kinds = [kind for kind in TAGS if kind in table]
    tags = table[kinds].to_dict("records")
    rows: Rows = {}
    sizes = map(tuple, told_sizes(table))
    for line, name, box, none, ignore, tag, size in zip(
        table.index, table["file"], boxes, empty, ignored, tags, sizes, strict=True
    ):
        if not name or ignore is None or not (none or np.isfinite(box).all()):
            problems.add(BAD_ROW, f"{path.name} line {line}")
            if name:
                rows.setdefault(name, []).append(UNREADABLE)
            continue
        rows.setdefault(name, [])
        if not none:
            rows[name].append(BoxRow(tuple(box), ignore, tag, size=size))
    of_picture = _RowsOf(picture_folder(path, rows), rows)
    for name in cut:
        of_picture(name).append(UNREADABLE)
    # Heads of other parts that are in the same pictures are no background.
    others = whole[~whole.index.isin(table.index)]
    others = others[(others[list(COLUMNS)] != "").any(axis=1)]
    for name, box in zip(others["file"], numbers(others, COLUMNS).to_numpy(), strict=True):
        of_picture(name).append(BoxRow(tuple(box), ignore=True))
    return rows


class _RowsOf:
    """Finds the rows of a picture, however it is spelled; those of no picture are forgotten."""

    def __init__(self, folder: Path, rows: Rows):
        self._folder, self._rows = folder, rows
        self._spelled = {self._alike(name): name for name in rows}

    def __call__(self, name: str) -> list[BoxRow]:
        if name in self._rows:
            return self._rows[name]
        known = self._spelled.get(self._alike(name))
        if known is None or self._is_another(name, known):
            return []
        return self._rows[known]

    def _is_another(self, name: str, known: str) -> bool:
        """Tells whether there is a file of each name: some systems tell IMG.jpg from img.jpg."""
        try:
            return not os.path.samefile(self._folder / name, self._folder / known)  # noqa: PTH121
        except OSError:  # one is not there by that name
            return False

    @staticmethod
    def _alike(name: str) -> str:
        """Returns what names of one picture have in common: `./A.JPG` and `a.jpg`."""
        return os.path.normpath(slashed(name)).lower()


def read_voc(folder: Path, part: str, problems: Problems) -> tuple[Path, Rows]:
    files = _xml_files(folder)
    for below in sorted((folder / "Annotations").glob("[!.]*/")):
        for file in _xml_files(below):
            problems.add("XML in a folder below, which is not looked into", file.name)
    lists = (folder / "Splits" / f"{part}.txt", folder / "ImageSets" / "Main" / f"{part}.txt")
    if part and (split := next((f for f in lists if f.is_file()), None)):
        files, part = _listed(split, files, problems), ""
    pictures = first_folder(folder / "JPEGImages", folder)
    found: dict[str, list[tuple[str, BoxRow]]] = {}
    for file in files:
        try:
            root = _annotation(file)
            boxes = [
                (
                    (thing.findtext("name") or "").strip(),
                    BoxRow(
                        _corners(thing.find("bndbox")),
                        is_ignored(thing.findtext("difficult") or ""),
                        size=_told_size(root.find("size")),
                    ),
                )
                for thing in root.iter("object")
            ]
        except (ElementTree.ParseError, ValueError, LookupError):  # the last of odd encodings
            problems.add("bad XML", file.name)
            continue
        name = (root.findtext("filename") or "").strip() or f"{file.stem}.jpg"
        # HollywoodHeads names files without a suffix, others name another folder's.
        name = Path(slashed(name)).name
        if Path(name).suffix.lower() not in SUFFIXES:
            name += ".jpeg" if (pictures / f"{name}.jpeg").exists() else ".jpg"
        if name in found:
            raise HeadposeError(
                f"{folder}: {file.name} and another file are both of {name}; leave one out"
            )
        found[name] = boxes
        if not all(np.isfinite(row.box).all() for _, row in boxes):
            problems.add(BAD_BOX, file.name)
    chosen = chosen_classes(folder, (kind for boxes in found.values() for kind, _ in boxes), part)
    rows = {n: [row for kind, row in boxes if kind in chosen] for n, boxes in found.items()}
    return pictures, rows


def _annotation(file: Path) -> ElementTree.Element:
    """Returns what a VOC file holds, without namespaces.

    Raises:
        ValueError: If it is another kind of XML, or no file that can be read.
        LookupError: If it is in an encoding that nobody knows.
        ElementTree.ParseError: If it is no XML.
    """
    if not is_regular(file):
        raise ValueError("a link that leads nowhere, a folder or a pipe")
    content = file.read_bytes()
    try:
        root = ElementTree.fromstring(content)
    except ValueError:  # Python's parser knows no encodings of several bytes but Unicode's
        if (named := ENCODING.match(content)) is None:
            raise
        root = ElementTree.fromstring(content.decode(named[1].decode("ascii")))
    for element in root.iter():
        if isinstance(element.tag, str):  # no comment
            element.tag = element.tag.rpartition("}")[2]
    if root.tag != "annotation":
        raise ValueError(f"no annotation: {root.tag}")
    return root


def _xml_files(folder: Path) -> list[Path]:
    """Returns the XML files of a set: those in `Annotations`, else its own."""
    place = first_folder(folder / "Annotations", folder)
    return sorted(file for file in place.glob("[!.]*") if file.suffix.lower() == ".xml")


def _listed(split: Path, files: list[Path], problems: Problems) -> list[Path]:
    """Returns the XML files that a list names, one a line, perhaps with more behind a space."""
    by_name = {file.stem: file for file in files}
    kept = set()
    for line in split.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        words = [line.strip(), *line.split()[:1]]
        names = [
            *words,
            *(Path(word).stem for word in words if Path(word).suffix.lower() in ENDINGS),
        ]
        known = next((name for name in names if name in by_name), None)
        if known is not None:
            kept.add(known)
        elif line.strip():
            problems.add(f"in {split.name}, but without XML", words[-1])
    return [file for name, file in by_name.items() if name in kept]


def _told_size(size: ElementTree.Element | None) -> tuple[float, float]:
    """Returns the width and height that a VOC file tells, NaN where it does not."""
    told = [size.findtext(name) or "0" if size is not None else "0" for name in SIZE]
    width, height = map(number, told)
    return known_size(width, height)


def _corners(box: ElementTree.Element | None) -> tuple[float, float, float, float]:
    """Returns the corners that a VOC box tells, NaN where one or the box is missing."""
    if box is None:  # an outline
        return UNREADABLE.box
    x0, y0, x1, y1 = (number(box.findtext(name, "nan")) for name in COLUMNS)
    return x0, y0, x1, y1
