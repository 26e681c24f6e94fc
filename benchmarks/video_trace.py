#!/usr/bin/env python3
"""Shows what a video waits for: which stage worked when, on which frame and on which thread.

CLIP is annotated once as `demo_video.py` does it, with the models that ship. TRACE gets every
span for Chrome's chrome://tracing or ui.perfetto.dev; PICTURE some frames of it as a
time line. At the end it tells how much of the time each thread worked, and on what it waited,
without the first frame.
"""

import argparse
import contextlib
import functools
import importlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from measuring import cl

from headpose.cli.surroundings import outlive_reader
from headpose.errors import HeadposeError
from headpose.files import check_outputs, write_json

MAIN, READER, WRITER = "main", "reader", "writer"
WAITS = "waits for "
# What is traced: module, name in it, and the stage.
STAGES = (
    ("headpose.detection.head_detector", "HeadDetector.detect", "detect"),
    ("headpose.video.pipeline", "VideoPipeline._track", "track"),
    ("headpose.pipeline", "HeadPosePipeline.estimate", "estimate"),
    ("annotated_video", "draw_heads", "draw"),
    ("headpose.video.writer", "VideoWriter.write", "write"),
)
SHOWN = 24  # frames in the picture, from the middle of the video
BRIEF = 1e-4  # seconds: shorter waits are none


class Span(NamedTuple):
    """What a thread did from `start` to `end` (seconds), on the frames `first` to `last`."""

    stage: str
    thread: str
    start: float
    end: float
    first: int
    last: int


class Tracer:
    """Notes spans while functions of the pipeline are replaced by ones that tell their times.

    Attributes:
        spans: In the order of their ends.
    """

    def __init__(self):
        self.spans: list[Span] = []
        self._batch = (0, 0)  # numbers of the frames that the main thread has in hand
        self._written = dict.fromkeys(("draw", "write"), 0)
        self._began = time.perf_counter()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Traces what is done within it."""
        replacements = [
            *((module, name, self._timed(stage)) for module, name, stage in STAGES),
            ("headpose.video.pipeline", "VideoPipeline._follow", self._follow),
            ("headpose.video.file", "VideoFile.__iter__", self._read),
            ("headpose.parallel.background", "_Thread._guarded", self._named),
            ("headpose.parallel.background", "_Thread._wait_while", self._waiting),
            ("headpose.parallel.background", "BackgroundWriter.close", self._waiting),
        ]
        with contextlib.ExitStack() as stack:
            for module, name, wrap in replacements:
                *path, attribute = name.split(".")
                owner = functools.reduce(getattr, path, importlib.import_module(module))
                original = getattr(owner, attribute)
                stack.callback(setattr, owner, attribute, original)
                setattr(owner, attribute, functools.wraps(original)(wrap(original)))
            yield

    def _note(self, stage: str, start: float, first: int, last: int) -> None:
        thread = threading.current_thread()
        name = MAIN if thread is threading.main_thread() else thread.name
        end = time.perf_counter() - self._began
        self.spans.append(Span(stage, name, start - self._began, end, first, last))

    def _timed(self, stage: str) -> Callable:
        def wrap(original: Callable) -> Callable:
            def timed(*arguments, **options):
                start = time.perf_counter()
                answer = original(*arguments, **options)
                first, last = self._batch
                if stage in self._written:  # on another thread, frame by frame
                    first = last = self._written[stage]
                    self._written[stage] += 1
                elif stage == "track":
                    first = last = arguments[1].index
                self._note(stage, start, first, last)
                return answer

            return timed

        return wrap

    def _follow(self, original: Callable) -> Callable:
        def follow(pipeline, batch):
            self._batch = batch[0].index, batch[-1].index
            return original(pipeline, batch)

        return follow

    def _read(self, original: Callable) -> Callable:
        def read(source):
            frames = original(source)
            while True:
                start = time.perf_counter()
                frame = next(frames, None)
                if frame is None:
                    return
                self._note("read", start, frame.index, frame.index)
                yield frame

        return read

    def _named(self, original: Callable) -> Callable:
        def named(helper):
            threading.current_thread().name = name_of(helper)
            original(helper)

        return named

    def _waiting(self, original: Callable) -> Callable:
        def waiting(helper, *arguments):
            start = time.perf_counter()
            original(helper, *arguments)
            if time.perf_counter() - start >= BRIEF:
                own = threading.current_thread() is helper._thread
                self._note(WAITS + (MAIN if own else name_of(helper)), start, *self._batch)

        return waiting


def name_of(helper) -> str:
    """Names the thread of a `Prefetcher` or a `BackgroundWriter`."""
    return READER if type(helper).__name__ == "Prefetcher" else WRITER


def without_first(spans: Sequence[Span]) -> list[Span]:
    """Leaves out what began before the first frame was measured: it loads what is needed."""
    measured = min(span.end for span in spans if span.stage == "estimate")
    return [span for span in spans if span.start >= measured]


def shares(spans: Sequence[Span]) -> dict[str, dict[str, float]]:
    """Returns which share of the whole time each thread spent on each stage, largest first."""
    whole = max(span.end for span in spans) - min(span.start for span in spans)
    result: dict[str, dict[str, float]] = {thread: {} for thread in (READER, MAIN, WRITER)}
    for span in spans:
        row = result[span.thread]
        row[span.stage] = row.get(span.stage, 0.0) + (span.end - span.start) / whole
    return {
        thread: dict(sorted(row.items(), key=lambda item: -item[1]))
        for thread, row in result.items()
    }


def summary(told: dict[str, dict[str, float]]) -> str:
    """Says what each thread did, and which one the others wait for."""
    busy = {
        thread: sum(share for stage, share in row.items() if not stage.startswith(WAITS))
        for thread, row in told.items()
    }
    lines = [
        f"{thread}: works {busy[thread]:.0%} of the time; "
        + ", ".join(f"{stage} {share:.0%}" for stage, share in row.items())
        for thread, row in told.items()
    ]
    slowest = max(busy, key=lambda thread: busy[thread])
    most = next(stage for stage in told[slowest] if not stage.startswith(WAITS))
    return "\n".join([*lines, f"all wait for: {slowest}, most of all for {most}"])


def chrome_trace(spans: Sequence[Span]) -> dict[str, Any]:
    """Returns spans in Chrome's trace event format: complete events, microseconds."""
    lanes = {READER: 1, MAIN: 2, WRITER: 3}
    names = [
        {"ph": "M", "name": "thread_name", "pid": 1, "tid": lane, "args": {"name": thread}}
        for thread, lane in lanes.items()
    ]
    events = [
        {"ph": "X", "name": s.stage, "pid": 1, "tid": lanes[s.thread]}
        | {"ts": 1e6 * s.start, "dur": 1e6 * (s.end - s.start)}
        | {"args": {"first frame": s.first, "last frame": s.last}}
        for s in spans
    ]
    return {"displayTimeUnit": "ms", "traceEvents": names + events}


def draw(spans: Sequence[Span], path: Path, replace: bool = True) -> None:
    """Draws the time line of some frames in the middle; see `atomic_write` for `replace`."""
    from headpose.images.figures import figure, save

    middle = max(0, (max(span.last for span in spans) - SHOWN) // 2)
    shown = [s for s in spans if s.last >= middle and s.first < middle + SHOWN]
    began = min(span.start for span in shown if span.thread == MAIN)
    drawing, axes = figure(12, 3)
    stages = ("read", *(stage for *_, stage in STAGES))
    for row, thread in enumerate((WRITER, MAIN, READER)):
        for colour, stage in enumerate((*stages, WAITS)):
            bars = [
                (1000 * (s.start - began), 1000 * (s.end - s.start))
                for s in shown
                if s.thread == thread and s.stage.startswith(stage)
            ]
            look = {"facecolor": "0.88"} if stage == WAITS else {"facecolor": f"C{colour}"}
            label = stage.strip() if row == 0 else None
            axes.broken_barh(bars, (row - 0.4, 0.8), edgecolor="white", label=label, **look)
    axes.set_xlim(left=0)
    axes.set_yticks(range(3), (WRITER, MAIN, READER))
    axes.set_xlabel(f"milliseconds; frames {middle} to {middle + SHOWN - 1}")
    drawing.legend(ncols=len(stages) + 1, loc="outside upper center", frameon=False)
    save(drawing, path, replace)


def main() -> None:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("clip", metavar="CLIP", type=Path)
    add("--trace", type=Path, default=Path("trace.json"), metavar="FILE", help="(trace.json)")
    add("--picture", type=Path, metavar="FILE", help="a time line (.png, .svg)")
    add("--frames", type=cl.at_least(2), default=120, help="at most so many of the clip")
    add("--detect-every", type=cl.at_least(1), default=1, metavar="N")
    cl.add_overwrite_option(parser)
    arguments: argparse.Namespace = parser.parse_args()
    if not arguments.clip.is_file():
        raise HeadposeError(f"{arguments.clip}: no such file")
    outputs = [arguments.trace, arguments.picture]
    check_outputs(outputs, [arguments.clip], arguments.overwrite)
    outlive_reader(*outputs)
    from annotated_video import annotate_video

    from headpose.pipeline import load_pipeline

    pipeline, tracer = load_pipeline(), Tracer()
    with tempfile.TemporaryDirectory() as folder, tracer.watching():
        target = Path(folder, "annotated.mp4")
        every = arguments.detect_every
        frames, heads = annotate_video(
            pipeline, str(arguments.clip), target, arguments.frames, every
        )
    if not frames:
        raise HeadposeError(f"{arguments.clip}: no frames in it")
    write_json(arguments.trace, chrome_trace(tracer.spans), arguments.overwrite)
    if arguments.picture:
        draw(tracer.spans, arguments.picture, arguments.overwrite)
    print(f"{arguments.clip}: {frames} frames, {heads} heads -> {arguments.trace}")
    print(summary(shares(without_first(tracer.spans))))


if __name__ == "__main__":
    cl.run(main)
