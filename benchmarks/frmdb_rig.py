#!/usr/bin/env python3
"""Tells how FRMDB's labels disagree with estimators that never saw it, and writes better ones.

Prints by how many degrees each ring of cameras is turned about the vertical, as each
estimator sees it, and how far the estimators are from the labels before and after rings and
rest positions are corrected. Only cameras within 45 degrees of the front are judged by; the
others, profiles and backs, show whether the correction is right. Rows that cannot be judged so
are left out of the written table, and told.
"""

import argparse
from pathlib import Path

import numpy as np
import rig_labels
from measuring import cl

from headpose.baselines.heads import ComparedHeads, usable_pictures
from headpose.baselines.pseudo_labels import answers, mean_rotation
from headpose.baselines.registry import CONVENTIONS, PeerEstimator
from headpose.cli.markdown import markdown_table
from headpose.cli.surroundings import outlive_reader
from headpose.datasets.detection_annotations import picture_folder
from headpose.datasets.label_tables import Problems, numbers, read_labels
from headpose.datasets.told_sizes import told_sizes
from headpose.errors import HeadposeError
from headpose.files import atomic_write, check_outputs
from headpose.geometry.angles import geodesic_distances
from headpose.geometry.boxes import COLUMNS, as_boxes
from headpose.pose.estimator import PoseEstimator
from headpose.reporting import report

ANGLES = ("tilt", "pan", "roll")
STEEP = 45  # degrees of elevation beyond which FSA-Net, trained on faces, is not asked
PARTS = {"front": (0, 60), "profile": (60, 120), "back": (120, 181)}  # camera azimuths, degrees


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add(
        "labels", type=Path, help="FRMDB's labels.csv, with pictures named PERSON_AZIMUTH_ELEVATION"
    )
    add("--fsa-net", nargs="+", type=Path, required=True, metavar="FILE", help="its two networks")
    add("--whenet", type=Path, required=True, metavar="FILE", help="with inputs N x 224 x 224 x 3")
    add("--estimator", default="models/pose-estimator.onnx", help="one of ours")
    add("--output", type=Path, metavar="FILE", help="where to write the corrected table")
    cl.add_overwrite_option(parser)
    return parser


def read_answers(
    arguments: argparse.Namespace, rig: rig_labels.Rig, problems: Problems
) -> tuple[rig_labels.Rig, dict[str, np.ndarray]]:
    """Asks all estimators about the heads of a rig.

    Args:
        arguments: The estimators' files.
        rig: The heads.
        problems: Gets heads that cannot be seen in their pictures.

    Returns:
        The heads that were seen, and the rotations (N, 3, 3) that each estimator tells of them.

    Raises:
        HeadposeError: If no head can be seen.
    """
    fsa_net = PeerEstimator(CONVENTIONS["fsa-net"], arguments.fsa_net)
    whenet = PeerEstimator(CONVENTIONS["whenet-nhwc"], [arguments.whenet])
    ours = PoseEstimator.load(arguments.estimator)
    heads = ComparedHeads(
        rig.table[list(ANGLES)].to_numpy(np.float32),
        np.array([Path(file) for file in rig.table["file"]], object),
        as_boxes(rig.table[list(COLUMNS)].to_numpy()),
        sizes=told_sizes(rig.table),
    )
    rows, told = [], []
    for some, picture in usable_pictures(heads, problems):
        rows.append(some)
        told.append(answers(fsa_net, whenet, ours, picture, heads.boxes[some]))
    if not rows:
        found = "; ".join(problems.lines())
        raise HeadposeError(f"{arguments.labels}: no head of it can be judged by ({found})")
    order = np.argsort(np.concatenate(rows))
    each = np.concatenate(told)[order]
    return rig.taken(np.concatenate(rows)[order]), {
        "FSA-Net": mean_rotation(each[:, 0], each[:, 1]),
        "WHENet": each[:, 2],
        "ours": each[:, 3],
    }


def main() -> None:
    arguments = options().parse_args()
    if arguments.output:
        check_outputs([arguments.output], [arguments.labels], arguments.overwrite)
    outlive_reader(arguments.output)
    problems = Problems()
    table = read_labels(arguments.labels, "", ("file", "person", *COLUMNS, *ANGLES), problems)
    wanted = [*COLUMNS, *ANGLES]
    table[wanted] = numbers(table, tuple(wanted))
    folder = picture_folder(arguments.labels, table["file"]).resolve()
    table["file"] = [str(folder / name) for name in table["file"]]
    boxed = table[list(COLUMNS)].notna().all(axis=1)
    for file in table["file"][~boxed]:
        problems.add("bad box", file)
    rig = rig_labels.Rig.of(table[boxed], problems)
    rig, told = read_answers(arguments, rig, problems)
    report(arguments.labels, problems)

    rings = rig_labels.ring_offsets(rig, told)
    rings.loc[rings.index > STEEP, "FSA-Net"] = np.nan
    offsets = rings.mean(axis=1)
    print("Degrees about the vertical from the labels, by the cameras' elevation:\n")
    rows = [
        [f"{ring:+.0f}", *(f"{v:.1f}" for v in row), f"{offsets[ring]:.1f}"]
        for ring, row in zip(rings.index, rings.to_numpy(), strict=True)
    ]
    print(markdown_table(["ring", *told, "taken"], rows))
    turned = rig_labels.turned_rings(rig, offsets)
    rest = rig_labels.with_rest(turned, rig_labels.rest_offsets(rig, turned, told))

    print("\nMedian degrees from the labels, by the cameras' azimuth:\n")
    azimuth = rig.table["camera_azimuth"].abs()
    rows = []
    for name, labels in (("as given", rig.labels), ("rings", turned), ("rings and rest", rest)):
        for who, rotations in told.items():
            off = geodesic_distances(labels, rotations)
            parts = [np.median(off[(azimuth >= a) & (azimuth < b)]) for a, b in PARTS.values()]
            rows.append([name, who, *(f"{v:.1f}" for v in (np.median(off), *parts))])
    print(markdown_table(["labels", "estimator", "all", *PARTS], rows))
    if arguments.output:
        with atomic_write(arguments.output, arguments.overwrite) as temporary:
            rig_labels.corrected_table(rig, rest).to_csv(temporary, index=False)


if __name__ == "__main__":
    cl.run(main)
