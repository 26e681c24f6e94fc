#!/usr/bin/env python3
"""Measures pose estimators on heads that are turned in the picture, cut by its border, or dark.

TABLE is a CSV of labelled heads, such as labels.csv#validation. Each picture is turned about
each head, cut at the left so that a part of the head's box is lost, or darkened; the box is
changed with it, as a detector that finds the head would. Told and labelled rotations are
compared: "off" is the median turn between them, "expected" the median of the expected error,
and "sure and wrong" the share of heads of which less than 15 degrees were expected and that
are off by more than 30.
"""

from pathlib import Path

import cv2
import numpy as np
from measuring import cl, shown_heads

from headpose.cli.markdown import markdown_table
from headpose.errors import HeadposeError
from headpose.geometry.angles import rotate_in_plane
from headpose.geometry.crops import head_crops
from headpose.models.shipped import ESTIMATORS, named_model
from headpose.pose.estimator import PoseEstimator
from headpose.pose.metrics import EXPECTED_ERROR, geodesic_errors

TURNS = (0, 30, 60, 90, 120, 150, 180)
CUTS = (0.15, 0.25, 0.35, 0.45)
DARK = (0.3, 0.1)
SURE, WRONG = 15.0, 30.0


def turned(picture: np.ndarray, box: np.ndarray, degrees: float) -> tuple:
    """Returns a picture turned clockwise about a box's centre, and the box of the head in it.

    The head is taken as the ellipse in its box, whose turned bounding box is exact.
    """
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    side = int(np.ceil(np.linalg.norm(half) * 4))
    matrix = cv2.getRotationMatrix2D(tuple(map(float, centre)), -degrees, 1.0)
    matrix[:, 2] += side / 2 - centre
    picture = cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    half = np.hypot(half * cos, half[::-1] * sin)
    middle = np.array([side / 2, side / 2])
    return picture, np.concatenate([middle - half, middle + half])


def cut(picture: np.ndarray, box: np.ndarray, share: float) -> tuple:
    """Returns a picture whose left border hides a share of a box's width, and the rest's box."""
    start = int(max(0, box[0] + share * (box[2] - box[0])))
    return picture[:, start:], np.array([0, box[1], box[2] - start, box[3]])


def darkened(picture: np.ndarray, box: np.ndarray, light: float) -> tuple:
    """Returns a picture with a share of its light and the noise of a sensor, 2 grey levels."""
    noise = np.random.default_rng(0).normal(0, 2, picture.shape)
    return np.clip(picture * light + noise, 0, 255).astype(np.uint8), box


def main() -> None:
    parser = cl.parser(__doc__)
    parser.add_argument("table", help="labelled heads, with roll")
    parser.add_argument(
        "estimator",
        nargs="+",
        help="estimators that tell the whole rotation: ours, fast, large or files",
    )
    arguments = parser.parse_args()
    files = {name: named_model(name, ESTIMATORS) for name in arguments.estimator}
    estimators = [(name, PoseEstimator.load(file)) for name, file in files.items()]
    for name, estimator in estimators:
        if estimator.outputs <= EXPECTED_ERROR:
            raise HeadposeError(f"{name}: tells no expected error; name one that does")
    pictures, boxes, angles = shown_heads(arguments.table, hidden=max(CUTS))
    cases = [(f"turned by {a}", turned, a) for a in TURNS]
    cases += [(f"{c:.0%} of the width cut", cut, c) for c in CUTS]
    cases += [(f"{d:.0%} of the light", darkened, d) for d in DARK]
    rows = []
    for name, change, value in cl.progress(cases, "cases"):
        truth = rotate_in_plane(angles, value) if change is turned else angles
        changed = [change(p, b.astype(float), value) for p, b in zip(pictures, boxes, strict=True)]
        for label, estimator in estimators:
            crops = [head_crops(p, [b], **estimator.crop_options)[0] for p, b in changed]
            told = estimator.estimate_all(np.stack(crops))
            errors, expected = geodesic_errors(told, truth), told[:, EXPECTED_ERROR]
            wrong = ((expected < SURE) & (errors > WRONG)).mean()
            figures = (f"{np.median(errors):.1f}", f"{np.median(expected):.1f}", f"{wrong:.0%}")
            rows.append((name, Path(label).stem, *figures))
    print(f"{arguments.table}: {len(angles)} heads\n")
    print(markdown_table(["heads", "estimator", "off", "expected", "sure and wrong"], rows))


if __name__ == "__main__":
    cl.run(main)
