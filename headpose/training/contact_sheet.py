"""A sheet of the pictures in which a detector errs most."""

from collections.abc import Sequence

import cv2
import numpy as np

from headpose.images.pictures import read_image
from headpose.training.detection_evaluation import Finds

TILE = 320  # pixels, long side of each picture on the sheet
LINE = 16  # height of what stands above each
COLUMNS = 6
# Colours are BGR.
FOUND, MISSED, FALSE, IGNORED = (80, 220, 80), (0, 220, 255), (60, 60, 255), (170, 170, 170)
FONT = cv2.FONT_HERSHEY_SIMPLEX


def worst_pictures(finds: Finds, threshold: float, count: int) -> list[int]:
    """Returns the numbers of the pictures with most missed heads and false finds, worst first."""
    errors = [int((~found).sum() + false.sum()) for found, false in finds.matches(threshold)]
    order = sorted(range(len(errors)), key=lambda i: -errors[i])
    return [i for i in order[:count] if errors[i]]


def contact_sheet(finds: Finds, threshold: float, chosen: Sequence[int]) -> np.ndarray:
    """Draws pictures side by side: heads found green, missed yellow, false finds red.

    Args:
        finds: What the detector found.
        threshold: Of scores.
        chosen: Numbers of the pictures to show, at least one.

    Returns:
        uint8 (H, W, 3), BGR.
    """
    matches, above = finds.matches(threshold), finds.above(threshold)
    tiles = []
    for i in chosen:
        item, (found, false) = finds.pictures[i], matches[i]
        picture = read_image(item.path)
        scale = TILE / max(picture.shape[:2])
        shown = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for boxes, colour in (
            (item.ignored, IGNORED),
            (item.boxes[found], FOUND),
            (above[i][false], FALSE),
            (item.boxes[~found], MISSED),
        ):
            for corners in np.rint(boxes * scale).astype(int).tolist():
                cv2.rectangle(shown, corners[:2], corners[2:], colour, 1, cv2.LINE_AA)
        tile = np.zeros((LINE + TILE, TILE, 3), np.uint8)
        shown = shown[:TILE, :TILE]
        tile[LINE : LINE + shown.shape[0], : shown.shape[1]] = shown
        text = f"{item.path.name}: {(~found).sum()} missed, {false.sum()} false"
        cv2.putText(tile, text, (2, 12), FONT, 0.38, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(tile)
    columns = min(COLUMNS, len(tiles))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(rows)
