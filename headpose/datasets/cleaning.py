"""From labelled pictures to head crops: detect, match with the labels, crop."""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from headpose.datasets.crop_dataset import CROPS
from headpose.datasets.crop_writing import write_crop
from headpose.datasets.head_matching import (
    GROW,
    MATCH,
    NOT_GROWN,
    SEVERAL,
    grown,
    match_heads,
)
from headpose.datasets.pose_annotations import HEAD, PoseAnnotation
from headpose.datasets.problem_kinds import MISSING_PICTURE, UNREADABLE_PICTURE
from headpose.geometry.boxes import COLUMNS, as_boxes, intersection
from headpose.geometry.crops import head_crops
from headpose.images.drawn_mark import DRAWING, check_photo, is_drawing
from headpose.images.pictures import PictureError, read_image
from headpose.parallel.prefetch import ahead

# Where a picture shows one person and no sure detection fits, those above this score are
# tried: of the 52 heads of Pointing'04 that the shipped detector leaves out at 0.5, most are
# profiles between the two.
UNSURE = 0.3


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How crops are made.

    Attributes:
        size, side, margin, grey, interpolation: See `headpose.geometry.crops.head_crops`.
        grow: Shares by which a face box grows to a head's: left, top, right, bottom.
        match: Least score at which a detection is taken for an annotated head.
    """

    size: int = 64
    side: str = "short"
    margin: float = 1.0
    grey: bool = True
    interpolation: str = "auto"
    grow: tuple[float, float, float, float] = GROW
    match: float = MATCH


@dataclasses.dataclass
class Record:
    """What became of one picture; it can be written as JSON.

    Attributes:
        key: The picture, unique in a clean folder.
        rows: A row of `headpose.datasets.crop_dataset.COLUMNS` for each crop, without the class.
        annotated: Heads that the labels tell.
        detected: Heads that the detector found.
        problems: Kind and name of whatever is to be reported.
    """

    key: str
    rows: list[dict] = dataclasses.field(default_factory=list)
    annotated: int = 0
    detected: int = 0
    problems: list[tuple[str, str]] = dataclasses.field(default_factory=list)


def clean_picture(
    key: str,
    labelled: PoseAnnotation,
    picture: np.ndarray,
    detections: tuple[np.ndarray, np.ndarray] | None,
    recipe: Recipe,
) -> tuple[Record, np.ndarray]:
    """Makes the crops of one picture.

    Args:
        key: See `Record`.
        labelled: Its labels.
        picture: uint8 (H, W, 3).
        detections: Boxes (M, 4) and scores (M,); None to crop the annotated boxes, grown.
        recipe: How to crop.

    Returns:
        The record, and crops, a row for each of its rows.
    """
    record = Record(key)
    labelled = _within(labelled, picture.shape[1], picture.shape[0], record)
    record.annotated = len(labelled.boxes)
    if detections is None:
        rows, boxes, scores = _labelled_heads(labelled, recipe, record)
    else:
        rows, boxes, scores = _detected_heads(labelled, detections, recipe, record)
    crops = head_crops(
        picture,
        boxes,
        size=recipe.size,
        side=recipe.side,
        margin=recipe.margin,
        grey=recipe.grey,
        interpolation=recipe.interpolation,
    )
    for head, (row, box, score) in enumerate(zip(rows, boxes, scores, strict=True)):
        tilt, pan, roll = (
            None if math.isnan(a) else round(float(a), 4) for a in labelled.angles[row]
        )
        record.rows.append(
            {
                "file": f"{CROPS}/{key}-{head}.png",
                "tilt": tilt,
                "pan": pan,
                "roll": roll,
                "source": labelled.name,
                "subject": labelled.subject,
                **dict(zip(COLUMNS, (round(float(c), 2) for c in box), strict=True)),
                "score": score,
                "dataset": labelled.dataset,
                "mirrored": 0,
            }
        )
    return record, crops


def _within(labelled: PoseAnnotation, width: int, height: int, record: Record) -> PoseAnnotation:
    """Returns labels without the heads that lie outside the picture, which are reported."""
    faces = labelled.boxes
    placed = np.isfinite(faces).all(axis=1)
    inside = ~placed
    frame = as_boxes([[0, 0, width, height]])
    inside[placed] = intersection(faces[placed], frame)[:, 0] > 0
    over = placed & inside
    over[over] = ((faces[over, :2] < 0) | (faces[over, 2:] > [width, height])).any(axis=1)
    for kind, heads in (
        ("rectangle outside the picture", ~inside),
        ("rectangle over the border, kept", over),
    ):
        record.problems += [(kind, labelled.name)] * int(heads.sum())
    return dataclasses.replace(labelled, boxes=faces[inside], angles=labelled.angles[inside])


def _labelled_heads(
    labelled: PoseAnnotation, recipe: Recipe, record: Record
) -> tuple[np.ndarray, np.ndarray, list[float | None]]:
    """Returns rows of labels (N,), their boxes (N, 4), grown to heads, and no scores.

    Heads that have no rectangle were reported by the reader.
    """
    placed = np.isfinite(labelled.boxes).all(axis=1)
    grow = NOT_GROWN if labelled.box_kind == HEAD else recipe.grow
    rows = np.flatnonzero(placed)
    record.detected = len(rows)
    return rows, grown(labelled.boxes[placed], grow), [None] * len(rows)


def _detected_heads(
    labelled: PoseAnnotation,
    detections: tuple[np.ndarray, np.ndarray],
    recipe: Recipe,
    record: Record,
) -> tuple[np.ndarray, np.ndarray, list[float | None]]:
    """Returns rows of labels (N,), and boxes (N, 4) and scores of the heads found for them."""
    heads, found = as_boxes(detections[0]), np.asarray(detections[1])
    record.detected = len(heads)
    faces = labelled.boxes
    if len(faces) == 1 and np.isnan(faces).any() and len(heads) > 1:
        record.problems.append((SEVERAL, labelled.name))
    rows, columns = match_heads(labelled, heads, recipe.grow, recipe.match)
    record.problems += [("head without a detection", labelled.name)] * (len(faces) - len(rows))
    return rows, heads[columns], [round(float(s), 4) for s in found[columns]]


def clean(
    items: Iterable[tuple[str, PoseAnnotation]],
    detector,
    confidence: float | None,
    recipe: Recipe,
    folder: Path,
    batch_size: int = 8,
    workers: int = 2,
    unsure: float | None = None,
) -> Iterator[list[Record]]:
    """Cleans pictures in batches and writes their crops.

    Pictures are decoded ahead of the detector. A picture that cannot be read becomes a
    record with a problem.

    Args:
        items: Keys and pictures.
        detector: Of `headpose.detection.loading`; None to crop the annotated boxes, grown.
        confidence: For the detector.
        recipe: How to crop.
        folder: The clean folder; its sub-folder of crops must exist.
        batch_size: Pictures that the detector gets at once.
        workers: Threads that decode.
        unsure: Threshold where a picture shows one person and no detection above
            `confidence` fits; None tries no others.

    Yields:
        Records of a batch, when its crops are on disk.
    """
    batch: list = []
    for decoded in ahead(_decode, items, workers, batch_size + workers):
        batch.append(decoded)
        if len(batch) == batch_size:
            yield _clean_batch(batch, detector, confidence, recipe, folder, unsure)
            batch = []
    if batch:
        yield _clean_batch(batch, detector, confidence, recipe, folder, unsure)


def _decode(item: tuple[str, PoseAnnotation]):
    key, labelled = item
    try:
        picture = read_image(labelled.path)
        check_photo(labelled.path)
        return key, labelled, picture
    except PictureError as error:
        return key, labelled, error


def _clean_batch(batch, detector, confidence, recipe, folder, unsure=None) -> list[Record]:
    pictures = [p for _, _, p in batch if isinstance(p, np.ndarray)]
    lowest = confidence if unsure is None else min(confidence, unsure)
    detections = iter(detector.detect(pictures, lowest) if detector and pictures else [])
    records = []
    for key, labelled, picture in batch:
        if isinstance(picture, PictureError):
            missing = isinstance(picture.__cause__, FileNotFoundError)
            kind = MISSING_PICTURE if missing else UNREADABLE_PICTURE
            kind = DRAWING if is_drawing(labelled.path) else kind
            records.append(Record(key, problems=[(kind, labelled.name)]))
            continue
        found = next(detections) if detector else None
        sure = found if unsure is None or found is None else _above(found, confidence)
        record, crops = clean_picture(key, labelled, picture, sure, recipe)
        if labelled.alone and not record.rows and sure is not found:
            again, others = clean_picture(key, labelled, picture, found, recipe)
            if again.rows:
                record, crops = again, others
        for row, crop in zip(record.rows, crops, strict=True):
            write_crop(folder / row["file"], crop)
        records.append(record)
    return records


def _above(
    detections: tuple[np.ndarray, np.ndarray], confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    boxes, scores = detections
    return boxes[scores > confidence], scores[scores > confidence]
