"""What spreads shards: this process, worker processes, or Ray Data on a cluster.

Each takes tasks and yields an `Outcome` for each one, in the order in which they end. A task
whose worker is lost is done again; after `ATTEMPTS` it ends as `ERROR`.
"""

import contextlib
import dataclasses
import logging
import multiprocessing
import pickle
import threading
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from headpose.archives.annotation import annotate_shard
from headpose.archives.tasks import FRAMES, ShardTask
from headpose.errors import HeadposeError
from headpose.parallel.counting import CountBar, SharedCount
from headpose.parallel.processes import (
    ATTEMPTS,
    DONE,
    ERROR,
    FAILURE,
    leave_ends_to_pool,
    leave_with_parent,
    limit_threads,
    outcome,
)
from headpose.reporting import logger, show_progress

__all__ = ["DONE", "ERROR", "FAILURE", "Outcome", "on_processes", "on_ray", "right_here"]

LOOK_EVERY = 0.5  # seconds from one look at how far workers are in their videos to the next


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Attributes:
        task: Which.
        kind: `DONE`; `FAILURE` ends all work, as what a person can put right would fail
            every task; `ERROR` is of this one.
        value: Counts, or what is to be told.
    """

    task: ShardTask
    kind: str
    value: Any


def do(task: ShardTask) -> tuple[str, Any]:
    """Does a task; returns how it ended and what came of it."""
    return outcome(annotate_shard, task, lambda _: None)


def right_here(tasks: Sequence[ShardTask]) -> Generator[Outcome]:
    """Does tasks in this process, one by one."""
    for task in tasks:
        yield Outcome(task, *do(task))


# ------------------------------------------------------------------------------ processes


def on_processes(tasks: Sequence[ShardTask], workers: int, threads: int) -> Generator[Outcome]:
    """Does tasks in worker processes on this machine.

    Where a worker dies the pool has to be made anew, and of all tasks that were under way
    nobody knows which one killed it: each of them is done again with no other beside it.
    How many frames of videos are done is shown beside the outcomes, as a video takes long.

    Args:
        tasks: What to do.
        workers: Processes.
        threads: Of each.
    """
    # A process with TensorFlow's threads cannot be forked.
    context = multiprocessing.get_context("spawn")
    frames = SharedCount(context, FRAMES)
    with CountBar(frames) as bar:
        workers = min(workers, len(tasks))
        yield from _on_processes(tasks, workers, (context, threads, frames), bar)


def _on_processes(
    tasks: Sequence[ShardTask], workers: int, how: tuple, bar: CountBar
) -> Generator[Outcome]:
    waiting, losses = deque(tasks), Counter[str]()
    while waiting:
        running: dict[Future, ShardTask] = {}
        with _pool(workers, *how) as pool, contextlib.suppress(BrokenProcessPool):
            while waiting or running:
                alone = any(losses[task.shard.name] for task in running.values())
                while waiting and len(running) < workers and not alone:
                    alone = bool(losses[waiting[0].shard.name])
                    if alone and running:
                        break
                    future = pool.submit(do, waiting[0])
                    running[future] = waiting.popleft()
                ended = wait(running, LOOK_EVERY, FIRST_COMPLETED).done
                bar.update()
                for future in ended:
                    kind, value = future.result()
                    yield Outcome(running.pop(future), kind, value)
            return
        for task in running.values():
            name = task.shard.name
            losses[name] += 1
            if losses[name] < ATTEMPTS:
                logger.warning("%s: a worker died; it is done again", name)
                waiting.append(task)
            else:
                yield Outcome(task, ERROR, f"its worker died, {ATTEMPTS} times in a row")


@contextlib.contextmanager
def _pool(
    workers: int, context, threads: int, frames: SharedCount
) -> Iterator[ProcessPoolExecutor]:
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, context, _begin, (threads, frames))
    try:
        yield pool
    finally:
        ours = set(multiprocessing.active_children()) - others
        pool.shutdown(wait=False, cancel_futures=True)
        for process in ours:  # what they do is dropped, as after Ctrl-C
            process.terminate()
        for process in ours:
            process.join()


def _begin(threads: int, frames: SharedCount) -> None:
    leave_ends_to_pool()
    threading.Thread(target=leave_with_parent, daemon=True).start()
    limit_threads(threads)
    show_progress(frames.counted)


# ------------------------------------------------------------------------------------ Ray


def on_ray(
    tasks: Sequence[ShardTask], address: str, workers: int | None, cpus: int, gpus: float
) -> Generator[Outcome]:
    """Does tasks on a cluster: Ray Data feeds a pool of actors that load the pipeline once.

    Ray's own readers are not used: what a row belongs to would be lost on the way, and with
    it that a run that was killed goes on with each row once.

    Args:
        tasks: What to do.
        address: See `headpose.parallel.ray_pool.connect`.
        workers: At most so many actors; None: as many as the cluster has room for.
        cpus, gpus: What each needs.

    Raises:
        HeadposeError: If Ray is missing, there is no such cluster, or no machine of it has
            what a worker needs.
    """
    from headpose.parallel.ray_pool import connect

    ray = connect(address)
    try:
        room = _room(ray, cpus, gpus)
        if not room:
            needs = f"{cpus} CPU cores" + (f" and {gpus:g} GPUs" if gpus else "")
            raise HeadposeError(f"no machine of the Ray cluster at {address} has {needs}")
        by_name = {task.shard.name: task for task in tasks}
        first = min(workers or room, room, len(tasks))
        for name, kind, value in _ray_rows(tasks, first, workers, cpus, gpus):
            yield Outcome(by_name.pop(name), kind, value)
        for task in by_name.values():
            yield Outcome(task, ERROR, f"its worker was lost, {ATTEMPTS} times in a row")
    finally:
        ray.shutdown()


def _ray_rows(
    tasks, first: int, max_workers: int | None, cpus: int, gpus: float
) -> Iterator[tuple]:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # a shard that kills its workers is given up, no other
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    packed = [{"task": pickle.dumps(task)} for task in tasks]
    data = ray.data.from_items(packed, override_num_blocks=len(packed))
    done = data.map_batches(
        Annotator,
        batch_size=1,
        batch_format="numpy",
        # One task at a time for each actor, so that a death is that task's alone.
        compute=ray.data.ActorPoolStrategy(
            min_size=1, initial_size=first, max_size=max_workers, max_tasks_in_flight_per_actor=1
        ),
        fn_constructor_args=(cpus,),
        num_cpus=cpus,
        num_gpus=gpus,
        max_restarts=-1,
        max_task_retries=ATTEMPTS - 1,
    )
    for row in done.iter_rows():
        yield pickle.loads(row["told"])


class Annotator:
    """An actor; the pipeline is loaded for the first shard and kept.

    Args:
        threads: Of numerical libraries.
    """

    def __init__(self, threads: int):
        limit_threads(threads)

    def __call__(self, batch: dict) -> dict:
        """Does a task; batches have one each."""
        (packed,) = batch["task"]
        task = pickle.loads(packed)
        told = (task.shard.name, *do(task))
        return {"told": [pickle.dumps(told)]}


def _room(ray, cpus: int, gpus: float) -> int:
    """Returns how many workers the machines that are up have room for."""
    count = 0
    for node in ray.nodes():
        if node["Alive"]:
            has = node["Resources"]
            fits = [has.get("CPU", 0) // cpus]
            fits += [has.get("GPU", 0) // gpus] if gpus else []
            count += int(min(fits))
    return count
