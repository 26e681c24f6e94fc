#!/usr/bin/env python3
"""Tells how far estimators see heads turned that training turns out of the plane.

The heads of DATA are turned as `headpose.training.out_of_plane` does, and each estimator
reads them before and after, in its own crop. Where it sees less or more than the label of
the turned head says, the constants of that file are wrong for these heads.
"""

import cv2
import numpy as np
from measuring import cl

from headpose.baselines.heads import read_table_heads
from headpose.baselines.predictors import ESTIMATOR_HELP, load_all
from headpose.cli.markdown import markdown_table
from headpose.geometry.angles import rotation_matrices, whole_turn_angles, wrap_degrees
from headpose.geometry.convention_math import ANGLES
from headpose.geometry.crops import head_crops
from headpose.images.pictures import read_image
from headpose.reporting import report
from headpose.training import out_of_plane

TURNS = ((0, 0), (12, 0), (20, 0), (30, 0), (-30, 0), (0, 8), (0, -8), (20, 8))
SIZE, MARGIN = 224, 1.2  # pixels and share of the longer side of the pictures that are turned


def turned(crop: np.ndarray, ball: np.ndarray) -> np.ndarray:
    """Turns the head in the middle of a crop (S, S, 3) of 1.2 times its box's longer side."""
    size = crop.shape[0]
    unit = size * 0.9 / MARGIN  # pixels of the side of a crop of the default estimator
    places = (np.mgrid[:size, :size][::-1].transpose(1, 2, 0) - (size - 1) / 2) / unit
    places = (out_of_plane.source_places(places, ball) * unit + (size - 1) / 2).astype(np.float32)
    x, y = np.moveaxis(places, -1, 0)
    return cv2.remap(crop, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def main() -> None:
    parser = cl.parser(__doc__)
    parser.add_argument("estimators", nargs="+", help=ESTIMATOR_HELP)
    parser.add_argument("--data", required=True, help="labelled heads, with roll; #PART for a part")
    parser.add_argument(
        "--every", type=cl.at_least(1), default=12, help="take each so many-th head"
    )
    arguments = parser.parse_args()
    estimators = load_all(arguments.estimators)
    heads, problems = read_table_heads(arguments.data)
    report(arguments.data, problems)
    chosen = slice(None, None, arguments.every)
    truth = rotation_matrices(heads.angles[chosen].astype(np.float64))
    crops = [
        head_crops(read_image(path), [box], SIZE, "long", MARGIN, grey=False)[0]
        for path, box in zip(heads.pictures[chosen], heads.boxes[chosen], strict=True)
    ]
    for compared in estimators:
        rows, size = [], (compared.recipe.size,) * 2
        for pan, tilt in TURNS:
            shown = [turned(crop, out_of_plane.of_ball(pan, tilt)) for crop in crops]
            inputs = [cv2.resize(crop, size, interpolation=cv2.INTER_AREA) for crop in shown]
            told = compared.estimator.estimate_all(np.stack(inputs))[:, :3]
            labels = whole_turn_angles(out_of_plane.rotation(pan, tilt) @ truth)
            off = wrap_degrees(told - labels)
            figures = [*np.median(off, axis=0), *np.abs(off).mean(axis=0)]
            rows.append([str(pan), str(tilt), *(f"{v:.1f}" for v in figures)])
        print(
            f"{compared.name}, {len(crops)} heads: told minus label (medians), mean absolute errors"
        )
        print(markdown_table(["pan", "tilt", *ANGLES, *(f"|{a}|" for a in ANGLES)], rows))


if __name__ == "__main__":
    cl.run(main)
