"""Finds the heads in whole archives of pictures and videos, on all cores or many machines.

The same command goes on where it was interrupted; what is done stays done. Files that
cannot be read are listed, and the others are done all the same.
"""

import argparse
import importlib.util
import math
import sys
import time
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.annotate_merging import check_merge, merge, tell_counts
from headpose.cli.annotate_work import check_begin, columns_of, work_through
from headpose.cli.pipeline_options import (
    SIGNS,
    add_pipeline_options,
    backend_from,
    check_models,
)
from headpose.cli.pool_options import add_pool_options, check_pool
from headpose.cli.surroundings import outlive_reader
from headpose.errors import HeadposeError, install

WITHOUT_EFFECT = ("device",)  # options of the pipeline on which no row depends
SETTINGS = ("format", "shard_size", "every", "empty", "column", "key")


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__, epilog=SIGNS)
    add = parser.add_argument
    add(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="pictures, videos, tar shards (WebDataset) and Parquet: files, folders of them at "
        "any depth, patterns, {000..146}, @LIST, by path or URL (s3://, gs://, hf://, https://)",
    )
    add(
        "--output",
        type=cl.named,
        required=True,
        metavar="DIR",
        help="folder or URL for all results",
    )
    add("--overwrite", action="store_true", help="start anew where there are results")
    add(
        "--format",
        choices=("jsonl", "parquet"),
        default="jsonl",
        help="of the tables; parquet needs pyarrow",
    )
    add("--empty", action="store_true", help="a row for pictures without heads, too")
    add("--column", metavar="NAME", help="of Parquet: bytes of pictures, or their paths or URLs")
    add("--key", metavar="NAME", help="column of Parquet that names rows (default: key)")
    add(
        "--shard-size",
        type=cl.at_least(1),
        default=64,
        metavar="N",
        help="pictures that a worker does in one go; a tar shard goes whole",
    )
    add(
        "--split-videos",
        type=cl.at_least(0),
        default=600,
        metavar="SECONDS",
        help="length of the parts in which workers share a longer video, MP4, MOV, MKV or WebM; "
        "0 divides none (default: 600)",
    )
    add("--every", type=cl.at_least(1), default=1, metavar="N", help="look at each Nth frame only")
    add(
        "--shard",
        type=part,
        metavar="K/N",
        help="do the Kth of N parts of the work and no more, for Slurm and the like",
    )
    add("--merge", action="store_true", help="count what runs with --shard have left in --output")
    add_pool_options(parser, "worker", "workers")
    add_pipeline_options(parser, drawing=False)
    return parser


def part(text: str) -> tuple[int, int]:
    """Reads `3/128`: which part, from 1, and of how many."""
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"{text!r} is not K/N, with K from 1 to N, as in 3/128")
    return int(number), int(count)


def pipeline_options(arguments: argparse.Namespace) -> dict:
    """Returns the options that `add_pipeline_options` has added."""
    parser = argparse.ArgumentParser()
    add_pipeline_options(parser, drawing=False)
    return {name: getattr(arguments, name) for name in vars(parser.parse_args([]))}


def settings_of(arguments: argparse.Namespace) -> dict:
    """Returns what the rows depend on; models count by the content of what is run.

    Raises:
        HeadposeError: If a model is missing, or has no eight-bit file where one is asked for.
    """
    from headpose.detection.loading import VIOLA_JONES
    from headpose.models.exported import is_exported
    from headpose.models.formats import content_of
    from headpose.models.resolve import eight_bits_beside
    from headpose.models.shipped import DETECTORS, ESTIMATORS, OURS

    backend = backend_from(arguments)
    settings = {name: getattr(arguments, name) for name in SETTINGS}
    settings |= {k: v for k, v in pipeline_options(arguments).items() if k not in WITHOUT_EFFECT}
    for name, usual in (("detector", DETECTORS[OURS]), ("estimator", ESTIMATORS[OURS])):
        if settings[name] in VIOLA_JONES:
            continue
        model = Path(settings[name] or usual)
        # --precision auto takes the eight-bit file on some machines and not on others.
        eight_bits = None if is_exported(model) else eight_bits_beside(model, backend)
        settings[name] = content_of(eight_bits.path if eight_bits else model)
    return settings


def check_format(kind: str) -> None:
    """Makes sure that a format can be written.

    Raises:
        HeadposeError: If a package is missing.
    """
    if kind == "parquet" and not importlib.util.find_spec("pyarrow"):
        raise HeadposeError(
            f"--format parquet needs pyarrow, which is not installed: {install('cloud')}"
        )


def without_effect(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, items: dict[str, list]
) -> list[str]:
    """Tells of options that were given, but are about what no input is."""
    from headpose.archives.inputs import PARQUET, TAR, VIDEO

    perhaps_videos = items[VIDEO] or items[TAR] or items[PARQUET]
    needs = {
        "--every": ("every", perhaps_videos, "videos"),
        "--split-videos": ("split_videos", items[VIDEO], "videos"),
        "--column": ("column", items[PARQUET], "Parquet"),
        "--key": ("key", items[PARQUET], "Parquet"),
    }
    return [
        f"{option} is for {kind}; none was found"
        for option, (name, there, kind) in needs.items()
        if getattr(arguments, name) != parser.get_default(name) and not there
    ]


def main() -> int:
    parser = options()
    arguments = parser.parse_args()
    if arguments.merge:
        check_merge(parser, arguments)
        return merge(arguments.output)
    if not arguments.inputs:
        parser.error("the following arguments are required: INPUT")
    if arguments.shard and arguments.overwrite:
        parser.error(
            "--overwrite would remove what other parts of --shard have done; remove the folder "
            "before the first part, or name another --output"
        )
    check_pool(arguments)
    check_format(arguments.format)
    check_models(arguments.detector, arguments.estimator)
    settings = settings_of(arguments)
    from headpose.archives import gathering, results
    from headpose.archives.inputs import VIDEO, count, find_files
    from headpose.archives.output import Output
    from headpose.archives.shards import Span, choose, make_shards

    output = Output(arguments.output)
    outlive_reader(output)
    if not output.lasts:
        cl.warn(f"{output} is gone when this command ends; name a folder or a store")
    inputs = find_files(arguments.inputs, output.folders())
    seconds = arguments.split_videos or math.inf
    shards = make_shards(inputs, arguments.shard_size, columns_of(arguments), seconds)
    if any(isinstance(shard.part, Span) for shard in shards):
        settings["split_videos"] = seconds
    for problem in inputs.problems:
        cl.tell(f"{parser.prog}: error: {problem}", sys.stderr)
    if not shards:
        return 1
    for told in without_effect(parser, arguments, inputs.items):
        cl.warn(told)
    if arguments.any_rotation and inputs.items[VIDEO]:
        cl.warn("--any-rotation is for pictures; videos are searched as they lie")
    output.prepare(results.HEADS, results.DONE)
    started = time.monotonic()
    with output.claimed(arguments.shard):
        if arguments.overwrite:
            if results.something_is_done(output):
                check_begin(arguments, output, shards)
            results.clear(output)
        left = results.open_results(output, settings, shards, sole=not arguments.shard)
        if arguments.shard:
            mine = {shard.name for shard in choose(shards, *arguments.shard)}
            left = [shard for shard in left if shard.name in mine]
        print(f"{count(inputs)}; shards: {len(shards)}, {len(left)} of them to do", flush=True)
        # Videos take longest: the workers shall end together.
        left.sort(key=lambda shard: shard.kind != VIDEO)
        counts, lost = work_through(arguments, output, left) if left else ({}, {})
        if not arguments.shard:
            if joined := results.ready(output):
                lost |= work_through(arguments, output, joined)[1]
            counts = gathering.finish(output, shards, lost)
    if counts:
        tell_counts(counts, output, time.monotonic() - started)
    return 1 if lost or inputs.problems or counts.get("failures") else 0
