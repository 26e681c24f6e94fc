"""Measures estimators of several makes on the same labelled heads.

DATASET is a clean folder, best with --pictures, so that each estimator gets the crop that
it was made for; or a CSV with a row for each head in its picture (file, xmin, ymin, xmax,
ymax, tilt, pan and perhaps roll), of which "#PART" takes the rows whose column part says so.
"""

import argparse
import math
from pathlib import Path

from headpose import files
from headpose.baselines.onnx_networks import BACKENDS
from headpose.baselines.predictors import ESTIMATOR_HELP, check_compared
from headpose.cli import common as cl
from headpose.cli.left_out import LeftOut
from headpose.cli.markdown import cell, markdown_table
from headpose.cli.pipeline_options import add_trust_option, check_models, named_detector
from headpose.cli.surroundings import outlive_reader
from headpose.datasets.measured_sources import check_no_picture, each_once
from headpose.detection.loading import DETECTOR_HELP
from headpose.errors import HeadposeError
from headpose.files import write_json
from headpose.images.figures import check_figures


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("dataset", help="the clean folder, or a table such as labels.csv#validation")
    add(
        "--estimator",
        nargs="+",
        action="extend",
        metavar="NAME",
        help=f"{ESTIMATOR_HELP} (default: ours)",
    )
    add(
        "--pictures",
        type=cl.path,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="where the data sets of a clean folder are, to cut crops from their pictures",
    )
    add(
        "--part",
        choices=("train", "validation", "test", "all"),
        help="which heads of a clean folder (default: test)",
    )
    add(
        "--detector",
        type=named_detector,
        help=f"crop heads of a table where this finds them ({DETECTOR_HELP})",
    )
    add(
        "--check-conventions",
        action="store_true",
        help="tell for each estimator whether another sign, order, margin, side or order of "
        "channels would lower its error",
    )
    add("--json", type=cl.path, metavar="FILE", help="write all figures here too")
    add("--figure", type=cl.path, metavar="FILE", help="draw error over angle (.png, .svg, .pdf)")
    cl.add_overwrite_option(parser)
    add("--backend", choices=BACKENDS, default="auto", help="what runs peers' ONNX files")
    add_trust_option(parser)
    cl.add_device_options(parser, eight_bits=False)
    # So that networks compute what they were published with.
    parser.set_defaults(precision="float32")
    return parser


def check_options(arguments: argparse.Namespace) -> None:
    """Refuses options that the data set has no use for.

    Raises:
        HeadposeError: If there is one.
    """
    from headpose.baselines.evaluation import check_part, is_table

    name, table = arguments.dataset, is_table(arguments.dataset)
    if arguments.pictures and table:
        raise HeadposeError(f"{name}: names its pictures itself; --pictures is for clean folders")
    check_part(arguments.part, [name])
    if arguments.detector and not table:
        raise HeadposeError(f"{name}: its crops are cut already; --detector is for tables")


def backend_of_ours(arguments: argparse.Namespace):
    """Returns what runs files of ours: in bfloat16 Keras, else what each file is for."""
    from headpose.models.backends import Backend

    bfloat16 = arguments.precision == "bfloat16"
    precision = "bfloat16" if bfloat16 else None
    return Backend(None, arguments.device, precision, arguments.trust_model)


def needs_keras(arguments: argparse.Namespace, names: list[str]) -> bool:
    """Tells whether Keras runs one of the networks; all others start in a fraction of its time.

    It runs deepgaze's networks, and files of ours that have no export beside them.
    """
    from headpose.baselines.predictors import DEEPGAZE, files_of, is_peer
    from headpose.detection.loading import VIOLA_JONES
    from headpose.models.resolve import resolve

    if any(name.partition("=")[0] == DEEPGAZE for name in names):
        return True
    paths = [files_of(name)[0] for name in names if not is_peer(name)]
    detector = arguments.detector
    # An ONNX file may be YuNet's, which has no description of ours.
    if detector and str(detector) not in VIOLA_JONES and Path(detector).suffix.lower() != ".onnx":
        paths.append(Path(detector))
    backend = backend_of_ours(arguments)
    return any(resolve(path, backend).backend.name == "keras" for path in paths)


def read_heads(arguments: argparse.Namespace, left_out: LeftOut) -> tuple:
    """Returns the heads that are compared on, and what to call them; `left_out` gets the rest."""
    from headpose.baselines.evaluation import is_table
    from headpose.baselines.heads import read_clean_heads, read_table_heads

    shown = arguments.dataset
    if is_table(shown):
        detector = None
        if arguments.detector:
            from headpose.detection.loading import load_detector

            detector = load_detector(arguments.detector, backend=backend_of_ours(arguments))
            shown = f"{shown}, at boxes of {arguments.detector}"
        heads, problems = read_table_heads(arguments.dataset, detector)
    else:
        named = arguments.part or "test"
        part = None if named == "all" else named
        heads, problems = read_clean_heads(arguments.dataset, part, arguments.pictures)
        shown = f"{shown}, {named}"
    left_out.report(arguments.dataset, problems)
    return heads, shown


def warn_of_fixed_crops(heads, estimators: list) -> None:
    """Warns where estimators get the clean folder's crops instead of their own."""
    if heads.pictures is not None:
        return
    made = {"boxes": "heads"} | heads.made
    for compared in estimators:
        wanted = compared.recipe
        pairs = {
            "side": wanted.side,
            "margin": wanted.margin,
            "size": wanted.size,
            "boxes": f"{wanted.box}s",
            "colour": not wanted.grey,
        }
        differing = [f"{k} {made[k]}, not {v}" for k, v in pairs.items() if made.get(k, v) != v]
        if differing:
            cl.warn(
                f"{compared.name}: gets the folder's crops ({'; '.join(differing)}); "
                "name the data set's folder with --pictures for its own"
            )


def show_figures(results: list[dict]) -> None:
    """Prints the table of all estimators."""
    ranges = [n for n, row in results[0]["errors"].items() if n != "all" and row["heads"]]
    heads = {n: results[0]["errors"][n]["heads"] for n in ranges}
    titles = ["tilt", "pan", "mean", "roll", "median", "90 %"]
    titles += [f"{n} ({heads[n]})" for n in ranges]
    print(
        "Mean absolute errors in degrees; mean is that of the columns tilt and pan, also by |pan|"
    )
    print("(with the number of heads); median and 90th percentile are of the mean of a head's tilt")
    print("and pan. Within 15 degrees of a pan of 90, tilt and roll mean little and do not count.")
    print()
    rows = []
    for result in results:
        row = result["errors"]["all"]
        values = [row["tilt"], row["pan"], row["mean"], row.get("roll", math.nan)]
        values += [result["median"], result["90th percentile"]]
        values += [result["errors"][n]["mean"] for n in ranges]
        rows.append([result["estimator"], *map(cell, [*values, result["ms a head"]])])
    print(markdown_table(["estimator", *titles, "ms a head"], rows))
    print()


def show_check(name: str, check) -> None:
    """Prints the table of one estimator's conventions."""
    from headpose.baselines.convention_checks import STATED

    angles = list(check.stated)
    print(
        f"{name}: mean absolute errors in degrees, by other conventions; of all heads, while the "
        "table above leaves out tilt and roll near 90 degrees of pan"
    )
    print()
    print(f"| | {' | '.join(angles)} | lower? |")
    print(f"| --- |{' ---: |' * len(angles)} --- |")
    rows = [(STATED, check.stated, "")]
    rows += [(a.what, a.errors, "clearly" if a.better else "") for a in check.alternatives]
    rows.append(("without its bias (never taken off)", check.unbiased, ""))
    for what, errors, verdict in rows:
        print(f"| {what} | {' | '.join(cell(errors[a]) for a in angles)} | {verdict} |")
    for label, values, form in (
        ("bias in degrees", check.bias, "+.2f"),
        ("correlation with the labels", check.correlations, ".2f"),
    ):
        told = " | ".join(format(values[a], form) for a in angles)
        print(f"| {label} | {told} | |")
    print()


def main() -> int:
    arguments = options().parse_args()
    names = arguments.estimator or ["ours"]
    (source,) = each_once([arguments.dataset])
    inputs: list[str | Path] = [source.path, *names]
    outputs = [arguments.json, arguments.figure]
    files.check_outputs(outputs, inputs, arguments.overwrite, texts=[arguments.json])
    check_compared(names)
    check_models(arguments.detector)
    check_figures(arguments.figure)
    check_options(arguments)
    check_no_picture(outputs, [source])
    outlive_reader(*outputs)
    # What is wrong with data is told before TensorFlow starts, which a detector may need.
    left_out = LeftOut()
    early = None if arguments.detector else read_heads(arguments, left_out)
    if needs_keras(arguments, names):
        from headpose.models.keras_setup import set_up

        set_up(arguments.device, arguments.precision)
    from headpose.baselines.convention_checks import check_conventions, check_outputs
    from headpose.baselines.predictors import Case, ask, figures, load_all
    from headpose.datasets.label_tables import Problems
    from headpose.pose.estimator import PoseEstimator
    from headpose.pose.figures import plot_errors

    backend = backend_of_ours(arguments)
    estimators = load_all(names, arguments.backend, lambda path: PoseEstimator.load(path, backend))
    heads, shown = early or read_heads(arguments, left_out)
    warn_of_fixed_crops(heads, estimators)
    problems = Problems()
    told = ask(heads, [Case(c.estimator, c.recipe) for c in estimators], problems)
    left_out.report(arguments.dataset, problems)
    truth = heads.angles[told.rows]
    print(f"{shown}: {len(truth)} heads")
    results = []
    for compared, angles, milliseconds in zip(
        estimators, told.angles, told.milliseconds, strict=True
    ):
        results.append(
            {
                "estimator": compared.name,
                "crop": vars(compared.recipe),
                **figures(angles, truth),
                "ms a head": milliseconds,
            }
        )
    show_figures(results)
    for compared, angles, result in zip(estimators, told.angles, results, strict=True):
        check = check_outputs(angles, truth)
        if arguments.check_conventions:
            # What was left out was reported above.
            check = check_conventions(heads, compared, Problems())
            show_check(compared.name, check)
        for line in [compared.remark] * bool(compared.remark) + check.warnings:
            cl.warn(f"{compared.name}: {line}")
        result["conventions"] = {
            "bias": check.bias,
            "correlations": check.correlations,
            "alternatives": [vars(a) for a in check.alternatives],
            "warnings": check.warnings,
        }
    if arguments.json:
        summary = {"dataset": shown, "heads": len(truth), "left out": left_out.counts}
        summary["results"] = results
        write_json(arguments.json, summary, arguments.overwrite)
    if arguments.figure:
        curves = {c.name: a for c, a in zip(estimators, told.angles, strict=True)}
        plot_errors(curves, truth, arguments.figure, replace=arguments.overwrite)
    return left_out.status
