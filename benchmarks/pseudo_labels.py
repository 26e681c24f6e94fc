#!/usr/bin/env python3
"""Labels heads of known boxes with angles that two published estimators agree on.

TABLE is a CSV of head boxes (file, xmin, ymin, xmax, ymax), as detectors are trained on. The
output is a table for `headpose train`: where both say that a head is turned by less than 45
degrees the mean of their rotations, else WHENet's, which alone covers profiles; `disagreement`
says how far they are apart. Heads on which they differ by more than a label is worth are left
out: at hard hats that is most of them. FSA-Net and WHENet read AFLW2000-3D 1 degree too low in
tilt, which is added.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from headpose.baselines.registry import CONVENTIONS, PeerEstimator
from headpose.cli import common as cl
from headpose.datasets.detection_annotations import picture_folder
from headpose.files import atomic_write
from headpose.geometry.angles import (
    flip,
    geodesic_distances,
    pitch_down,
    rotation_matrices,
    whole_turn_angles,
)
from headpose.geometry.boxes import COLUMNS
from headpose.geometry.crops import head_crops
from headpose.images.pictures import read_image

WIDE = 45.0  # degrees of WHENet's pan, from which its label is taken alone
REACH = 100.0  # degrees of pan beyond which neither is trusted
APART, APART_WIDE = 22.0, 40.0  # degrees between the two, up to which a label is worth it
UNSTEADY = 25.0  # degrees between FSA-Net's answers to a crop and to its mirror image
WIDE_DISAGREEMENT = 0.6, 7.0  # of a profile: this share of what they differ, at least so much
TOO_LOW = 1.0  # degrees, see above


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("table", nargs="+", type=Path, help="tables of head boxes")
    add("--fsa-net", nargs="+", type=Path, required=True, metavar="FILE", help="its two networks")
    add("--whenet", type=Path, required=True, metavar="FILE", help="with inputs N x 224 x 224 x 3")
    add("--output", type=Path, required=True, metavar="FILE", help="the table of labels")
    add("--smallest", type=cl.at_least(1), default=50, help="longer side of a head, pixels")
    add("--at-most", type=cl.at_least(1), default=1200, help="heads of a table")
    add("--seed", type=cl.at_least(0), default=0, help="which pictures are taken, if too many")
    return parser


def mean_rotation(*matrices: np.ndarray) -> np.ndarray:
    """Returns the rotations (N, 3, 3) nearest to the means of others, by singular values."""
    u, _, v = np.linalg.svd(np.mean(matrices, axis=0))
    proper = np.tile(np.eye(3), (len(u), 1, 1))
    proper[:, 2, 2] = np.linalg.det(u @ v)
    return u @ proper @ v


def usable(table: pd.DataFrame, arguments: argparse.Namespace) -> pd.DataFrame:
    """Returns the heads that are large enough and no thin strips, of whole pictures."""
    table = table.dropna(subset=["xmin"])
    extent = table[["xmax", "ymax"]].to_numpy() - table[["xmin", "ymin"]].to_numpy()
    long, short = extent.max(axis=1), extent.min(axis=1)
    table = table[(long >= arguments.smallest) & (short >= 0.5 * long)]
    files = table["file"].drop_duplicates().sample(frac=1, random_state=arguments.seed)
    total = table.groupby("file").size()[files].cumsum()
    return table[table["file"].isin(total.index[total <= arguments.at_most])]


def answers(fsa_net, whenet, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Returns rows (N, 3, 3, 3): FSA-Net's rotation, of the mirror image's, and WHENet's."""
    crops = head_crops(picture, boxes, fsa_net.size, fsa_net.side, fsa_net.margin, grey=False)
    plain = rotation_matrices(fsa_net.estimate_all(crops))
    other = fsa_net.estimate_all(np.ascontiguousarray(crops[:, :, ::-1]))
    crops = head_crops(picture, boxes, whenet.size, whenet.side, whenet.margin, grey=False)
    wide = rotation_matrices(whenet.estimate_all(crops))
    return np.stack([plain, rotation_matrices(flip(other)), wide], axis=1)


def label(told: np.ndarray) -> pd.DataFrame:
    """Returns tilt, pan, roll and disagreement in degrees of `answers`; NaN where left out."""
    fsa_net, whenet = mean_rotation(told[:, 0], told[:, 1]), told[:, 2]
    apart = geodesic_distances(fsa_net, whenet)
    pan = np.abs(whole_turn_angles(whenet)[:, 1])
    wide = pan > WIDE
    chosen = np.where(wide[:, None, None], whenet, mean_rotation(fsa_net, whenet))
    angles = pitch_down(whole_turn_angles(chosen), -TOO_LOW)
    share, least = WIDE_DISAGREEMENT
    rows = pd.DataFrame(angles, columns=["tilt", "pan", "roll"])
    rows["disagreement"] = np.where(wide, np.maximum(share * apart, least), apart)
    steady = geodesic_distances(told[:, 0], told[:, 1]) <= UNSTEADY
    agreed = (pan <= REACH) & (apart <= np.where(wide, APART_WIDE, APART)) & steady
    rows[~agreed] = np.nan
    return rows.round(2)


def main() -> None:
    arguments = options().parse_args()
    fsa_net = PeerEstimator(CONVENTIONS["fsa-net"], arguments.fsa_net)
    whenet = PeerEstimator(CONVENTIONS["whenet-nhwc"], [arguments.whenet])
    tables = []
    for path in arguments.table:
        table, folder = usable(pd.read_csv(path), arguments), picture_folder(path).resolve()
        parts = []
        for file, rows in cl.progress(table.groupby("file", sort=False), "pictures"):
            boxes = rows[list(COLUMNS)].to_numpy(np.float32)
            labels = label(answers(fsa_net, whenet, read_image(folder / str(file)), boxes))
            place = rows[list(COLUMNS)].reset_index(drop=True)
            parts.append(pd.concat([place, labels], axis=1).assign(file=str(folder / str(file))))
        found = pd.concat(parts).dropna() if parts else pd.DataFrame()
        print(f"{path}: {len(found)} of {len(table)} heads labelled")
        tables.append(found)
    with atomic_write(arguments.output) as temporary:
        pd.concat(tables).to_csv(temporary, index=False)


if __name__ == "__main__":
    cl.run(main)
