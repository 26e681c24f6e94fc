"""Rendered heads: sheets of RGBA tiles, 16 in a column, grey with straight alpha."""

from pathlib import Path

import numpy as np
import pandas as pd

from headpose.datasets.label_tables import Problems, numbers
from headpose.datasets.problem_kinds import BAD_BOX, NO_ANGLES
from headpose.geometry.boxes import COLUMNS
from headpose.images.plain_pixels import read_pixels
from headpose.reporting import progress

PLACE = ("sheet", "row", "col")  # the columns that tell where a tile is
TILES = 16  # of a sheet, from top to bottom


def cut_tiles(
    path: Path, table: pd.DataFrame, problems: Problems
) -> tuple[pd.DataFrame, list[np.ndarray], list[np.ndarray]]:
    """Cuts tiles from their sheets, `sheet_000.webp` and so on beside the table.

    Args:
        path: Of the table.
        table: `PLACE`, a box in pixels of the tile, `tilt` and `pan`, indexed by line number.
        problems: Gets rows that tell no tile or no angles, and sheets that cannot be read.

    Returns:
        The rows that are usable, and the grey values and the alpha of each one's tile, uint8.
    """
    table = table.assign(**dict(numbers(table, PLACE).items()))
    places = table[list(PLACE)].to_numpy(float)
    boxes = table[list(COLUMNS)].to_numpy(float)
    with np.errstate(invalid="ignore"):
        whole = (np.isfinite(places) & (places == np.rint(places)) & (places >= 0)).all(axis=1)
    wrong = {
        "no place of a tile": ~whole,
        BAD_BOX: ~(boxes[:, 2:] - boxes[:, :2] >= 1).all(axis=1) | ~np.isfinite(boxes).all(axis=1),
        NO_ANGLES: table[["tilt", "pan"]].isna().any(axis=1).to_numpy(),
    }
    usable = np.ones(len(table), bool)
    for kind, rows in wrong.items():
        for line in table.index[rows & usable]:
            problems.add(kind, f"{path.name} line {line}")
        usable &= ~rows
    kept, greys, alphas = [table[:0]], [], []
    for sheet, rows in progress(table[usable].groupby("sheet"), "sheets"):
        file = path.with_name(f"sheet_{int(sheet):03d}.webp")
        pixels = read_pixels(file)
        if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4:
            problems.add("unreadable or missing sheet", file.name)
            continue
        tile = pixels.shape[0] // TILES
        corners = rows[["row", "col"]].to_numpy(int) * tile
        there = (corners + tile <= pixels.shape[:2]).all(axis=1) & (tile > 0)
        for line in rows.index[~there]:
            problems.add("no such tile in its sheet", f"{path.name} line {line}")
        for y, x in corners[there]:
            greys.append(pixels[y : y + tile, x : x + tile, 0])
            alphas.append(pixels[y : y + tile, x : x + tile, 3])
        kept.append(rows[there])
    return pd.concat(kept), greys, alphas


def blend(grey: np.ndarray, alpha: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Lays a grey picture with straight alpha over a background of the same size."""
    share = alpha.astype(np.float32) / 255
    return np.rint(grey * share + background * (1 - share)).astype(np.uint8)
