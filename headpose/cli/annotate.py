"""Finds the heads in whole archives of pictures and videos, on all cores or many machines.

The same command goes on where it was interrupted; what is done stays done. Files that
cannot be read are listed, and the others are done all the same.
"""

import argparse
import hashlib
import importlib.util
import sys
import time
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.pipeline_options import SIGNS, add_pipeline_options, pipeline_arguments
from headpose.cli.pool_options import add_pool_options, open_pool
from headpose.errors import HeadposeError, install
from headpose.files import sole_user, writable_folder

WITHOUT_EFFECT = ("device",)  # options of the pipeline on which no row depends


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__, epilog=SIGNS)
    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="pictures, videos, folders of them at any depth, or patterns of pictures",
    )
    add("--output", type=Path, required=True, metavar="DIR", help="folder for all results")
    add("--overwrite", action="store_true", help="start anew in a folder that has results")
    add(
        "--format",
        choices=("jsonl", "parquet"),
        default="jsonl",
        help="of the tables; parquet needs pyarrow",
    )
    add(
        "--shard-size",
        type=cl.at_least(1),
        default=64,
        metavar="N",
        help="pictures that a worker does in one go; a video goes whole",
    )
    add("--every", type=cl.at_least(1), default=1, metavar="N", help="look at each Nth frame only")
    add_pool_options(parser, "worker", "workers")
    add_pipeline_options(parser, drawing=False)
    return parser


def pipeline_options(arguments: argparse.Namespace) -> dict:
    """Returns the options that `add_pipeline_options` has added."""
    parser = argparse.ArgumentParser()
    add_pipeline_options(parser, drawing=False)
    return {name: getattr(arguments, name) for name in vars(parser.parse_args([]))}


def settings_of(arguments: argparse.Namespace) -> dict:
    """Returns what the rows depend on; models count by their content.

    Raises:
        HeadposeError: If a model is missing.
    """
    from headpose.detection.loading import VIOLA_JONES
    from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR

    settings = {name: getattr(arguments, name) for name in ("format", "shard_size", "every")}
    settings |= {k: v for k, v in pipeline_options(arguments).items() if k not in WITHOUT_EFFECT}
    for name, usual in (("detector", DEFAULT_DETECTOR), ("estimator", DEFAULT_ESTIMATOR)):
        if settings[name] not in VIOLA_JONES:
            settings[name] = digest(Path(settings[name] or usual))
    return settings


def digest(model: Path) -> str:
    """Returns a model's name with a digest of its content, be it a file, two, or a folder.

    Raises:
        HeadposeError: If it is missing.
    """
    if not model.exists():
        raise HeadposeError(f"{model}: no such model file")
    weights = model.with_suffix(".bin")  # OpenVINO keeps them apart
    files = sorted(model.rglob("*")) if model.is_dir() else [model, weights]
    content = hashlib.sha256()
    for file in files:
        if file.is_file():
            content.update(file.read_bytes())
    return f"{model.name} {content.hexdigest()[:16]}"


def check_format(kind: str) -> None:
    """Makes sure that a format can be written.

    Raises:
        HeadposeError: If a package is missing.
    """
    if kind == "parquet" and not importlib.util.find_spec("pyarrow"):
        raise HeadposeError(
            f"--format parquet needs pyarrow, which is not installed: {install('distributed')}"
        )


def main() -> int:
    parser = options()
    arguments = parser.parse_args()
    check_format(arguments.format)
    settings = settings_of(arguments)
    from headpose.archives import annotation
    from headpose.archives.shards import find_files, make_shards
    from headpose.parallel.processes import DONE, FAILURE, Task, work

    pictures, videos, problems = find_files(arguments.inputs)
    for problem in problems:
        cl.tell(f"{parser.prog}: error: {problem}", sys.stderr)
    shards = make_shards(pictures, videos, arguments.shard_size)
    if not shards:
        return 1
    folder = writable_folder(arguments.output)
    started = time.monotonic()
    with sole_user(folder):
        if arguments.overwrite:
            annotation.clear(folder)
        left = annotation.open_results(folder, settings, shards)
        print(
            f"{len(pictures)} pictures and {len(videos)} videos in {len(shards)} shards, "
            f"{len(left)} of them to do",
            flush=True,
        )
        # Videos take longest: the workers shall end together.
        left.sort(key=lambda shard: not shard.is_video)
        lost: dict[str, str] = {}
        if left:
            # Here and once, so that not every worker exports by itself.
            given = pipeline_arguments(arguments)
            models = {name: str(given[name]) for name in ("detector", "estimator")}
            pipeline = annotation.PipelineConfig(**{**given, **models})
            more = pipeline, arguments.format, arguments.every
            tasks = (
                Task(s.name, annotation.annotate_shard, annotation.ShardTask(s, folder, *more))
                for s in left
            )
            with open_pool(arguments, fresh=False) as pool:
                for event in cl.progress(work(pool, tasks), "shards", len(left)):
                    if event.kind == FAILURE:
                        raise HeadposeError(event.value)
                    if event.kind != DONE:
                        lost[event.key] = event.value
                        cl.tell(f"{parser.prog}: error: {event.key}: {event.value}", sys.stderr)
        summary = annotation.finish(folder, shards, lost)
    print(
        f"{summary['pictures']} pictures and {summary['frames']} frames of {summary['videos']} "
        f"videos: {summary['heads']} heads -> {folder / annotation.HEADS} "
        f"({time.monotonic() - started:.0f} s)"
    )
    if summary["failures"]:
        told = f"{summary['failures']} files could not be read, or only in part"
        cl.warn(f"{told}: see {folder / annotation.FAILURES}")
    return 1 if summary["failures"] or problems else 0
