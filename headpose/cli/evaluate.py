"""Measures pose estimators on labelled heads, each in the crop that it was made for.

First name estimators, then data sets, as many as wanted. A data set is a folder of head crops
that a clean_ script made, or a CSV with a row for each head in its picture (file, xmin, ymin,
xmax, ymax, tilt, pan and perhaps roll), of which "#PART" takes the rows whose column part
says so. Rows with "away" in a column face are heads seen from behind without angles: they
count only in how well |pan| tells them from the others.

"turn" is the angle of the whole rotation from estimate to label, mean and median; "off" is
the turn where the label has a roll, else the angle between the noses, mean and median; "mean"
is the mean of tilt and pan, "expected" that of the expected errors. "< 5" is the share of heads
whose tilt and pan are both off by less than 5 degrees, of those with a pan that is not within
15 degrees of 90, where tilt means little.

With --dataset NAME, the last word is where a published data set is: headpose evaluate MODEL
--dataset aflw2000 FOLDER
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from headpose.baselines.evaluation import check_part, has_pictures, is_table
from headpose.baselines.predictors import ESTIMATOR_HELP, check_compared, is_model
from headpose.cli import common as cl
from headpose.cli.evaluate_protocol import (
    add_protocol_options,
    evaluate_protocol,
    load_estimators,
)
from headpose.cli.evaluate_tables import by_pan, overview, show
from headpose.cli.left_out import LeftOut
from headpose.cli.pipeline_options import (
    add_backend_option,
    backend_from,
    check_models,
    model_for,
    named_detector,
)
from headpose.cli.surroundings import outlive_reader
from headpose.datasets.measured_sources import check_no_picture, each_once
from headpose.detection.loading import DETECTOR_HELP
from headpose.errors import HeadposeError
from headpose.files import check_outputs, write_json
from headpose.images.figures import check_figures


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("estimator", nargs="+", help=ESTIMATOR_HELP)
    add("dataset", nargs=1, help="clean folders, or tables such as labels.csv#validation")
    add(
        "--detector",
        type=named_detector,
        help=f"crop heads of a table where this finds them ({DETECTOR_HELP}); with --dataset "
        "single-stage does (ours without its second stage) unless another is named; or none",
    )
    add(
        "--part",
        choices=("train", "validation", "test", "all"),
        help="which crops of a clean folder (default: test)",
    )
    add("--json", type=cl.path, metavar="FILE", help="write all figures here too")
    add(
        "--plot", type=cl.path, metavar="FILE", help="draw error over angle here (.png, .svg, .pdf)"
    )
    add(
        "--reliability",
        type=cl.path,
        metavar="FILE",
        help="draw true over expected errors of all data sets together here",
    )
    add(
        "--table",
        action="store_true",
        help="end with Markdown tables: a row for each data set and estimator, and for each "
        "range of pan of all data sets together",
    )
    cl.add_overwrite_option(parser)
    add_protocol_options(parser)
    add_backend_option(parser)
    cl.add_device_options(parser)
    return parser


def is_estimator(text: str) -> bool:
    """Tells what names an estimator from what names a data set."""
    from headpose.baselines.predictors import NAMES

    return is_model(text) or text.partition("=")[0] in NAMES


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line; positional words are estimators, then data sets."""
    parser = options()
    arguments = parser.parse_args(words)
    if arguments.benchmark:
        if arguments.plot or arguments.reliability or arguments.table:
            raise HeadposeError(
                "--plot, --reliability and --table are not for --dataset; leave them out"
            )
        if arguments.part:
            raise HeadposeError("--part is for clean folders, not for --dataset; leave it out")
        return arguments
    if arguments.crop != parser.get_default("crop") or arguments.limit:
        raise HeadposeError("--crop and --limit are for --dataset NAME; leave them out")
    named = [*arguments.estimator, *arguments.dataset]
    count = 0
    while count < len(named) and is_estimator(named[count]):
        count += 1
    arguments.estimator, arguments.dataset = named[:count], named[count:]
    if not arguments.estimator:
        raise HeadposeError(f"{named[0]}: no such estimator; name estimators, then data sets")
    if not arguments.dataset:
        parser.error("the following arguments are required: dataset")
    if not all(map(is_table, arguments.dataset)):
        arguments.part = arguments.part or "test"
    else:
        check_part(arguments.part, arguments.dataset)
    return arguments


def check_crops(datasets: Sequence[str], part: str | None) -> None:
    """Reads clean folders before models are loaded.

    Raises:
        HeadposeError: If one is not there, or has no such part.
    """
    from headpose.datasets.crop_dataset import read_crops

    for dataset in datasets:
        if not is_table(dataset):
            read_crops(dataset, part)


def warn_of_other_crops(folder: Path, compared) -> None:
    """Warns where a clean folder's crops were not cut as the estimator wants them."""
    from headpose.datasets.crop_dataset import other_crops

    if differing := other_crops(folder, vars(compared.recipe)):
        cl.warn(f"{compared.name}: crops differ from what it was made for: {differing}")


def main() -> int:
    arguments = parsed()
    if arguments.benchmark:
        return evaluate_protocol(arguments, arguments.estimator, arguments.dataset[0])
    # What can be wrong without opening anything is told first.
    ours = [e for e in arguments.estimator if is_model(e) and "=" not in e]
    check_compared(arguments.estimator)
    check_models(arguments.detector, *ours)
    sources = each_once(arguments.dataset, together=True)
    outputs = [arguments.json, arguments.plot, arguments.reliability]
    inputs = [*(source.path for source in sources), *ours, arguments.detector]
    check_outputs(outputs, inputs, arguments.overwrite, texts=[arguments.json])
    check_no_picture(outputs, sources)
    check_figures(arguments.plot, arguments.reliability)
    outlive_reader(*outputs)
    for dataset in arguments.dataset:
        if arguments.detector and not has_pictures(dataset):
            raise HeadposeError(
                f"{dataset}: its crops are cut already; --detector is for heads in pictures"
            )
    import numpy as np

    from headpose.baselines.evaluation import evaluate, figures, single_milliseconds
    from headpose.pose.figures import plot_errors, plot_reliability

    part = None if arguments.part == "all" else arguments.part
    check_crops(arguments.dataset, part)
    estimators = load_estimators(arguments.estimator, arguments)
    detector = None
    if arguments.detector:
        from headpose.detection.loading import load_detector

        backend = backend_from(arguments)
        detector = load_detector(model_for(arguments.detector, backend), backend=backend)
    alone = [single_milliseconds(c) for c in estimators]
    left_out = LeftOut()
    sets, rows = [], []
    for dataset in arguments.dataset:
        told, problems = evaluate(dataset, estimators, detector, part)
        left_out.report(dataset, problems)
        named = dataset if is_table(dataset) else f"{dataset}, {arguments.part}"
        backs = f", {told.away.sum()} of them turned away" if told.away.any() else ""
        print(f"{named}: {len(told.angles)} heads{backs}")
        for number, compared in enumerate(estimators):
            if not is_table(dataset):
                warn_of_other_crops(Path(dataset), compared)
            row = {"ms a head": told.milliseconds[number], "ms a single head": alone[number]}
            row |= figures(told.told[number], told.angles, told.away)
            show(compared.name, row)
            rows.append({"dataset": named, "estimator": compared.name, **row})
        sets.append(told)
    angles = np.concatenate([s.angles for s in sets])
    away = np.concatenate([s.away for s in sets])
    together = [np.concatenate(parts) for parts in zip(*(s.told for s in sets), strict=True)]
    union = []
    if len(sets) > 1:
        print(f"all {len(sets)} data sets together: {len(angles)} heads")
        for number, (compared, all_told) in enumerate(zip(estimators, together, strict=True)):
            row = {"ms a head": float(np.mean([s.milliseconds[number] for s in sets]))}
            row |= {"ms a single head": alone[number], **figures(all_told, angles, away)}
            show(compared.name, row)
            union.append({"estimator": compared.name, **row})
    if arguments.table:
        print(f"\n{overview(rows)}\n\n{by_pan(union or rows)}")
    if arguments.json:
        summary = {"part": arguments.part, "left out": left_out.counts}
        summary |= {"results": rows, "together": union}
        write_json(arguments.json, summary, arguments.overwrite)
    curves = {c.name: t[~away] for c, t in zip(estimators, together, strict=True)}
    if arguments.plot:
        plot_errors(curves, angles[~away], arguments.plot, replace=arguments.overwrite)
    if arguments.reliability:
        labelled = {name: (told, angles[~away]) for name, told in curves.items()}
        plot_reliability(labelled, arguments.reliability, arguments.overwrite)
    return left_out.status
