"""Pictures and crops to check exported models on, and to calibrate eight-bit ones with."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from headpose.datasets import negatives as backgrounds
from headpose.datasets.box_rows import is_ignored, picture_folder
from headpose.datasets.label_tables import Problems, SourceName, numbers, read_labels
from headpose.datasets.picture_finder import with_found_files
from headpose.datasets.problem_kinds import BAD_BOX
from headpose.datasets.repeated_rows import TWICE, repeated
from headpose.datasets.table_heads import add_each, has_place, in_picture, photo_of
from headpose.datasets.told_sizes import OTHER_SIZE, SIZE, of_other_size, told_sizes
from headpose.errors import HeadposeError
from headpose.geometry.boxes import COLUMNS
from headpose.geometry.crops import head_crops
from headpose.images.listing import find_inputs
from headpose.images.pictures import SUFFIXES, read_image, sample_portrait
from headpose.models.specs import DETECTOR, ClassifierSpec, DetectorSpec, EstimatorSpec, Spec
from headpose.reporting import report

MAX_PICTURES, MAX_CROPS = 48, 300  # more change little: their spread is what counts
DRAWN = 3  # textures
# Of the head in the portrait (512 x 600), read off the picture by eye.
PORTRAIT_HEAD = (150, 30, 360, 320)


def own_samples(spec: Spec) -> list[np.ndarray]:
    """Returns what needs no data: parts of the portrait, turned over, and drawn textures.

    Returns:
        For detectors pictures uint8 (H, W, 3), BGR; for estimators crops.
    """
    portrait = read_image(sample_portrait())
    textures = list(backgrounds.drawn(DRAWN, 256))
    if isinstance(spec, DetectorSpec):
        # Other shapes, sides and sizes of the head.
        parts = [portrait, portrait[:400, ::-1], portrait[::2, ::2], portrait[60:360, 120:400]]
        return [*map(np.ascontiguousarray, parts), *textures]
    x0, y0, x1, y1 = PORTRAIT_HEAD
    boxes = [
        (x0 + dx - grow, y0 + dy - grow, x1 + dx + grow, y1 + dy + grow)
        for dx, dy, grow in [(0, 0, 0), (25, 0, 0), (-25, 10, 0), (0, 0, 20), (0, 20, -20)]
    ]
    crops = [_cut(picture, boxes, spec) for picture in (portrait, portrait[:, ::-1])]
    crops += [_cut(picture, [(0, 0, 256, 256)], spec) for picture in textures]
    return list(np.concatenate(crops))


def samples(data: str | Sequence[str], spec: Spec) -> list[np.ndarray]:
    """Reads pictures, or cuts the heads in them, a selection from all over the data.

    Args:
        data: A picture, a folder with all that is below it or a pattern of pictures, in which
            the detector that ships finds the heads; or a table of head boxes, `TABLE.csv` or
            `TABLE.csv#PART`. Of several, each gives as many.
        spec: Of the model that shall take them.

    Returns:
        For detectors pictures uint8 (H, W, 3), BGR; for estimators crops.

    Raises:
        HeadposeError: If there is nothing to be read, or no head in it.
    """
    sources = [data] if isinstance(data, str) else list(data)
    most = MAX_PICTURES if spec.kind == DETECTOR else MAX_CROPS
    share = -(-most // max(1, len(sources)))
    return [sample for source in sources for sample in _samples_of(source, spec, share)]


def _samples_of(data: str, spec: Spec, most: int) -> list[np.ndarray]:
    """Does what `samples` does of one source; gives at most so many."""
    problems = Problems()
    heads = _heads_of_table(data, problems) if SourceName.parse(data).is_table else None
    files = list(heads) if heads is not None else find_inputs([data], SUFFIXES).files
    if not files:
        report(data, problems)
        raise HeadposeError(f"{data}: no pictures there; name a folder of them or a table of heads")
    files = spread(files, most)
    found, detector = [], None
    for file in files:
        if (picture := photo_of(file, problems)) is None:
            continue
        boxes = _boxes_in(picture, heads[file], file, problems) if heads is not None else None
        if heads is not None and boxes is None:
            continue
        if isinstance(spec, DetectorSpec):
            found.append(picture)
        elif boxes is not None:
            found += list(_cut(picture, boxes, spec)) if len(boxes) else []
        else:
            detector = detector or shipped_detector()
            found += list(_cut(picture, detector.detect([picture])[0][0], spec))
    report(data, problems)
    if not found:
        raise HeadposeError(
            f"{data}: {'no picture' if spec.kind == DETECTOR else 'no head'} to use"
        )
    return spread(found, most)


def _cut(picture: np.ndarray, boxes, spec: EstimatorSpec | ClassifierSpec) -> np.ndarray:
    """Cuts heads as an estimator takes them."""
    grey = spec.channels == 1
    return head_crops(picture, boxes, spec.size, spec.side, spec.margin, grey)


def _heads_of_table(data: str, problems: Problems) -> dict[Path, pd.DataFrame]:
    """Reads head boxes, and the size that the table tells of their picture, by picture file."""
    named = SourceName.parse(data)
    if not named.path.is_file():
        raise HeadposeError(f"{named.path}: no such table of heads")
    table = read_labels(named.path, named.part, ("file", *COLUMNS), problems)
    if "face" in table:
        # Of heads seen from behind an estimator's answer may turn on the last digit.
        table = table[table["face"] != "away"]
    if "ignore" in table:
        table = table[~table["ignore"].map(_is_ignored)]
    table = table.copy()
    table[list(COLUMNS)] = numbers(table, COLUMNS)
    table[list(SIZE)] = told_sizes(table)
    placed = has_place(table[list(COLUMNS)].to_numpy(np.float64))
    folder = picture_folder(named.path, table["file"])
    table = with_found_files(table, folder, problems)
    again = repeated(table, folder, COLUMNS) & placed
    add_each(problems, BAD_BOX, table["file"][~placed])
    add_each(problems, TWICE, table["file"][again])
    table = table[placed & ~again]
    return {folder / str(file): rows for file, rows in table.groupby("file", sort=False)}


def _is_ignored(text: object) -> bool:
    """Takes what says neither yes nor no for yes."""
    try:
        return is_ignored(text)
    except ValueError:
        return True


def _boxes_in(
    picture: np.ndarray, heads: pd.DataFrame, file: Path, problems: Problems
) -> np.ndarray | None:
    """Returns the boxes (N, 4) of heads that are in a picture; None if they are of another."""
    height, width = picture.shape[:2]
    if of_other_size(heads[list(SIZE)].to_numpy(np.float64), width, height).any():
        problems.add(OTHER_SIZE, file.name)
        return None
    boxes = heads[list(COLUMNS)].to_numpy(np.float32)
    names = np.array([file.name] * len(boxes), object)
    return boxes[in_picture(boxes, None, picture, names, problems)]


def spread(items: Sequence, max_count: int) -> list:
    """Returns at most so many, evenly spread."""
    if len(items) <= max_count:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, max_count).round().astype(int)]


def shipped_detector():
    """Loads `single-stage`: heads to tune an estimator on need no second stage."""
    from headpose.detection.head_detector import HeadDetector
    from headpose.models.shipped import DEFAULT_DETECTOR

    return HeadDetector.load(DEFAULT_DETECTOR)
