"""Measures pose estimators on labelled heads.

DATASET is a folder of head crops that a clean_ script made, or a CSV with a row for each
head in its picture (file, xmin, ymin, xmax, ymax, tilt, pan and perhaps roll), of which
"#PART" takes the rows whose column part says so. Rows with "away" in a column face are
heads seen from behind: they count only in how well |pan| tells them from the others.

With --dataset NAME, DATASET is where a published data set is: headpose evaluate MODEL
--dataset aflw2000 FOLDER
"""

import argparse
import json
import math
import time
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.evaluate_protocol import add_protocol_options, evaluate_protocol
from headpose.cli.pipeline_options import add_backend_option, backend_from, check_models, model_for
from headpose.detection.loading import DETECTOR_HELP
from headpose.files import atomic_write, check_outputs
from headpose.reporting import report

TIMED_CALLS = 30  # of one head each


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("estimator", nargs="+", type=Path, help="pose estimators (.keras, exported, published .h5)")
    add("dataset", help="the clean folder, or a table such as labels.csv#validation")
    add(
        "--detector",
        help=f"crop heads of a table where this finds them ({DETECTOR_HELP}); with --dataset "
        "the one that ships does, or none",
    )
    add(
        "--part",
        choices=("train", "validation", "test", "all"),
        default="test",
        help="which crops of a clean folder",
    )
    add("--json", type=Path, metavar="FILE", help="write all figures here too")
    add("--plot", type=Path, metavar="FILE", help="draw error over angle here (.png, .svg, .pdf)")
    add_protocol_options(parser)
    add_backend_option(parser)
    cl.add_device_options(parser)
    return parser


def warn_of_other_crops(folder: Path, estimator, name: Path) -> None:
    """Warns where the crops were not cut as the estimator wants them.

    Angles change by several degrees with the crop.
    """
    try:
        made = json.loads((folder / "summary.json").read_text())["options"]
        differing = [
            f"{key} {made[key]} (crops), {wanted} (estimator)"
            for key, wanted in (
                ("size", estimator.size),
                ("side", estimator.side),
                ("margin", estimator.margin),
            )
            if made[key] != wanted
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return  # crops from elsewhere: nothing is known
    if differing:
        cl.warn(f"{name}: crops differ from what it was made for: {'; '.join(differing)}")


def is_table(dataset: str) -> bool:
    """Tells a table of heads from a clean folder."""
    return dataset.partition("#")[0].lower().endswith(".csv")


def heads_for(estimator, arguments: argparse.Namespace, clean, detector) -> tuple:
    """Returns crops as the estimator takes them, their angles, and which are turned away."""
    import numpy as np

    from headpose.datasets.crop_dataset import fitted
    from headpose.datasets.pose_data import read_heads

    if clean is not None:
        crops = fitted(clean.crops, estimator.size, estimator.grey)
        return crops, clean.angles, np.zeros(len(crops), bool)
    heads, problems = read_heads(
        arguments.dataset, detector=detector, whole_turn=True, **estimator.crop_options
    )
    report(arguments.dataset, problems)
    return heads.crops, heads.angles, heads.away


def measure(estimator, crops) -> tuple:
    """Returns the estimates, and milliseconds a head: all together, and one by one."""
    import numpy as np

    estimator.estimate_all(crops[:64])  # compiles
    estimator.estimate_all(crops[:1])
    start = time.perf_counter()
    predicted = estimator.estimate_all(crops)
    together = (time.perf_counter() - start) / len(crops)
    single = []
    for i in range(TIMED_CALLS):
        start = time.perf_counter()
        estimator.estimate_all(crops[i % len(crops)][None])
        single.append(time.perf_counter() - start)
    return predicted, {
        "ms a head": round(together * 1e3, 4),
        "ms a single head": round(float(np.median(single)) * 1e3, 4),
    }


def trust(predicted, angles, away) -> dict:
    """Returns what can be said of heads turned away and of the expected error, where it is told."""
    from headpose.pose import metrics as pm
    from headpose.pose.estimator import MEASURES

    figures = {}
    if away.any() and not away.all():
        figures["away by |pan|, area under ROC"] = pm.separation(predicted, away)
    visible = predicted[~away]
    if predicted.shape[1] == len(MEASURES) and len(visible) >= 5:
        errors = pm.overall_errors(visible, angles[~away])
        least, rest = pm.uncertain_fifth(errors, visible[:, pm.CERTAINTY])
        figures["mean error of the least certain fifth"] = least
        figures["mean error of the others"] = rest
    return figures


def show(name: Path, errors: dict, times: dict, more: dict) -> None:
    """Prints the figures of one estimator."""
    from headpose.pose.metrics import SHARES

    print(f"{name}: {times['ms a head']:.2f} ms a head, {times['ms a single head']:.2f} ms alone")
    angles = ["tilt", "pan", "mean"]
    angles += [a for a in ("roll", "geodesic", "geodesic median") if a in errors["all"]]
    titles = {"geodesic": "turn", "geodesic median": "median"}
    shares = [f"both under {limit}" for limit in SHARES]
    print(f"  {'|pan|':8}{'heads':>7}" + "".join(f"{titles.get(a, a):>8}" for a in angles), end="")
    print("".join(f"{f'< {limit}':>8}" for limit in SHARES))
    for label, row in errors.items():
        if not row["heads"]:
            continue
        cells = [cell(row.get(a, math.nan), ".2f") for a in angles]
        cells += [cell(row[s], ".1%") for s in shares]
        print(f"  {label:8}{row['heads']:7d}" + "".join(cells))
    for label, value in more.items():
        print(f"  {label}: {value:.3f}")


def cell(value: float, form: str) -> str:
    """Returns a table cell; a dash where there is nothing to average."""
    return f"{'-' if math.isnan(value) else format(value, form):>8}"


def main() -> int:
    arguments = options().parse_args()
    if arguments.benchmark:
        return evaluate_protocol(arguments, arguments.estimator, arguments.dataset)
    # What can be wrong without opening anything is told first.
    check_models(arguments.detector, *arguments.estimator)
    table = arguments.dataset.partition("#")[0]
    check_outputs([arguments.json, arguments.plot], [table, arguments.detector])
    from headpose.datasets.crop_dataset import read_crops
    from headpose.pose.metrics import error_table, plot_errors, without_nan

    clean, shown = None, arguments.dataset
    if not is_table(arguments.dataset):
        part = None if arguments.part == "all" else arguments.part
        clean = read_crops(arguments.dataset, part)
        shown = f"{arguments.dataset}, {arguments.part}"
    from headpose.detection.loading import load_detector
    from headpose.pose.estimator import PoseEstimator

    backend = backend_from(arguments)
    detector = None
    if arguments.detector:
        detector = load_detector(model_for(arguments.detector, backend), backend=backend)
    estimators = [
        (name, PoseEstimator.load(model_for(name, backend), backend))
        for name in arguments.estimator
    ]
    results, curves = [], {}
    for name, estimator in estimators:
        crops, angles, away = heads_for(estimator, arguments, clean, detector)
        if not results:
            backs = f", {away.sum()} of them turned away" if away.any() else ""
            print(f"{shown}: {len(crops)} heads{backs}")
            print(
                "mean absolute errors in degrees (turn: of the whole rotation, mean and median); "
                "share of heads with both tilt and pan that near"
            )
        warn_of_other_crops(Path(arguments.dataset), estimator, name)
        predicted, times = measure(estimator, crops)
        errors = error_table(predicted[~away], angles[~away])
        more = trust(predicted, angles, away)
        show(name, errors, times, more)
        results.append({"estimator": str(name), **times, "errors": without_nan(errors), **more})
        curves[str(name)] = predicted[~away]
    if arguments.json:
        report = {"dataset": arguments.dataset, "part": arguments.part, "results": results}
        with atomic_write(arguments.json) as temporary:
            temporary.write_text(json.dumps(report, indent=2) + "\n")
    if arguments.plot:
        plot_errors(curves, angles[~away], arguments.plot)
    return 0
