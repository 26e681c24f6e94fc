"""Pictures with head boxes, for training and measuring detectors.

Two layouts are read: a CSV with a row for each head (`file,xmin,ymin,xmax,ymax`, other
columns ignored, `file` relative to a folder of pictures), and VOC XML, a file for each
picture, as VOC itself, HollywoodHeads and SCUT-HEAD ship it.
"""

import dataclasses
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from headpose.datasets.label_tables import Problems, SourceName, numbers, read_labels
from headpose.errors import HeadposeError
from headpose.geometry.boxes import COLUMNS
from headpose.images.pictures import SUFFIXES, PictureError, read_image
from headpose.parallel.prefetch import ahead
from headpose.reporting import progress


@dataclasses.dataclass(frozen=True)
class BoxedPicture:
    """A picture file and the boxes (N, 4) of all heads in it, in its pixels."""

    path: Path
    boxes: np.ndarray


def read_boxed_pictures(
    source: str | Path, pictures: str | Path | None = None
) -> tuple[list[BoxedPicture], Problems]:
    """Reads a CSV of boxes or a folder of VOC XML files.

    Args:
        source: The CSV, or a folder with `*.xml` in it or in `Annotations/`.
            `labels.csv#train` takes only rows whose column `part` says `train`.
        pictures: The folder that file names are relative to. By default, for a CSV
            `NAME.csv` the folder `NAME` beside it, else `images`, else its own folder;
            for VOC `JPEGImages` beside `Annotations`, else the folder itself.

    Returns:
        The pictures that can be used, in the order of the source, and what could not.
        Boxes that pass the border are cut to it.

    Raises:
        HeadposeError: If the source is missing or has not one usable picture.
    """
    named = SourceName.parse(str(source))
    source = named.path
    problems = Problems()
    if source.is_dir():
        rows = _read_voc(source, problems)
        folder = Path(pictures) if pictures else _first_folder(source / "JPEGImages", source)
    elif source.is_file():
        rows = _read_csv(source, named.part, problems)
        folder = Path(pictures) if pictures else picture_folder(source)
    else:
        raise HeadposeError(
            f"{source}: no such file or folder; name a CSV of boxes or a VOC folder"
        )

    def check(item: tuple[str, list]) -> BoxedPicture | None:
        name, boxes = item
        return _check(folder / name, name, np.array(boxes, np.float32).reshape(-1, 4), problems)

    checked = progress(ahead(check, rows.items()), "pictures", len(rows))
    found = [picture for picture in checked if picture is not None]
    if not found:
        told = "; ".join(problems.lines())
        raise HeadposeError(f"{source}: no usable picture in {folder}; {told or 'it has no rows'}")
    return found, problems


def picture_folder(table: Path) -> Path:
    """Guesses where the pictures of a table lie; see `read_boxed_pictures`."""
    stem = table.stem.removesuffix("_pose")
    return _first_folder(table.with_name(stem), table.with_name("images"), table.parent)


def _first_folder(*folders: Path) -> Path:
    return next((f for f in folders if f.is_dir()), folders[-1])


def _read_csv(path: Path, part: str, problems: Problems) -> dict[str, list]:
    table = read_labels(path, part, ("file", *COLUMNS), problems)
    boxes = numbers(table, COLUMNS).to_numpy()
    empty = (table[list(COLUMNS)] == "").all(axis=1)
    rows: dict[str, list] = {}
    for line, name, box, none in zip(table.index, table["file"], boxes, empty, strict=True):
        if not name or not (none or np.isfinite(box).all()):
            problems.add("bad row", f"{path.name} line {line}")
            continue
        rows.setdefault(name, [])
        if not none:
            rows[name].append(box)
    return rows


def _read_voc(folder: Path, problems: Problems) -> dict[str, list]:
    files = sorted(_first_folder(folder / "Annotations", folder).glob("*.xml"))
    rows: dict[str, list] = {}
    for file in files:
        try:
            root = ElementTree.parse(file).getroot()
            boxes = [
                [float(box.findtext(c, "nan")) for c in COLUMNS]
                for thing in root.iter("object")
                if (box := thing.find("bndbox")) is not None
            ]
        except (ElementTree.ParseError, ValueError):
            problems.add("bad XML", file.name)
            continue
        name = (root.findtext("filename") or "").strip() or f"{file.stem}.jpg"
        # HollywoodHeads names files without a suffix, others name another folder's.
        name = Path(name).name
        if Path(name).suffix.lower() not in SUFFIXES:
            name += ".jpeg" if (folder / "JPEGImages" / f"{name}.jpeg").exists() else ".jpg"
        rows[name] = [box for box in boxes if np.isfinite(box).all()]
        if len(rows[name]) < len(boxes):
            problems.add("bad box", file.name)
    return rows


def _check(path: Path, name: str, boxes: np.ndarray, problems: Problems) -> BoxedPicture | None:
    """Reads the picture once: a damaged one would stop training at some later step."""
    try:
        height, width = read_image(path).shape[:2]
    except PictureError as error:
        missing = isinstance(error.__cause__, FileNotFoundError)
        problems.add("missing picture" if missing else "unreadable picture", name)
        return None
    if not len(boxes):
        problems.add("picture without boxes", name)
        return None
    inside = np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)
    good = (inside[:, 2] - inside[:, 0] >= 1) & (inside[:, 3] - inside[:, 1] >= 1)
    for _ in range(int((~good).sum())):
        problems.add("box without area inside the picture", name)
    if not good.any():
        return None
    return BoxedPicture(path, inside[good])
