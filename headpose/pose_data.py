"""Labelled heads for training pose estimators, from tables, clean folders and renderings.

Heads are kept as patches: grey squares that show more than the crop, so that the box
can be moved, grown and turned without leaving the picture. Each training example is a
function of (seed, number) alone, so that training can be taken up anywhere.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from headpose import augment, crops
from headpose.angles import mirrored, turned
from headpose.boxed_pictures import picture_folder
from headpose.boxes import match
from headpose.commandline import Failure, progress
from headpose.pictures import PictureError, read_picture
from headpose.tables import COLUMNS, Problems, SourceName, numbers, read_labels

CONTEXT = 1.75  # side of a patch over side of the crop in it
SAME_HEAD_IOU = 0.4  # from which a detector's box is a labelled head's
ANGLES = ("tilt", "pan", "roll")
# The zero of the rendered heads' tilt lies this much above that of labelled photos.
RENDERED_TILT_OFFSET = 2.5
# Beyond, tilt and roll of a rendered head lock (pan near 90) or labels leave a photo's range.
RENDERED_PAN, RENDERED_TILT = 85.0, 60.0


@dataclasses.dataclass
class HeadSet:
    """Labelled heads.

    Attributes:
        crops: uint8 (N, S, S), exactly what an estimator sees, for measuring.
        patches: uint8 (N, P, P), with more around them, for training.
        sides: (N,), pixels of the patch that the crop's side spans.
        angles: float32 (N, 3): tilt, pan, roll in degrees; NaN where unknown.
        weights: (N,), how far each label is trusted, 0..1.
        alpha: uint8 (N, P, P) or None; what is transparent gets a background.
        share: Of the training examples.
    """

    crops: np.ndarray
    patches: np.ndarray
    sides: np.ndarray
    angles: np.ndarray
    weights: np.ndarray
    alpha: np.ndarray | None = None
    share: float = 1.0

    def __len__(self) -> int:
        return len(self.angles)


def read_heads(
    source: str | SourceName,
    size: int = 64,
    side: str = "small",
    margin: float = 1.0,
    detector=None,
) -> tuple[HeadSet, Problems]:
    """Reads labelled heads of any kind.

    Args:
        source: One of
            a clean folder as the cleaners write it;
            a CSV with `file`, a box (`xmin` … or `head_xmin` …), `tilt`, `pan` and, where
            known, `roll` and `disagreement` (degrees, between several labellers);
            a CSV of rendered tiles with `sheet`, `row`, `col` and the same.
            `SOURCE#PART` takes the rows whose column `part` says so (for a clean folder,
            its train, validation or test part), `SOURCE@SHARE` sets the share.
        size, side, margin: Of the crops, see `headpose.crops.head_crops`.
        detector: If given, heads in pictures are cropped at its boxes, as they will be
            in use; a head that it does not find keeps its labelled box.

    Raises:
        Failure: If there is no such source or it has no usable head.
    """
    named = source if isinstance(source, SourceName) else SourceName.parse(source)
    path, part = named.path, named.part
    problems = Problems()
    if path.is_dir():
        from headpose.crop_dataset import fitted, read_crops

        clean = read_crops(path, part or None)
        heads = _from_crops(fitted(clean.crops, size, grey=True), clean.angles)
    elif path.is_file():
        table = _read_table(path, part, problems)
        if {"sheet", "row", "col"} <= set(table.columns):
            heads = _read_tiles(path, table, problems, size, side, margin)
        else:
            heads = _read_boxes(path, table, problems, size, side, margin, detector)
    else:
        raise Failure(f"{path}: no such file or folder; name a table of heads or a clean folder")
    if not len(heads):
        told = "; ".join(problems.lines())
        raise Failure(f"{source}: no usable head{f' ({told})' if told else ''}")
    heads.share = named.share
    return heads, problems


def _read_table(path: Path, part: str, problems: Problems) -> pd.DataFrame:
    table = read_labels(path, part, ("tilt", "pan"), problems)
    known = (*ANGLES, "disagreement", *COLUMNS)
    table[list(known)] = numbers(table, known)
    return table


def _from_crops(grey: np.ndarray, angles: np.ndarray) -> HeadSet:
    """Takes crops as they are: what lies around them repeats their edge."""
    return HeadSet(
        grey,
        grey,
        np.full(len(grey), float(grey.shape[1])),
        np.asarray(angles, np.float32),
        np.ones(len(grey), np.float32),
    )


def _read_boxes(path, table, problems, size, side, margin, detector) -> HeadSet:
    if "file" not in table:
        raise Failure(f"{path}: no column file, so no table of heads in pictures")
    folder = picture_folder(path)
    patch_size = round(size * CONTEXT)
    kept, cut, patches = [], [], []
    for file, rows in progress(table.groupby("file", sort=False), "pictures"):
        boxes = rows[list(COLUMNS)].to_numpy(np.float32)
        extent = boxes[:, 2:] - boxes[:, :2]
        usable = np.isfinite(boxes).all(axis=1) & (extent >= 4).all(axis=1)
        for _ in range(int((~usable).sum())):
            problems.add("bad box", str(file))
        labelled = rows[["tilt", "pan"]].notna().all(axis=1).to_numpy()
        for _ in range(int((usable & ~labelled).sum())):
            problems.add("no angles", str(file))
        usable &= labelled
        if not usable.any():
            continue
        try:
            colour = read_picture(folder / str(file))
        except PictureError as error:
            problems.add("unreadable or missing picture", str(error))
            continue
        boxes = boxes[usable]
        if detector is not None:
            boxes, missed = detected_boxes(detector, colour, boxes)
            for _ in range(missed):
                problems.add("not found by the detector, labelled box used", str(file))
        picture = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
        cut.append(crops.head_crops(picture, boxes, size, side, margin))
        around = crops.squares(boxes, side, margin * CONTEXT)
        patches += [crops.resize(crops.cut(picture, s), (patch_size, patch_size)) for s in around]
        kept.append(rows[usable])
    if not kept:
        return _from_crops(np.zeros((0, size, size), np.uint8), np.zeros((0, 3)))
    rows = pd.concat(kept)
    disagreement = rows["disagreement"].fillna(0).to_numpy(np.float32)
    return HeadSet(
        np.concatenate(cut),
        np.stack(patches),
        np.full(len(rows), float(size)),
        rows[list(ANGLES)].to_numpy(np.float32),
        # Half the weight where labellers differ by as much as heads commonly err.
        1 / (1 + (disagreement / 6.0) ** 2),
    )


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


def _read_tiles(path, table, problems, size, side, margin) -> HeadSet:
    """Reads rendered heads: sheets of RGBA tiles, grey with straight alpha."""
    table[["sheet", "row", "col"]] = numbers(table, ("sheet", "row", "col"))
    inside = (table["pan"].abs() <= RENDERED_PAN) & (table["tilt"].abs() <= RENDERED_TILT)
    table = table[inside]
    grey, alpha, kept = [], [], []
    for sheet, rows in progress(table.groupby("sheet"), "sheets"):
        file = path.with_name(f"sheet_{int(sheet):03d}.webp")
        pixels = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4:
            problems.add("unreadable or missing sheet", file.name)
            continue
        tile = pixels.shape[0] // 16
        for y, x in rows[["row", "col"]].to_numpy(int) * tile:
            grey.append(pixels[y : y + tile, x : x + tile, 0])
            alpha.append(pixels[y : y + tile, x : x + tile, 3])
        kept.append(rows)
    if not kept:
        return _from_crops(np.zeros((0, size, size), np.uint8), np.zeros((0, 3)))
    rows = pd.concat(kept)
    boxes = rows[list(COLUMNS)].to_numpy(np.float32)
    extent = boxes[:, 2:] - boxes[:, :2]
    sides = (extent.min(axis=1) if side == "small" else extent.max(axis=1)) * margin
    angles = rows[list(ANGLES)].to_numpy(np.float32)
    angles[:, 0] -= RENDERED_TILT_OFFSET
    grey, alpha = np.stack(grey), np.stack(alpha)
    flat = np.full((tile, tile), 127, np.float32)
    cut = np.stack(
        [
            crops.head_crops(blend(g, a, flat), [box], size, side, margin)[0]
            for g, a, box in zip(grey, alpha, boxes, strict=True)
        ]
    )
    return HeadSet(cut, grey, sides, angles, np.ones(len(rows), np.float32), alpha)


def blend(grey: np.ndarray, alpha: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Lays a grey picture with straight alpha over a background of the same size."""
    share = alpha.astype(np.float32) / 255
    return np.rint(grey * share + background * (1 - share)).astype(np.uint8)


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How training crops are changed; deviations are of normal distributions.

    Attributes:
        mirror: Probability of a mirror image.
        shift: Deviation of the box's centre, share of its side.
        zoom: Deviation of the logarithm of the box's side.
        roll: Deviation of the turn, degrees.
        brightness, contrast: Ranges of factors.
        blur, noise, low_resolution, occlusion, shading: Probabilities.
    """

    mirror: float = 0.5
    shift: float = 0.05
    zoom: float = 0.09
    roll: float = 9.0
    brightness: tuple[float, float] = (0.6, 1.35)
    contrast: tuple[float, float] = (0.5, 1.4)
    blur: float = 0.25
    noise: float = 0.3
    low_resolution: float = 0.4
    occlusion: float = 0.2
    shading: float = 0.3


class PoseExamples:
    """Draws augmented crops with their angles.

    Sources are drawn by their shares, heads of a source by how rare their pose is.

    Args:
        sources: Labelled heads.
        size: Side of the crops, pixels.
        outputs: 2 or 3 angles.
        augmentation: What may happen to a crop.
        seed: Of all draws.
        balance: 0 draws all heads alike, 1 all pose classes alike.
    """

    def __init__(
        self,
        sources: Sequence[HeadSet],
        size: int,
        outputs: int,
        augmentation: Augmentation,
        seed: int,
        balance: float = 0.5,
    ):
        self._sources = sources
        self._size = size
        self._outputs = outputs
        self._options = augmentation
        self._seed = seed
        shares = np.array([s.share for s in sources], np.float64)
        self._shares = shares / shares.sum()
        self._odds = [pose_balance(s.angles, balance) for s in sources]
        self._backdrops = [i for i, s in enumerate(sources) if s.alpha is None]

    def batch(self, step: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns crops float32 (count, S, S, 1), angles (count, outputs) and weights."""
        crops_ = np.empty((count, self._size, self._size, 1), np.float32)
        angles = np.empty((count, 3), np.float32)
        turns = np.empty(count)
        flips = np.empty(count, bool)
        weights = np.empty(count, np.float32)
        for i in range(count):
            rng = np.random.default_rng((self._seed, step * count + i))
            source = int(rng.choice(len(self._sources), p=self._shares))
            heads = self._sources[source]
            index = int(np.searchsorted(self._odds[source], rng.random()))
            crop, turns[i], flips[i] = self._crop(rng, heads, index)
            crops_[i, ..., 0] = augment.quality(rng, crop, self._options)
            angles[i], weights[i] = heads.angles[index], heads.weights[index]
        # A label without roll cannot be turned: it stays as it is, with roll unknown.
        known = np.isfinite(angles[:, 2])
        if known.any():
            angles[known] = turned(angles[known], turns[known])
        angles[flips] = mirrored(angles[flips])
        return crops_, angles[:, : self._outputs], weights

    def _crop(self, rng, heads: HeadSet, index: int) -> tuple[np.ndarray, float, bool]:
        """Cuts a moved, grown, turned and perhaps mirrored crop; returns turn and flip too."""
        options, size = self._options, self._size
        patch = heads.patches[index]
        if heads.alpha is not None:
            patch = blend(patch, heads.alpha[index], self._backdrop(rng, patch.shape[0]))
        length = heads.sides[index] * np.exp(rng.normal(0, options.zoom))
        turn = rng.normal(0, options.roll) if np.isfinite(heads.angles[index, 2]) else 0.0
        flip = bool(rng.random() < options.mirror)
        centre = patch.shape[0] / 2 + rng.normal(0, options.shift, 2) * heads.sides[index]
        # From crop to patch: scale, then turn; turning the sampling grid counter-clockwise
        # turns what it shows clockwise.
        scale, radians = length / size, -np.radians(turn)
        cos, sin = scale * np.cos(radians), scale * np.sin(radians)
        matrix = np.array([[cos, -sin], [sin, cos]])
        if flip:
            # Mirrored after it was turned, as the labels are.
            matrix = matrix @ np.diag([-1.0, 1.0])
        offset = centre - 0.5 - matrix @ np.full(2, (size - 1) / 2)
        crop = cv2.warpAffine(
            patch,
            np.column_stack([matrix, offset]),
            (size, size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return crop, turn, flip

    def _backdrop(self, rng, size: int) -> np.ndarray:
        """A flat grey, or a piece of a real patch's corner, where heads rarely reach."""
        if not self._backdrops or rng.random() < 0.25:
            return np.full((size, size), rng.uniform(0, 255), np.float32)
        heads = self._sources[rng.choice(self._backdrops)]
        patch = heads.patches[rng.integers(len(heads))]
        part = patch.shape[0] // 3
        y, x = rng.integers(0, 2, 2) * (patch.shape[0] - part)
        return cv2.resize(patch[y : y + part, x : x + part], (size, size)).astype(np.float32)


def pose_balance(angles: np.ndarray, balance: float) -> np.ndarray:
    """Returns cumulative odds (N,) of drawing each head.

    Heads fall into classes of 15 degrees of |pan| and of tilt; a head's odds are its
    class's size to the power of -balance.
    """
    classes = np.stack([np.abs(angles[:, 1]) // 15, angles[:, 0] // 15], axis=1)
    _, owner, counts = np.unique(classes, axis=0, return_inverse=True, return_counts=True)
    odds = counts[owner.reshape(-1)].astype(np.float64) ** -balance
    total = np.cumsum(odds / odds.sum())
    total[-1] = 1.0
    return total
