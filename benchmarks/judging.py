"""What variants of `run.py` tell of labelled pictures and heads, and how far they are apart."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from variants import REFERENCE, VARIANTS, title

from headpose.baselines.heads import CropRecipe, cut_crops, read_table_heads
from headpose.baselines.predictors import figures
from headpose.datasets.detection_annotations import BoxedPicture, read_boxed_pictures
from headpose.detection.metrics import LONG_SIDE, judge
from headpose.errors import HeadposeError
from headpose.export.calibration import PORTRAIT_HEAD
from headpose.export.verify import DEGREES, INT8_DEGREES, PIXELS
from headpose.geometry.angles import wrap_degrees
from headpose.geometry.boxes import match
from headpose.geometry.crops import head_crops
from headpose.reporting import report

ANGLES = 3  # tilt, pan, roll: the measures whose differences count
SAME_HEAD_IOU = 0.5


def spread(items: Sequence, most: int) -> list:
    """Returns at most so many items, evenly spread."""
    if len(items) <= most:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, most).round().astype(int)]


def long_side(path: Path) -> int:
    """Returns the long side of a picture file, pixels."""
    with Image.open(path) as image:
        return max(image.size)


# -------------------------------------------------------------------------------- data


def boxed_pictures(source: str, most: int) -> list[BoxedPicture]:
    """Reads at most so many pictures with labelled heads, from all over the source.

    Raises:
        HeadposeError: If there is none.
    """
    pictures, problems = read_boxed_pictures(source)
    report(source, problems)
    return spread(pictures, most)


@dataclasses.dataclass(frozen=True)
class PoseData:
    """Labelled heads to measure estimators on.

    Attributes:
        title: For the table.
        angles: float32 (N, 3): tilt, pan, roll in degrees.
        crops: For each recipe uint8 (N, S, S) or (N, S, S, 3).
    """

    title: str
    angles: np.ndarray
    crops: dict[CropRecipe, np.ndarray]


def pose_data(text: str, recipes: Sequence[CropRecipe]) -> PoseData:
    """Reads the heads of a table, cut for each estimator.

    Args:
        text: `TABLE.csv`, `TABLE.csv#PART`, or the same after `TITLE=`. Without a title it
            has its folder's name.
        recipes: How to cut.

    Raises:
        HeadposeError: If there is no such table, or no usable head in it.
    """
    name, source = titled(text)
    heads, problems = read_table_heads(source)
    parts = list(cut_crops(heads, recipes, problems))
    report(source, problems)
    if not parts:
        raise HeadposeError(f"{source}: not one of its pictures can be read")
    rows = np.concatenate([rows for rows, _ in parts])
    crops = [np.concatenate(cut) for cut in zip(*(cut for _, cut in parts), strict=True)]
    return PoseData(name, heads.angles[rows], dict(zip(recipes, crops, strict=True)))


def titled(text: str) -> tuple[str, str]:
    """Takes `TITLE=TABLE` apart; without a title a table has its folder's name."""
    name, mark, source = text.partition("=")
    if mark and "/" not in name and not Path(text.partition("#")[0]).exists():
        return name, source
    return Path(text.partition("#")[0]).resolve().parent.name, text


def made_up_crops(portrait: np.ndarray, recipe: CropRecipe, count: int) -> np.ndarray:
    """Cuts the portrait's head so many times, moved and grown a little."""
    rng = np.random.default_rng(0)
    moves = rng.uniform(-15, 15, (count, 2))
    boxes = np.array(PORTRAIT_HEAD) + np.tile(moves, 2)
    boxes += rng.uniform(-15, 15, (count, 1)) * [-1, -1, 1, 1]
    return head_crops(portrait, boxes, recipe.size, recipe.side, recipe.margin, recipe.grey)


# ---------------------------------------------------------------------------- judgement


def average_precision(found: Sequence[tuple], pictures: Sequence[BoxedPicture]) -> float:
    """Returns the average precision at IoU 0.5, see `headpose.detection.metrics`."""
    sides = [long_side(picture.path) for picture in pictures]
    return judge(found, [picture.boxes for picture in pictures], sides).average_precision


def mean_errors(told: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Returns the number of heads and the mean absolute errors of tilt and pan, degrees."""
    row = figures(told, truth)["errors"]["all"]
    return {name: row[name] for name in ("heads", "tilt", "pan")}


def angle_differences(reference: np.ndarray, told: np.ndarray) -> dict[str, float]:
    """Returns the largest and the mean difference of tilt, pan and roll (N, K), degrees."""
    apart = np.abs(wrap_degrees(told[:, :ANGLES] - reference[:, :ANGLES]))
    return {"largest": float(apart.max()), "mean": float(apart.mean())}


def box_differences(
    reference: Sequence[tuple], found: Sequence[tuple], sides: Sequence[int]
) -> dict[str, float]:
    """Compares the heads that two detectors found in the same pictures.

    Args:
        reference, found: Boxes and scores of each picture.
        sides: Long side of each picture, pixels.

    Returns:
        `heads` of the reference, `unmatched` heads that only one of them found, and the
        `largest` and `mean` difference of a coordinate of the others in pixels, the
        picture's long side being 512.
    """
    apart, unmatched = [np.zeros(0)], 0
    for (boxes, _), (others, _), side in zip(reference, found, sides, strict=True):
        rows, columns = match(boxes, others, SAME_HEAD_IOU)
        unmatched += len(boxes) + len(others) - 2 * len(rows)
        apart.append(np.abs(boxes[rows] - others[columns]).ravel() * LONG_SIDE / side)
    everything = np.concatenate(apart)
    return {
        "heads": sum(len(boxes) for boxes, _ in reference),
        "unmatched": unmatched,
        "largest": float(everything.max(initial=0)),
        "mean": float(everything.mean()) if len(everything) else 0.0,
    }


def within_bounds(name: str, figures: dict) -> bool | None:
    """Tells whether a variant is as near to the reference as an exported model must be.

    Returns:
        None where there is no bound, or nothing was compared.
    """
    variant, angles, boxes = VARIANTS[name], figures.get("angles off"), figures.get("boxes off")
    if name == REFERENCE or angles is None or boxes is None or variant.precision == "bfloat16":
        return None
    if variant.int8:
        return angles["mean"] <= INT8_DEGREES
    near = angles["largest"] <= DEGREES and boxes["largest"] <= PIXELS
    return near and not boxes["unmatched"]


def bound_lines(results: dict[str, dict]) -> list[str]:
    """Says which variants keep the bounds."""
    lines = []
    for int8, what in (
        (False, f"float32 within {DEGREES:g} degrees and {PIXELS:g} px and the same heads"),
        (True, f"int8 within {INT8_DEGREES:g} degree on average"),
    ):
        held = {
            title(name): kept
            for name, row in results.items()
            if VARIANTS[name].int8 is int8 and (kept := within_bounds(name, row)) is not None
        }
        if held:
            broken = [name for name, kept in held.items() if not kept]
            kept = [name for name in held if name not in broken]
            text = [f"held by {', '.join(kept)}"] if kept else []
            text += [f"not held by {', '.join(broken)}"] if broken else []
            lines.append(f"{what} from {REFERENCE}: {'; '.join(text)}")
    return lines
