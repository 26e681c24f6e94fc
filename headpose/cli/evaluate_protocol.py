"""`headpose evaluate --dataset NAME`: published benchmarks, measured as papers do."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headpose.cli import common as cl
from headpose.cli.markdown import cell, markdown_table
from headpose.cli.pipeline_options import backend_from, check_models, model_for
from headpose.cli.surroundings import outlive_reader
from headpose.datasets.problem_kinds import GONE
from headpose.errors import HeadposeError
from headpose.files import check_outputs, write_json
from headpose.reporting import FOUND, USED, report

if TYPE_CHECKING:
    from headpose.baselines.benchmark_heads import PlacedHeads
    from headpose.baselines.predictors import Compared
    from headpose.datasets.label_tables import Problems
    from headpose.datasets.pose_annotations import PoseAnnotation

NO_DETECTOR = "none"
COLUMNS = ("yaw", "pitch", "roll", "mean", "geodesic")


def add_protocol_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--dataset`, `--crop` and `--limit`."""
    from headpose.datasets.registry import DATASETS

    add = parser.add_argument
    add(
        "--dataset",
        dest="benchmark",
        metavar="NAME",
        help=f"measure on a published data set as papers do: {', '.join(DATASETS)}; the last "
        "argument is then where it is (see docs/benchmarks.md)",
    )
    add(
        "--crop",
        choices=("head", "hopenet", "6drepnet", "fsa-net"),
        default="head",
        help="with --dataset, how landmarks' boxes are grown: to the head, or as the tests of "
        "these networks do",
    )
    add(
        "--limit",
        type=cl.at_least(1),
        metavar="N",
        help="with --dataset, measure on N pictures, evenly spaced",
    )


def evaluate_protocol(
    arguments: argparse.Namespace, names: Sequence[str | Path], source: str | Path
) -> int:
    """Prints the figures of estimators on a data set.

    Args:
        arguments: With the options of `add_protocol_options`, `--detector`, `--json`,
            `--overwrite`, `--backend` and the device's.
        names: Estimators, as `headpose compare` takes them.
        source: Where the data set is.

    Returns:
        The exit status: 1 if pictures were missing or unreadable.
    """
    from headpose.baselines.predictors import check_compared
    from headpose.datasets.registry import find_dataset, read_dataset

    inputs = [source, *map(str, names)]
    check_outputs([arguments.json], inputs, arguments.overwrite, texts=[arguments.json])
    outlive_reader(arguments.json)
    dataset = find_dataset(arguments.benchmark)
    check_compared([str(name) for name in names])
    if arguments.detector != NO_DETECTOR:
        check_models(arguments.detector)
    estimators = load_estimators(list(map(str, names)), arguments)
    pictures, problems = read_dataset(dataset.name, source)
    if arguments.limit and arguments.limit < len(pictures):
        step = len(pictures) / arguments.limit
        pictures = [pictures[int(i * step)] for i in range(arguments.limit)]
    report(source, problems)
    left_out = [problems]
    places = placed(pictures, arguments, left_out)
    if not places:
        raise HeadposeError(f"{source}: no head has a place; let a detector find them")
    heads = sum(len(picture.angles) for picture in pictures)
    print(f"{dataset.title}: {heads} heads in {len(pictures)} pictures; {dataset.protocol}")
    print()
    results = [row for place in places for row in measured(place, estimators, source, left_out)]
    for line in table(results):
        print(line)
    without = counted(left_out)
    if arguments.json:
        summary = {
            "dataset": dataset.name,
            "protocol": dataset.protocol,
            "left out": without,
            "results": results,
        }
        write_json(arguments.json, summary, arguments.overwrite)
    return 1 if GONE & without.keys() else 0


def placed(
    pictures: "Sequence[PoseAnnotation]",
    arguments: argparse.Namespace,
    left_out: "list[Problems]",
) -> "list[PlacedHeads]":
    """Returns heads at their labels and, unless none is wanted, where a detector finds them.

    Args:
        pictures: The data set.
        arguments: As of `evaluate_protocol`.
        left_out: Gets what the detector could not do.
    """
    from headpose.baselines.benchmark_heads import at_detections, at_labels
    from headpose.datasets.label_tables import Problems
    from headpose.detection.loading import load_detector
    from headpose.models.shipped import DEFAULT_DETECTOR

    places = [at_labels(pictures, arguments.crop)]
    if arguments.detector != NO_DETECTOR:
        backend = backend_from(arguments)
        name = model_for(arguments.detector or str(DEFAULT_DETECTOR), backend)
        missed = Problems()
        places.append(at_detections(pictures, load_detector(name, backend=backend), missed))
        report("detector", missed)
        left_out.append(missed)
    return [place for place in places if place is not None]


def measured(
    place: "PlacedHeads",
    estimators: "Sequence[Compared]",
    source: str | Path,
    left_out: "list[Problems]",
) -> list[dict]:
    """Returns a row of figures for each estimator, of heads at these places.

    Args:
        place: The heads, and whose boxes.
        estimators: Whom to ask.
        source: The data set, for messages.
        left_out: Gets the heads whose pictures cannot be read.
    """
    from headpose.baselines.predictors import Case, ask
    from headpose.datasets.label_tables import Problems
    from headpose.pose.benchmark_protocols import benchmark_score

    lost = Problems()
    told = ask(place.heads, [Case(c.estimator, c.recipe) for c in estimators], lost)
    report(source, lost)
    left_out.append(lost)
    truth = place.heads.angles[told.rows]
    about = {"boxes": place.boxes, "found": place.found}
    return [
        {"estimator": each.name, **about, **dataclasses.asdict(benchmark_score(angles, truth))}
        for each, angles in zip(estimators, told.angles, strict=True)
    ]


def counted(left_out: "Sequence[Problems]") -> dict[str, int]:
    """Returns how many were left out, by the kind of problem; most where several tell of it."""
    result: dict[str, int] = {}
    for problems in left_out:
        for kind, names in problems.by_kind.items():
            if FOUND not in kind and USED not in kind:
                result[kind] = max(result.get(kind, 0), len(names))
    return result


def load_estimators(names: Sequence[str], arguments: argparse.Namespace) -> "list[Compared]":
    """Loads estimators, files of ours for the backend that is asked for.

    Raises:
        HeadposeError: If one is not there.
    """
    from headpose.baselines.predictors import is_peer, load_all
    from headpose.pose.estimator import PoseEstimator

    backend = backend_from(arguments)
    if backend.precision in ("bfloat16", "int8"):
        for name in filter(is_peer, names):
            cl.warn(f"{name}: computes as its file says, not in {backend.precision}")
    return load_all(names, load=lambda path: PoseEstimator.load(model_for(path, backend), backend))


def table(results: list[dict]) -> list[str]:
    """Returns the figures as a Markdown table, with what must be known of them below."""
    ranges = {name: row["heads"] for r in results for name, row in r["ranges"].items()}
    titles = ["estimator", "boxes", "heads", "found", *COLUMNS]
    titles += [f"{name} ({heads})" for name, heads in ranges.items()]
    rows = []
    for row in results:
        found = "-" if row["found"] is None else str(row["found"])
        cells = [row["estimator"], row["boxes"], str(row["heads"]), found]
        cells += [cell(row[name]) for name in COLUMNS]
        cells += [cell(row["ranges"][n]["mean"]) if n in row["ranges"] else "-" for n in ranges]
        rows.append(cells)
    lines = [
        "Mean absolute errors in degrees; the last columns are the mean by |yaw| (with heads).",
        "",
        *markdown_table(titles, rows, left=2).split("\n"),
    ]
    if locked := max(row["locked"] for row in results):
        lines += [
            "",
            f"{locked} heads have a yaw within 15 degrees of ±90, where pitch and roll are "
            "degenerate: they turn about almost the same axis. Without these heads:",
        ]
        lines += [
            f"{row['estimator']}, {row['boxes']}: pitch {cell(row['pitch_unlocked'])}, "
            f"roll {cell(row['roll_unlocked'])}"
            for row in results
        ]
    return lines
