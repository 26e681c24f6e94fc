#!/usr/bin/env python3
"""Runs demo_image.py in this process and writes as JSON how long each of its steps took.

What a step imports on its way counts as import, by package.
"""

# ruff: noqa: E402
import time

ENTERED = time.time()  # when the interpreter is up, before anything else

import builtins
import contextlib
import functools
import importlib
import json
import runpy
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from peak_memory import peak_memory

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
# What is timed: module, name in it, and the step. Methods are named Class.method.
STEPS = (
    ("headpose.cli.pipeline_options", "pipeline_from", "loading the models"),
    ("headpose.images.pictures", "read_image", "reading the photo"),
    ("headpose.detection.head_detector", "HeadDetector.detect", "first detection"),
    ("headpose.pipeline", "HeadPosePipeline.estimate", "first estimate"),
    ("headpose.images.drawing", "draw_heads", "drawing"),
    ("headpose.images.pictures", "write_image", "writing"),
)
IMPORT = "import "


class Stopwatch:
    """Adds up the seconds of steps; a step within another one counts for itself alone.

    Attributes:
        seconds: By step.
    """

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self._within = threading.local()

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times what is done within it, or each call of a function that it decorates."""
        outer = getattr(self._within, "seconds", 0.0)
        self._within.seconds = 0.0
        started = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - started
            self.seconds[name] = self.seconds.get(name, 0.0) + took - self._within.seconds
            self._within.seconds = outer + took

    def watch_imports(self) -> None:
        """Makes each package's first import a step; of this project each module's counts."""
        for module, attribute in ((builtins, "__import__"), (importlib, "import_module")):
            setattr(module, attribute, self._watched(getattr(module, attribute)))

    def _watched(self, function: Callable) -> Callable:
        def watched(name, *arguments, **options):
            package = name.partition(".")[0]
            # A name with a dot before it, or with a level, belongs to its package.
            level = options.get("level", arguments[3] if len(arguments) > 3 else 0)
            known = (name if package == "headpose" else package) in sys.modules
            if level or not package or known:
                return function(name, *arguments, **options)
            with self.step(IMPORT + package):
                return function(name, *arguments, **options)

        return watched


def main() -> None:
    target, sys.argv = Path(sys.argv[1]), [str(ROOT / "demo_image.py"), *sys.argv[2:]]
    watch = Stopwatch()
    watch.watch_imports()
    for module, name, step in STEPS:
        *path, attribute = name.split(".")
        owner = functools.reduce(getattr, path, importlib.import_module(module))
        setattr(owner, attribute, watch.step(step)(getattr(owner, attribute)))
    status = 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        status = end.code or 0
    ended = time.time()
    measured = {"entered": ENTERED, "ended": ended, "steps": watch.seconds}
    target.write_text(json.dumps(measured | {"peak": peak_memory() / 1e6}))
    sys.exit(status)


if __name__ == "__main__":
    main()
