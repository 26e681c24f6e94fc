"""How `headpose annotate` gives shards to whoever does them."""

import argparse
import contextlib
import os
import sys
from collections.abc import Generator, Sequence

from headpose.cli import common as cl
from headpose.cli.pipeline_options import pipeline_arguments
from headpose.errors import HeadposeError


def tasks_of(arguments: argparse.Namespace, output, shards: Sequence) -> list:
    """Returns a task for each shard; models that `--backend` needs are exported.

    Raises:
        HeadposeError: If a model is missing, or cannot be exported.
    """
    from headpose.archives.tasks import PipelineConfig, ShardTask

    # Here and once, so that not every worker exports by itself.
    given = pipeline_arguments(arguments)
    models = {name: str(given[name]) for name in ("detector", "estimator")}
    pipeline = PipelineConfig(**{**given, **models})
    more = pipeline, arguments.format, arguments.every, columns_of(arguments), arguments.empty
    return [ShardTask(shard, output, *more) for shard in shards]


def columns_of(arguments: argparse.Namespace):
    """Returns which columns of Parquet the options name."""
    from headpose.archives.shards import Columns

    return Columns(arguments.column, arguments.key)


def spread(arguments: argparse.Namespace, tasks: Sequence) -> Generator:
    """Gives tasks to the engine that the options ask for, see `headpose.archives.engines`.

    Raises:
        HeadposeError: If Ray is asked for and missing, or has no machine of that size.
    """
    from headpose.archives import engines
    from headpose.parallel.processes import limit_threads

    workers, cpus = arguments.processes, arguments.cpus
    if arguments.ray:
        return engines.on_ray(tasks, arguments.ray, workers, cpus or 1, arguments.gpus)
    if workers:
        threads = cpus or max(1, (os.cpu_count() or 1) // workers)
        return engines.on_processes(tasks, workers, threads)
    if cpus:
        limit_threads(cpus)
    return engines.right_here(tasks)


def work_through(arguments: argparse.Namespace, output, shards: Sequence) -> tuple[dict, dict]:
    """Does shards; returns the counts of those that were done, and why others were given up.

    The latter by the names of their results.

    Raises:
        HeadposeError: If the models cannot be loaded, or results not written.
    """
    from headpose.archives.engines import DONE, FAILURE
    from headpose.archives.results import COUNTED

    counts, lost = dict.fromkeys(COUNTED, 0), {}
    tasks = tasks_of(arguments, output, shards)
    with contextlib.closing(spread(arguments, tasks)) as outcomes:
        for done in cl.progress(outcomes, "shards", len(tasks)):
            shard = done.task.shard
            if done.kind == FAILURE:
                raise HeadposeError(done.value)
            if done.kind == DONE:
                counts = {key: counts[key] + done.value[key] for key in counts}
            else:
                lost[shard.result] = done.value
                cl.tell(f"{cl.program()}: error: {shard.name}: {done.value}", sys.stderr)
    return counts, lost


def check_begin(arguments: argparse.Namespace, output, shards: Sequence) -> None:
    """Makes sure that a worker can begin, before the results that it is to replace go.

    It is one of those that will do the work: only these have their device and see what they see.

    Raises:
        HeadposeError: If models cannot be loaded there, a package is missing, or the engine
            cannot be had.
    """
    from headpose.archives.engines import DONE
    from headpose.archives.inputs import VIDEO
    from headpose.archives.shards import trial

    tasks = tasks_of(arguments, output, [trial(any(shard.kind == VIDEO for shard in shards))])
    with contextlib.closing(spread(arguments, tasks)) as outcomes:
        for done in outcomes:
            if done.kind != DONE:
                raise HeadposeError(done.value)
