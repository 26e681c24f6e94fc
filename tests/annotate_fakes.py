"""Annotation with heads that are computed instead of found, for worker processes to import.

As a program: `annotate_fakes.py OUTPUT here|processes|HOST:PORT CONFIG INPUT...`
"""

import functools
import os
import signal
import sys
import time
from pathlib import Path

from headpose.archives import engines
from headpose.archives.annotation import PipelineConfig, ShardTask
from headpose.archives.inputs import find_files
from headpose.archives.output import Output
from headpose.archives.results import DONE, HEADS, finish, open_results
from headpose.archives.shards import BY_THEMSELVES, choose, make_shards
from headpose.errors import HeadposeError
from headpose.pipeline import Head


def fake_pipeline(pictures, seconds=0.0):
    """Two heads a picture that depend on its pixels; takes its time."""
    time.sleep(seconds * len(pictures))
    return [
        [Head((i, 0.0, 5.0, float(p.mean())), 0.5, float(p.std()), None) for i in range(2)]
        for p in pictures
    ]


def dying_pipeline(pictures, flag):
    """Kills its process at a black picture, unless the file `flag` says that it has before."""
    if any(not p.any() for p in pictures) and not (flag and flag.exists()):
        if flag:
            flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return fake_pipeline(pictures)


class FakeConfig(PipelineConfig):
    """Loads the fake pipeline; `confidence` is how many seconds a picture takes."""

    def load(self):
        return functools.partial(fake_pipeline, seconds=self.confidence or 0.0)


class DyingConfig(PipelineConfig):
    """Loads the dying pipeline; `estimator` is its flag, without which it always dies."""

    def load(self):
        return functools.partial(dying_pipeline, flag=self.estimator and Path(self.estimator))


class CountedConfig(FakeConfig):
    """Notes the processes that load it in the file `estimator`."""

    def load(self):
        with Path(self.estimator).open("a") as file:
            file.write(f"{os.getpid()}\n")
        return super().load()


class PatchConfig(PipelineConfig):
    """Loads a pipeline that finds coloured patches, also in videos."""

    def load(self):
        from fake_heads import fake_pipeline

        return fake_pipeline()


CONFIGS = {"quick": FakeConfig(), "slow": FakeConfig(confidence=0.1)}


def annotate(
    names,
    place,
    engine="here",
    config=CONFIGS["quick"],
    size=2,
    kind="jsonl",
    columns=BY_THEMSELVES,
    part=None,
):
    """Annotates as `headpose annotate` does; returns the counts.

    Raises:
        HeadposeError: If one ends the work.
    """
    inputs = find_files([str(name) for name in names])
    shards = make_shards(inputs, size, columns)
    output = Output(str(place))
    output.prepare(HEADS, DONE)
    with output.claimed(part):
        left = open_results(output, {"columns": str(columns)}, shards, sole=not part)
        if part:
            left = [shard for shard in choose(shards, *part) if shard in left]
        tasks = [ShardTask(shard, output, config, kind, columns=columns) for shard in left]
        lost = {}
        for done in spread(engine, tasks):
            if done.kind == engines.FAILURE:
                raise HeadposeError(done.value)
            if done.kind == engines.ERROR:
                lost[done.task.shard.name] = done.value
        return finish(output, shards, lost) if not part else None


def spread(engine, tasks):
    """Gives tasks to an engine by its name here."""
    if not tasks:
        return ()
    if engine == "here":
        return engines.right_here(tasks)
    if engine == "processes":
        return engines.on_processes(tasks, 2, 1)
    return engines.on_ray(tasks, engine, None, 1, 0)


if __name__ == "__main__":
    # Workers on other machines know this module by its name alone.
    from annotate_fakes import CONFIGS, annotate

    try:
        annotate(sys.argv[4:], sys.argv[1], sys.argv[2], CONFIGS[sys.argv[3]])
    except HeadposeError as error:
        sys.exit(str(error))
