#!/usr/bin/env python3
"""Tells how far estimators see heads turned that training turns out of the plane.

The heads of DATA are turned as `headpose.training.out_of_plane` does, and each estimator
reads them before and after, in its own crop. Where it sees less or more than the label of
the turned head says, the constants of that file are wrong for these heads.
"""

import cv2
import numpy as np
from measuring import cl, shown_heads

from headpose.baselines.predictors import ESTIMATOR_HELP, load_all
from headpose.cli.markdown import markdown_table
from headpose.errors import HeadposeError
from headpose.geometry.angles import rotation_matrices, whole_turn_angles, wrap_degrees
from headpose.geometry.convention_math import ANGLES
from headpose.geometry.crops import head_crops
from headpose.training import out_of_plane

TURNS = ((0, 0), (12, 0), (20, 0), (30, 0), (-30, 0), (0, 8), (0, -8), (20, 8))
# Pixels and share of the box's longer side of the pictures that are turned: enough for the crops
# of all estimators.
SIZE, MARGIN = 384, 2.0


def turned(crop: np.ndarray, ball: np.ndarray) -> np.ndarray:
    """Turns the head in the middle of a crop (S, S, 3) of `MARGIN` times its box's longer side."""
    size = crop.shape[0]
    unit = size * 0.9 / MARGIN  # pixels of the side of a crop of the default estimator
    places = (np.mgrid[:size, :size][::-1].transpose(1, 2, 0) - (size - 1) / 2) / unit
    places = (out_of_plane.source_places(places, ball) * unit + (size - 1) / 2).astype(np.float32)
    x, y = np.moveaxis(places, -1, 0)
    return cv2.remap(crop, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def box_within(box: np.ndarray) -> np.ndarray:
    """Returns where the head of a box (4,) is in the crop that is turned."""
    extent = (box[2:] - box[:2]).astype(np.float64)
    half = extent * SIZE / (MARGIN * extent.max()) / 2
    return np.concatenate([SIZE / 2 - half, SIZE / 2 + half])


def main() -> None:
    parser = cl.parser(__doc__)
    parser.add_argument("estimators", nargs="+", help=ESTIMATOR_HELP)
    parser.add_argument("--data", required=True, help="labelled heads, with roll; #PART for a part")
    parser.add_argument(
        "--every", type=cl.at_least(1), default=12, help="take each so many-th head"
    )
    arguments = parser.parse_args()
    estimators = load_all(arguments.estimators)
    pictures, shown_boxes, angles = shown_heads(arguments.data, arguments.every)
    truth = rotation_matrices(angles.astype(np.float64))
    crops = [
        head_crops(picture, [box], SIZE, "long", MARGIN, grey=False)[0]
        for picture, box in zip(pictures, shown_boxes, strict=True)
    ]
    boxes = [box_within(box) for box in shown_boxes]
    for compared in estimators:
        rows = []
        for pan, tilt in TURNS:
            shown = [turned(crop, out_of_plane.of_ball(pan, tilt)) for crop in crops]
            inputs = [
                compared.recipe.cut(picture, box[None])[0]
                for picture, box in zip(shown, boxes, strict=True)
            ]
            told = compared.estimator.estimate_all(np.stack(inputs))[:, :3]
            if told.shape[1] < len(ANGLES):
                raise HeadposeError(f"{compared.name}: tells no roll; name one that does")
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
