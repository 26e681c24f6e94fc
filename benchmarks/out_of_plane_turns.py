#!/usr/bin/env python3
"""Tells how far estimators see heads turned that training turns out of the plane.

The heads of DATA are turned as `headpose.training.out_of_plane` does, and each estimator
reads them before and after, in its own crop. Where it sees less or more than the label of
the turned head says, the constants of that file are wrong for these heads.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from headpose.baselines.registry import CONVENTIONS, PeerEstimator
from headpose.cli import common as cl
from headpose.cli.markdown import markdown_table
from headpose.datasets.detection_annotations import picture_folder
from headpose.datasets.label_tables import Problems, SourceName, numbers, read_labels
from headpose.geometry.angles import rotation_matrices, whole_turn_angles, wrap_degrees
from headpose.geometry.boxes import COLUMNS
from headpose.geometry.crops import head_crops
from headpose.images.pictures import read_image
from headpose.reporting import report
from headpose.training import out_of_plane

ANGLES = ("tilt", "pan", "roll")
TURNS = ((0, 0), (12, 0), (20, 0), (30, 0), (-30, 0), (0, 8), (0, -8), (20, 8))
SIZE, MARGIN = 224, 1.2  # pixels and share of the longer side of the pictures that are turned


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("estimators", nargs="+", help="NAME=FILE[,FILE] of `headpose compare`")
    add("--data", required=True, help="CSV with head boxes, tilt, pan, roll; #PART for a part")
    add("--every", type=cl.at_least(1), default=12, help="take each so many-th head")
    return parser


def turned(crop: np.ndarray, ball: np.ndarray) -> np.ndarray:
    """Turns the head in the middle of a crop (S, S, 3) of 1.2 times its box's longer side."""
    size = crop.shape[0]
    unit = size * 0.9 / MARGIN  # pixels of the side of a crop of the default estimator
    places = (np.mgrid[:size, :size][::-1].transpose(1, 2, 0) - (size - 1) / 2) / unit
    places = (out_of_plane.source_places(places, ball) * unit + (size - 1) / 2).astype(np.float32)
    x, y = np.moveaxis(places, -1, 0)
    return cv2.remap(crop, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def main() -> None:
    arguments = options().parse_args()
    source, problems = SourceName.parse(arguments.data), Problems()
    table = read_labels(source.path, source.part, ("file", *COLUMNS, *ANGLES), problems)
    report(arguments.data, problems)
    table = table.iloc[:: arguments.every]
    boxes = numbers(table, COLUMNS).to_numpy(np.float32)
    truth = rotation_matrices(numbers(table, ANGLES).to_numpy(np.float64))
    folder = picture_folder(source.path)
    pictures = [read_image(folder / name) for name in table["file"]]
    crops = [
        head_crops(picture, box[None], SIZE, "long", MARGIN, grey=False)[0]
        for picture, box in zip(pictures, boxes, strict=True)
    ]
    for named in arguments.estimators:
        name, _, files = named.partition("=")
        estimator = PeerEstimator(CONVENTIONS[name], [Path(f) for f in files.split(",")])
        rows = []
        for pan, tilt in TURNS:
            shown = [turned(crop, out_of_plane.of_ball(pan, tilt)) for crop in crops]
            size = (CONVENTIONS[name].size,) * 2
            inputs = [cv2.resize(crop, size, interpolation=cv2.INTER_AREA) for crop in shown]
            told = estimator.estimate_all(np.stack(inputs))[:, :3]
            labels = whole_turn_angles(out_of_plane.rotation(pan, tilt) @ truth)
            off = wrap_degrees(told - labels)
            rows.append([str(pan), str(tilt), *(f"{v:.1f}" for v in np.median(off, axis=0))])
            rows[-1] += [f"{v:.1f}" for v in np.abs(off).mean(axis=0)]
        print(f"{name}, {len(crops)} heads: told minus label (medians), mean absolute errors")
        print(markdown_table(["pan", "tilt", *ANGLES, *(f"|{a}|" for a in ANGLES)], rows))


if __name__ == "__main__":
    cl.run(main)
