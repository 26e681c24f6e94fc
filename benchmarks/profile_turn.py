#!/usr/bin/env python3
"""Tells by how much heads in profile should be turned further, and writes a model that does it.

A TABLE is a CSV of labelled heads, such as labels.csv#validation, of people that the estimator
did not learn from. For each number of degrees (see `headpose.geometry.angles.turned_further`)
and each table: the mean error of pan, the slope of told on labelled pan (1 is right), and
"off", the mean turn between told and labelled rotation, or the angle between noses where a
roll is not known. The last table has the mean of "off" over all tables, each alike.
"""

from pathlib import Path

import numpy as np
from measuring import cl

from headpose.baselines.heads import CropRecipe, cut_crops, read_table_heads
from headpose.cli.markdown import markdown_table
from headpose.cli.surroundings import outlive_reader
from headpose.errors import HeadposeError
from headpose.files import check_outputs
from headpose.geometry.angles import rotation_matrices, turned_further, whole_turn_angles
from headpose.models.keras_files import load_model, save_model
from headpose.models.keras_setup import set_up
from headpose.models.specs import MAX_PROFILE_TURN
from headpose.pose.estimator import PoseEstimator
from headpose.pose.metrics import absolute_errors, turn_or_nose_errors
from headpose.pose.reliability import pan_slope
from headpose.pose.rotation import HeadAngles, with_profile_turn
from headpose.reporting import report

TURNS = (0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
degrees = cl.in_range(0, MAX_PROFILE_TURN)


def answers(estimator: PoseEstimator, table: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns told and labelled tilt, pan and roll (N, 3) of a table's heads, degrees."""
    heads, problems = read_table_heads(table)
    recipe = CropRecipe(estimator.size, estimator.side, estimator.margin, estimator.grey)
    cut = [(rows, crops) for rows, (crops,) in cut_crops(heads, [recipe], problems)]
    report(table, problems)
    if not cut:
        raise HeadposeError(f"{table}: no picture of it can be read")
    rows, crops = (np.concatenate(each) for each in zip(*cut, strict=True))
    return estimator.estimate_all(crops)[:, :3], heads.angles[rows]


def main() -> None:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("estimator", type=Path, help="a .keras file that tells rotations")
    add(
        "--data", nargs="+", required=True, metavar="TABLE", help="labelled heads; #PART for a part"
    )
    add("--turns", type=degrees, nargs="+", default=TURNS, help="degrees to try")
    add(
        "--save",
        type=cl.keras_path,
        metavar="FILE",
        help="write the estimator with --turn here (.keras)",
    )
    add("--turn", type=degrees, help="degrees by which it turns heads in profile, for --save")
    cl.add_overwrite_option(parser)
    arguments = parser.parse_args()
    if (arguments.save is None) != (arguments.turn is None):
        parser.error("--save and --turn go together; give both or neither")
    check_outputs([arguments.save], [arguments.estimator], arguments.overwrite)
    outlive_reader(arguments.save)
    set_up("cpu", "float32")
    model = load_model(arguments.estimator)
    if not any(isinstance(layer, HeadAngles) for layer in model.layers):
        raise HeadposeError(f"{arguments.estimator}: tells no rotations; name one that does")
    estimator = PoseEstimator(with_profile_turn(model, 0))
    off = []
    for table in arguments.data:
        told, truth = answers(estimator, table)
        matrices, rows = rotation_matrices(told), []
        for turn in arguments.turns:
            turned = whole_turn_angles(turned_further(matrices, turn))
            pan = absolute_errors(turned, truth)[:, 1].mean()
            errors = turn_or_nose_errors(turned, truth)
            slope, mean, median = pan_slope(turned, truth), np.mean(errors), np.median(errors)
            off.append(mean)
            rows.append([f"{turn:g}", f"{pan:.2f}", f"{slope:.3f}", f"{mean:.2f}", f"{median:.2f}"])
        print(f"\n{table}: {len(truth)} heads\n")
        print(markdown_table(["degrees", "pan", "slope of pan", "off", "median"], rows))
    means = np.reshape(off, (len(arguments.data), -1)).mean(axis=0)
    rows = [[f"{turn:g}", f"{m:.2f}"] for turn, m in zip(arguments.turns, means, strict=True)]
    print(f"\nall tables, each alike\n\n{markdown_table(['degrees', 'off'], rows)}")
    if arguments.save:
        save_model(with_profile_turn(model, arguments.turn), arguments.save, half=True)
        print(f"\nwrote {arguments.save}")


if __name__ == "__main__":
    cl.run(main)
