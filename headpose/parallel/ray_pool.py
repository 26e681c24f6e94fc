"""Tasks on a Ray cluster: a pool as in `headpose.parallel.processes`, over many machines.

Ray places each task where cores and GPUs are free for it; which task comes next, when to
stop one, and starting again what a lost worker had, stays with whoever drives the pool,
as on one machine. All machines need the same packages, this project at the same path, and
a file system that they share for data and results.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Hashable

from headpose.errors import HeadposeError, first_line, install, reason
from headpose.parallel.processes import ASKS, LOST, Event, Task, limit_threads, outcome

LOOPBACK = ("127.0.0.1", "localhost")
ANSWERS_WITHIN = 5.0  # seconds
INSTALL = install("distributed")


def connect(address: str):
    """Connects to a cluster, or starts one here, and returns the `ray` module.

    Args:
        address: host:port; `auto` for the cluster this machine belongs to; `local`
            starts one that listens on the loopback interface only.

    Raises:
        HeadposeError: If Ray is not installed or there is no such cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    host, _, port = address.rpartition(":")
    if address == "local" or host in LOOPBACK:
        # Ray's switch for a cluster of one machine; on Linux, too, it then keeps to loopback.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ImportError as error:
        raise HeadposeError(f"--ray needs Ray, which is not installed: {INSTALL}") from error
    if port.isdecimal():
        # Ray itself tries for minutes.
        try:
            socket.create_connection((host, int(port)), ANSWERS_WITHIN).close()
        except (OSError, OverflowError) as error:
            told = reason(error) if isinstance(error, OSError) else "no such port"
            raise HeadposeError(f"no Ray cluster at {address}: {told}; start one there") from error
    own = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL, **own)
    except (ConnectionError, RuntimeError, ValueError) as error:
        first = first_line(error, None)
        token = "; one that wants a token needs RAY_AUTH_MODE=token here too" if port else ""
        raise HeadposeError(f"no Ray cluster at {address} to be used ({first}){token}") from error
    return ray


class Board:
    """Where tasks leave questions and find the answers; an actor of its own.

    A worker cannot call the process that drives it, nor the other way round.
    """

    def __init__(self) -> None:
        self._questions: asyncio.Queue = asyncio.Queue()
        self._answers: dict[Hashable, asyncio.Future] = {}

    async def ask(self, key, value):
        # A task that was started again asks anew: only its last question counts.
        answer = self._answers[key] = asyncio.get_running_loop().create_future()
        await self._questions.put((key, value))
        return await answer

    async def question(self):
        return await self._questions.get()

    async def answer(self, key, value):
        if key in self._answers:
            self._answers.pop(key).set_result(value)


def call(task: Task, board, threads: int) -> tuple:
    """What a worker does with a task."""
    import ray

    limit_threads(threads)
    return outcome(
        task.function, task.payload, lambda value: ray.get(board.ask.remote(task.key, value))
    )


class RayPool:
    """Workers on a Ray cluster.

    Args:
        address: See `connect`.
        size: At most so many tasks at a time; None: as many as the cluster has room for.
        cpus, gpus: What each task needs.
        fresh: Whether each task gets a new process.

    Raises:
        HeadposeError: If Ray is missing, there is no cluster, or none of its machines has
            what a task needs.
    """

    def __init__(self, address: str, size: int | None, cpus: int, gpus: float, fresh: bool):
        ray = self._ray = connect(address)
        self._size, self._cpus, self._gpus = size, cpus, gpus
        self._running: dict = {}
        if not self._capacity():
            self.close()
            needs = f"{cpus} CPU cores" + (f" and {gpus:g} GPUs" if gpus else "")
            raise HeadposeError(
                f"no machine of the Ray cluster at {address} has {needs} for a task"
            )
        # Lost tasks are started again by `headpose.parallel.processes.work`, which says so.
        remote = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": 0, "max_calls": int(fresh)}
        self._call = ray.remote(**remote)(call)
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=True
        )
        # Where it is lost, all that was not answered is asked again.
        keep = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1}
        self._board = ray.remote(**keep, scheduling_strategy=here)(Board).remote()
        self._question = self._board.question.remote()

    def _capacity(self) -> int:
        """Returns how many tasks the machines that are up have room for."""
        count = 0
        for node in self._ray.nodes():
            if node["Alive"]:
                has = node["Resources"]
                fits = [has.get("CPU", 0) // self._cpus]
                fits += [has.get("GPU", 0) // self._gpus] if self._gpus else []
                count += int(min(fits))
        return count

    @property
    def room(self) -> int:
        size = self._capacity() if self._size is None else self._size
        return size - len(self._running)

    def start(self, task: Task) -> None:
        self._running[self._call.remote(task, self._board, self._cpus)] = task.key

    def events(self) -> list[Event]:
        ready, _ = self._ray.wait([self._question, *self._running], num_returns=1)
        (first,) = ready
        if first == self._question:
            key, value = self._ray.get(first)
            self._question = self._board.question.remote()
            # Asked by a worker that is lost meanwhile: it is asked again.
            return [Event(key, ASKS, value)] if key in self._running.values() else []
        key = self._running.pop(first)
        try:
            kind, value = self._ray.get(first)
        except self._ray.exceptions.RayError as error:
            kind, value = LOST, f"was lost ({type(error).__name__})"
        return [Event(key, kind, value)]

    def answer(self, key: Hashable, value) -> None:
        self._board.answer.remote(key, value)

    def close(self) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running = {}
        self._ray.shutdown()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
