"""Annotation with heads that are computed instead of found, for worker processes to import."""

import sys
import time
from pathlib import Path

from headpose.archives import annotation
from headpose.archives.shards import find_files, make_shards
from headpose.parallel.processes import DONE, ProcessPool, Task, work
from headpose.pipeline import Head


def fake_pipeline(pictures):
    """Two heads a picture that depend on its pixels; takes its time."""
    time.sleep(0.03 * len(pictures))
    return [
        [Head((i, 0.0, 5.0, float(p.mean())), 0.5, float(p.std()), None) for i in range(2)]
        for p in pictures
    ]


class FakeConfig(annotation.PipelineConfig):
    """Loads the fake pipeline."""

    def load(self):
        return fake_pipeline


def annotate(source: Path, folder: Path, pool) -> dict:
    """Annotates a folder as `annotate.py` does; returns the summary."""
    pictures, videos, _ = find_files([str(source)])
    shards = make_shards(pictures, videos, 2)
    folder.mkdir(exist_ok=True)
    left = annotation.open_results(folder, {}, shards)
    tasks = [
        Task(s.name, annotation.annotate_shard, annotation.ShardTask(s, folder, FakeConfig()))
        for s in left
    ]
    for event in work(pool, tasks):
        assert event.kind == DONE, event
    return annotation.finish(folder, shards, {})


if __name__ == "__main__":
    with ProcessPool(2, 1) as processes:
        annotate(Path(sys.argv[1]), Path(sys.argv[2]), processes)
