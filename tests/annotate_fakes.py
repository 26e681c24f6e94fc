"""Annotation with heads that are computed instead of found, for worker processes to import.

As a program: `annotate_fakes.py OUTPUT here|processes|HOST:PORT CONFIG SECONDS INPUT...`, with
the length of parts of videos, 0 for none.
"""

import datetime
import functools
import math
import os
import signal
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from headpose.archives import engines
from headpose.archives.gathering import finish
from headpose.archives.inputs import find_files
from headpose.archives.output import Output
from headpose.archives.results import DONE, HEADS, open_results, ready
from headpose.archives.shards import BY_THEMSELVES, choose, make_shards
from headpose.archives.tasks import PipelineConfig, ShardTask
from headpose.errors import HeadposeError
from headpose.geometry.boxes import as_boxes
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


class SquarePipeline:
    """Heads are bright squares, the surer the brighter; takes its time."""

    confidence = 0.5

    def __init__(self, seconds):
        self._seconds = seconds
        self.detector = self

    def detect(self, pictures, min_score):
        time.sleep(self._seconds * len(pictures))
        return [self._squares(picture, min_score) for picture in pictures]

    def _squares(self, picture, min_score):
        grey = picture[..., 1]
        _, _, found, _ = cv2.connectedComponentsWithStats((grey > 60).astype(np.uint8))
        boxes = [(x, y, x + w, y + h) for x, y, w, h, area in found[1:] if area > 50]
        scores = [float(grey[y0:y1, x0:x1].mean()) / 255 for x0, y0, x1, y1 in boxes]
        kept = [i for i, score in enumerate(scores) if score >= min_score]
        return as_boxes([boxes[i] for i in kept]), np.array([scores[i] for i in kept], np.float32)

    def estimate(self, pictures, found):
        return [
            [
                Head(tuple(box.tolist()), float(score), *self._angles(picture, box))
                for box, score in zip(boxes, scores, strict=True)
            ]
            for picture, (boxes, scores) in zip(pictures, found, strict=True)
        ]

    def _angles(self, picture, box):
        x0, y0, x1, y1 = box.astype(int)
        part = picture[y0:y1, x0:x1].astype(float)
        return part.mean() / 10, part.std(), part[..., 0].mean() / 20, 1.0, 2.0, part.std() / 7


class SquareConfig(PipelineConfig):
    """Loads a pipeline for films of squares; `confidence` is how many seconds a frame takes."""

    def load(self):
        return SquarePipeline(self.confidence or 0.0)


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


INTO_MEMORY = "into-memory:"  # before a folder, in names

CONFIGS = {
    "quick": FakeConfig(),
    "slow": FakeConfig(confidence=0.1),
    "squares": SquareConfig(),
    "slow-squares": SquareConfig(confidence=0.1),
}


def annotate(
    names,
    place,
    engine="here",
    config=CONFIGS["quick"],
    size=2,
    kind="jsonl",
    columns=BY_THEMSELVES,
    part=None,
    seconds=math.inf,
    every=1,
):
    """Annotates as `headpose annotate` does; returns the counts.

    Raises:
        HeadposeError: If one ends the work.
    """
    inputs = find_files([in_store(str(name)) for name in names])
    shards = make_shards(inputs, size, columns, seconds)
    output = Output(str(place))
    settings = {"columns": str(columns), "every": every, "format": kind, "empty": False}
    output.prepare(HEADS, DONE)
    with output.claimed(part):
        left = open_results(output, settings, shards, sole=not part)
        if part:
            left = [shard for shard in choose(shards, *part) if shard in left]
        lost = {}
        for some in (lambda: left, lambda: [] if part else ready(output)):
            more = kind, every, columns
            tasks = [ShardTask(shard, output, config, *more) for shard in some()]
            for done in spread(engine, tasks):
                if done.kind == engines.FAILURE:
                    raise HeadposeError(done.value)
                if done.kind == engines.ERROR:
                    lost[done.task.shard.result] = done.value
        return finish(output, shards, lost) if not part else None


def in_store(name):
    """Returns a name; of what is to be put into this process's memory, its URL there."""
    if not name.startswith(INTO_MEMORY):
        return name
    import fsspec

    folder, system = Path(name.removeprefix(INTO_MEMORY)), fsspec.filesystem("memory")
    for file in folder.iterdir():
        place = f"/{folder.name}/{file.name}"
        system.pipe_file(place, file.read_bytes())
        system.store[place].created = datetime.datetime(2026, 1, 1)  # as in other processes
    return f"memory://{folder.name}"


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
        _, place, engine, config, seconds, *names = sys.argv
        annotate(names, place, engine, CONFIGS[config], seconds=float(seconds) or math.inf)
    except HeadposeError as error:
        sys.exit(str(error))
