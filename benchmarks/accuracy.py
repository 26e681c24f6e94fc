"""How far variants of `run.py` are from the reference, and who keeps the bounds of exports."""

from collections.abc import Sequence

import numpy as np
from variants import REFERENCE, VARIANTS, title

from headpose.baselines.heads import CropRecipe
from headpose.export.calibration import PORTRAIT_HEAD
from headpose.export.verify import DEGREES, INT8_DEGREES, PIXELS
from headpose.geometry.angles import wrap_degrees
from headpose.geometry.boxes import match
from headpose.models.specs import LONG_SIDE

ANGLES = 3  # tilt, pan, roll: the measures whose differences count
SAME_HEAD_IOU = 0.5


def made_up_crops(portrait: np.ndarray, recipe: CropRecipe, count: int) -> np.ndarray:
    """Cuts the portrait's head so many times, moved and grown a little."""
    rng = np.random.default_rng(0)
    moves = rng.uniform(-15, 15, (count, 2))
    boxes = np.array(PORTRAIT_HEAD) + np.tile(moves, 2)
    boxes += rng.uniform(-15, 15, (count, 1)) * [-1, -1, 1, 1]
    return recipe.cut(portrait, boxes)


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
        some = {name: row for name, row in results.items() if VARIANTS[name].int8 is int8}
        said = []
        for kept, words in ((True, "held by"), (False, "not held by")):
            names = [title(name) for name, row in some.items() if within_bounds(name, row) is kept]
            said += [f"{words} {', '.join(names)}"] if names else []
        if said:
            lines.append(f"{what} from {REFERENCE}: {'; '.join(said)}")
    return lines
