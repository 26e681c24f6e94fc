"""Tasks spread over worker processes; a worker that dies costs no task.

A pool has `room` (tasks it would start now), `start(task)`, `events()` (waits for at
least one), `answer(key, value)` and `close()`, and is a context manager. `ProcessPool`
is one on this machine, `headpose.parallel.ray_pool.RayPool` one on a cluster; `work` drives
either.
"""

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from headpose.errors import HeadposeError
from headpose.reporting import logger

ATTEMPTS = 3  # at a task whose worker dies, before the task is given up

# What an `Event` tells.
ASKS, DONE, FAILURE, ERROR, LOST = "asks", "done", "failure", "error", "lost"

Ask = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Task:
    """A call `function(payload, ask)` for a worker.

    Attributes:
        key: Names the task.
        function: At the top level of a module. `ask(value)` sends a value to whoever
            drives the pool and returns the answer.
        payload: What it works on.
    """

    key: Any
    function: Callable[[Any, Ask], Any]
    payload: Any


@dataclasses.dataclass(frozen=True)
class Event:
    """What happened to a task.

    Attributes:
        key: The task's.
        kind: `ASKS` wants an answer to `value`; `DONE` has the result in it; `FAILURE`
            the text of a `HeadposeError`, `ERROR` that of any other exception; `LOST` how
            the worker died.
        value: See there.
    """

    key: Any
    kind: str
    value: Any


def outcome(task: Callable[[Any, Ask], Any], payload, ask: Ask) -> tuple[str, Any]:
    """Calls a task's function and returns kind and value of the event that ends it."""
    try:
        return DONE, task(payload, ask)
    except HeadposeError as failure:
        return FAILURE, str(failure)
    except Exception as error:  # anything a task may raise is told, none ends the worker
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name} line {place.lineno}"
        return ERROR, f"{type(error).__name__} at {where}: {error}"


def limit_threads(count: int) -> None:
    """Keeps numerical libraries to so many threads; call before they are imported."""
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(count)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    import cv2

    cv2.setNumThreads(count)


class _Worker:
    """A process and the line to it."""

    def __init__(self, context, threads: int):
        self.line, far_end = context.Pipe()
        self.process = context.Process(target=_serve, args=(far_end, threads), daemon=True)
        self.process.start()
        far_end.close()

    def dismiss(self, patience: float = 0) -> None:
        """Ends the process, after so many seconds by force; what it does is dropped."""
        self.line.close()
        self.process.join(patience)
        self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def death(self) -> str:
        """Says how the process ended."""
        self.process.join(5)
        code = self.process.exitcode
        if code is not None and code < 0:
            return f"ended by signal {signal.Signals(-code).name}"
        return f"ended with status {code}"


def _serve(line, threads: int) -> None:
    """What a worker process does until its pool is closed or gone."""
    leave_ends_to_pool()
    threading.Thread(target=leave_with_parent, daemon=True).start()
    limit_threads(threads)

    def ask(value):
        line.send((ASKS, value))
        return line.recv()

    while True:
        try:
            function, payload = line.recv()
        except EOFError:
            return
        line.send(outcome(function, payload, ask))


def leave_ends_to_pool() -> None:
    """Ignores what a terminal sends to all processes: Ctrl-C, and SIGHUP where it is closed."""
    for number in signal.Signals:
        if number.name in ("SIGINT", "SIGHUP"):
            signal.signal(number, signal.SIG_IGN)


def leave_with_parent() -> None:
    """Ends this process when the one that started it has died, however it did."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


class ProcessPool:
    """Worker processes on this machine.

    Args:
        size: How many.
        threads: Of each.
        fresh: Whether each task gets a new process, so that none depends on what ran
            before; else a process goes on and may keep what it has loaded.
    """

    def __init__(self, size: int, threads: int, fresh: bool = False):
        # A process with TensorFlow's threads cannot be forked.
        self._context = multiprocessing.get_context("spawn")
        self._size, self._threads, self._fresh = size, threads, fresh
        self._idle: list[_Worker] = []
        self._busy: dict[Hashable, _Worker] = {}
        self._leaving: list[_Worker] = []

    @property
    def room(self) -> int:
        return self._size - len(self._busy)

    def start(self, task: Task) -> None:
        self._leaving = [worker for worker in self._leaving if worker.process.is_alive()]
        while True:
            worker = self._idle.pop() if self._idle else _Worker(self._context, self._threads)
            try:
                worker.line.send((task.function, task.payload))
            except (BrokenPipeError, ConnectionResetError):
                worker.dismiss()  # it died while it had nothing to do
                continue
            self._busy[task.key] = worker
            return

    def events(self) -> list[Event]:
        keys = {worker.line: key for key, worker in self._busy.items()}
        return [self._take(keys[line]) for line in wait(list(keys))]

    def _take(self, key: Hashable) -> Event:
        worker = self._busy[key]
        try:
            kind, value = worker.line.recv()
        except (EOFError, ConnectionResetError):
            kind, value = LOST, worker.death()
        if kind != ASKS:
            del self._busy[key]
            if kind == LOST or self._fresh:
                worker.line.close()  # at which it leaves
                self._leaving.append(worker)
            else:
                self._idle.append(worker)
        return Event(key, kind, value)

    def answer(self, key: Hashable, value) -> None:
        # A worker that has died meanwhile shows as lost in the next events.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._busy[key].line.send(value)

    def close(self) -> None:
        for worker in self._busy.values():
            worker.dismiss()
        for worker in [*self._idle, *self._leaving]:
            worker.dismiss(patience=5)
        self._idle, self._busy, self._leaving = [], {}, []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def work(
    pool, tasks: Iterable[Task], answer: Callable[[Any, Any], Any] | None = None
) -> Iterator[Event]:
    """Runs tasks and yields the event that ends each one, in the order they end.

    A task whose worker was lost is started again; after `ATTEMPTS` it ends as `ERROR`.

    Args:
        pool: Where to.
        tasks: Taken one by one as there is room.
        answer: Returns what a task's `ask` gets, from the task's key and the value.
    """
    waiting, running = iter(tasks), {}
    again: deque[Task] = deque()
    losses: Counter = Counter()
    while True:
        while pool.room > 0:
            task = again.popleft() if again else next(waiting, None)
            if task is None:
                break
            running[task.key] = task
            pool.start(task)
        if not running:
            return
        for event in pool.events():
            if event.kind == ASKS:
                pool.answer(event.key, answer(event.key, event.value) if answer else None)
                continue
            task = running.pop(event.key)
            if event.kind != LOST:
                yield event
                continue
            losses[event.key] += 1
            if losses[event.key] < ATTEMPTS:
                logger.warning("%s: its worker %s; it is run again", event.key, event.value)
                again.append(task)
            else:
                told = f"its worker {event.value}, {ATTEMPTS} times in a row"
                yield Event(event.key, ERROR, told)
