"""Labelled heads for training pose estimators, from tables, clean folders and renderings."""

import zlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from headpose.datasets.detection_annotations import picture_folder
from headpose.datasets.head_sets import HeadSet
from headpose.datasets.label_angles import check_trust
from headpose.datasets.label_tables import PARTS, Problems, SourceName, numbers, read_labels
from headpose.datasets.labelled_rows import check_source, named_dataset, read_rows
from headpose.datasets.picture_finder import with_found_files
from headpose.datasets.problem_kinds import BAD_BOX, NO_ANGLES
from headpose.datasets.rendered_tiles import PLACE, blend, cut_tiles
from headpose.datasets.repeated_rows import TWICE, repeated
from headpose.datasets.table_heads import add_each, has_place, in_picture, photo_of
from headpose.datasets.told_sizes import NOT_FOUND, told_sizes
from headpose.errors import HeadposeError
from headpose.geometry import crops
from headpose.geometry.angles import pitch_down
from headpose.geometry.boxes import COLUMNS, match
from headpose.geometry.convention_math import ANGLES
from headpose.reporting import progress

CONTEXT = 1.75  # side of a patch over side of the crop in it
SAME_HEAD_IOU = 0.4  # from which a detector's box is a labelled head's
# For estimators of angles: beyond, tilt and roll lock (pan near 90), or angles are rare.
RENDERED_PAN, RENDERED_TILT = 85.0, 60.0
# Degrees of disagreement between labellers that halve a label's weight.
HALF_TRUSTED = 10.0


def read_heads(
    source: str | SourceName,
    size: int = 64,
    side: str = "short",
    margin: float = 1.0,
    detector=None,
    whole_turn: bool = False,
    grey: bool = True,
) -> tuple[HeadSet, Problems]:
    """Reads labelled heads of any kind.

    Args:
        source: One of
            a clean folder as the cleaners write it;
            a CSV with `file`, a box (`xmin` … or `head_xmin` …), `tilt`, `pan` and, where
            known, `roll`, `weight` (0..1, how far the label is trusted), `disagreement`
            (degrees, between several labellers; lowers the weight) and `face`
            (`away`: seen from behind, without angles);
            a CSV of rendered tiles with `sheet`, `row`, `col` and the same;
            a published data set, `NAME:PATH`, see `headpose.datasets.labelled_rows`.
            `SOURCE#PART` takes the rows whose column `part` says so (for a clean folder,
            its train, validation or test part; for a table without that column but with
            `identity`, every tenth identity is `validation`, the others `train`),
            `SOURCE@SHARE` sets the share.
        size, side, margin: Of the crops, see `headpose.geometry.crops.head_crops`.
        detector: If given, heads in pictures are cropped at its boxes, as they will be
            in use; a head that it does not find keeps its labelled box.
        whole_turn: Whether to take heads seen from behind and rendered ones of any pan.
        grey: Whether crops and patches are grey or in colour.

    Raises:
        HeadposeError: If there is no such source or it has no usable head.
    """
    named = source if isinstance(source, SourceName) else SourceName.parse(source)
    path, part = named.path, named.part
    problems = Problems()
    check_source(path)
    if dataset := named_dataset(path):
        table = read_rows(*dataset, part, problems)
        heads = _read_boxes(path, table, problems, size, side, margin, detector, grey)
    elif path.is_dir():
        from headpose.datasets.crop_dataset import fitted, read_crops, subjects_of

        if part and part not in PARTS:
            raise HeadposeError(f"{path}: has parts {', '.join(PARTS)}, no {part!r}")
        clean = read_crops(path, part or None)
        heads = _from_crops(fitted(clean.crops, size, grey), clean.angles)
        heads.units = _units(path, subjects_of(clean.table))
        heads.origins = np.array([zlib.crc32(crop.tobytes()) for crop in clean.crops], np.int64)
    else:
        table = _read_table(path, part, problems)
        if set(PLACE) <= set(table.columns):
            heads = _read_tiles(path, table, problems, size, side, margin, whole_turn)
        else:
            if not whole_turn:
                table = table[~table["away"]]
            heads = _read_boxes(path, table, problems, size, side, margin, detector, grey)
    if len(heads) and not grey:
        from headpose.datasets.crop_dataset import fitted

        # Rendered heads get equal channels.
        heads.crops = fitted(heads.crops, size, grey=False)
    if not len(heads):
        told = "; ".join(problems.lines())
        raise HeadposeError(f"{source}: no usable head{f' ({told})' if told else ''}")
    heads.share = named.share
    if named.pitch_down:
        heads.angles[:] = _nodded_down(heads.angles, named.pitch_down)
    return heads, problems


def _nodded_down(angles: np.ndarray, degrees: float) -> np.ndarray:
    """Returns labels (N, 3) of heads nodded down; those without angles stay as they are.

    A head whose roll is not known is nodded as if it were upright, and its roll stays unknown:
    what is learned of it is where its nose points.
    """
    known = np.isfinite(angles[:, :2]).all(axis=1)
    nodded = angles.copy()
    nodded[known] = pitch_down(np.nan_to_num(angles[known]), degrees)
    nodded[np.isnan(angles)] = np.nan
    return nodded


def _read_table(path: Path, part: str, problems: Problems) -> pd.DataFrame:
    table = read_labels(path, part, ("tilt", "pan"), problems)
    check_trust(path, table)
    known = (*ANGLES, "weight", "disagreement", *COLUMNS)
    table[list(known)] = numbers(table, known)
    table["away"] = table["face"] == "away" if "face" in table else False
    # Half the weight where labellers differ by as much as estimators commonly err.
    doubt = table["disagreement"].fillna(0) / HALF_TRUSTED
    table["weight"] = table["weight"].fillna(1) / (1 + doubt**2)
    # Heads of nobody who is named belong to their picture.
    names = pd.Series("", index=table.index)
    for unit in (name for name in ("identity", "person", "file") if name in table):
        names = names.where(names != "", table[unit].str.strip())
    table["unit"] = _units(path.absolute().parent, names)  # however the table is named
    return table


def _units(folder: Path, names: Iterable[str]) -> np.ndarray:
    """Returns a number for each name of what belongs together, the same in every run."""
    return _numbered(f"{folder.absolute().name}#{name}" for name in names)


def _numbered(texts: Iterable[str]) -> np.ndarray:
    return np.array([zlib.crc32(text.encode(errors="surrogatepass")) for text in texts], np.int64)


def _from_crops(cut: np.ndarray, angles: np.ndarray) -> HeadSet:
    """Takes crops as they are: what lies around them repeats their edge."""
    return HeadSet(
        cut,
        cut,
        np.full(len(cut), float(cut.shape[1])),
        np.asarray(angles, np.float32),
        np.ones(len(cut), np.float32),
        np.zeros(len(cut), bool),
    )


def _read_boxes(path, table, problems, size, side, margin, detector, grey=True) -> HeadSet:
    if "file" not in table:
        raise HeadposeError(f"{path}: no column file, so no table of heads in pictures")
    folder = picture_folder(path, table["file"])
    table = with_found_files(table, folder, problems)
    table = _once(table, folder, problems)
    patch_size = round(size * CONTEXT)
    kept, cut, patches = [], [], []
    # Names may be no UTF-8, of which pandas makes no groups.
    numbered, files = pd.factorize(table["file"].to_numpy(object))
    for number, rows in progress(table.groupby(numbered, sort=False), "pictures"):
        file = files[number]
        placed = has_place(rows[list(COLUMNS)].to_numpy(np.float64))
        add_each(problems, BAD_BOX, rows["file"][~placed])
        labelled = (rows[["tilt", "pan"]].notna().all(axis=1) | rows["away"]).to_numpy()
        add_each(problems, NO_ANGLES, rows["file"][placed & ~labelled])
        rows = rows[placed & labelled]
        if rows.empty or (colour := photo_of(folder / str(file), problems)) is None:
            continue
        boxes = rows[list(COLUMNS)].to_numpy(np.float32)
        inside = in_picture(boxes, told_sizes(rows), colour, rows["file"].to_numpy(), problems)
        rows, boxes = rows[inside], boxes[inside]
        if rows.empty:
            continue
        if detector is not None:
            boxes, missed = detected_boxes(detector, colour, boxes)
            add_each(problems, NOT_FOUND, [file] * missed)
        seen = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY) if grey else colour
        cut.append(crops.head_crops(seen, boxes, size, side, margin, grey=grey))
        around = crops.squares(boxes, side, margin * CONTEXT)
        patches += [crops.resize(crops.cut(seen, s), (patch_size, patch_size)) for s in around]
        bytes_there = (folder / str(file)).stat().st_size
        texts = (f"{Path(str(file)).name} {bytes_there} {box}" for box in _boxes_of(rows))
        kept.append(rows.assign(origin=_numbered(texts)))
    if not kept:
        return _from_crops(np.zeros((0, size, size), np.uint8), np.zeros((0, 3)))
    rows = pd.concat(kept)
    return HeadSet(
        np.concatenate(cut),
        np.stack(patches),
        np.full(len(rows), float(size)),
        rows[list(ANGLES)].to_numpy(np.float32),
        rows["weight"].to_numpy(np.float32),
        rows["away"].to_numpy(bool),
        units=rows["unit"].to_numpy(),
        origins=rows["origin"].to_numpy(),
    )


def _once(table: pd.DataFrame, folder: Path, problems: Problems) -> pd.DataFrame:
    """Returns the rows whose head and angles no earlier row has."""
    boxes = table[list(COLUMNS)].notna().all(axis=1).to_numpy()
    again = repeated(table, folder, (*COLUMNS, *ANGLES)) & boxes
    add_each(problems, TWICE, table["file"][again])
    return table[~again]


def _boxes_of(rows: pd.DataFrame) -> list[list[float]]:
    """Returns the boxes of rows as they are labelled."""
    return rows[list(COLUMNS)].to_numpy(float).tolist()


def detected_boxes(detector, picture: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, int]:
    """Replaces labelled boxes by those that a detector gives for the same heads.

    Returns:
        Boxes (N, 4), the labelled one where the detector has none, and how often that was.
    """
    found, _ = detector.detect([picture])[0]
    rows, columns = match(found, boxes, SAME_HEAD_IOU)
    replaced = np.array(boxes, np.float32)
    replaced[columns] = found[rows]
    return replaced, len(boxes) - len(rows)


def _read_tiles(path, table, problems, size, side, margin, whole_turn) -> HeadSet:
    """Reads rendered heads, see `headpose.datasets.rendered_tiles`."""
    if not whole_turn:
        inside = (table["pan"].abs() <= RENDERED_PAN) & (table["tilt"].abs() <= RENDERED_TILT)
        table = table[inside]
    rows, greys, alphas = cut_tiles(path, table, problems)
    if not greys:
        return _from_crops(np.zeros((0, size, size), np.uint8), np.zeros((0, 3)))
    boxes = rows[list(COLUMNS)].to_numpy(np.float32)
    sides = crops.side_lengths(boxes, side) * margin
    angles = rows[list(ANGLES)].to_numpy(np.float32)
    if len({tile.shape for tile in greys}) > 1:
        raise HeadposeError(f"{path}: its sheets have tiles of several sizes; make a table of each")
    grey, alpha = np.stack(greys), np.stack(alphas)
    flat = np.full(grey.shape[1:], 127, np.float32)
    cut = np.stack(
        [
            crops.head_crops(blend(g, a, flat), [box], size, side, margin)[0]
            for g, a, box in zip(grey, alpha, boxes, strict=True)
        ]
    )
    weights, away = rows["weight"].to_numpy(np.float32), np.zeros(len(rows), bool)
    origins = _numbered(map(str, zip(*(rows[n] for n in PLACE), _boxes_of(rows), strict=True)))
    units = rows["unit"].to_numpy()
    return HeadSet(cut, grey, sides, angles, weights, away, alpha, units=units, origins=origins)
