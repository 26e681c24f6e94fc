"""Work done ahead on threads, in order."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")


def _no_size(_: Any) -> int:
    return 0


class _Pool:
    """Threads that Python does not wait for at its end.

    It waits for those of `concurrent.futures`, of which one may read from a server that says
    nothing: Ctrl-C and SIGTERM would wait for it, too.

    Args:
        count: How many, begun as they are needed.
    """

    def __init__(self, count: int):
        self._count, self._threads = count, 0
        self._work: SimpleQueue[tuple[Future, Callable, Any] | None] = SimpleQueue()

    def submit(self, function: Callable[[A], B], item: A) -> Future[B]:
        """Has a thread compute function(item)."""
        future: Future[B] = Future()
        self._work.put((future, function, item))
        if self._threads < self._count:
            self._threads += 1
            Thread(target=self._run, daemon=True).start()
        return future

    def stop(self) -> None:
        """Ends the threads once what they are at, and what was not cancelled, is done."""
        for _ in range(self._threads):
            self._work.put(None)

    def _run(self) -> None:
        while (task := self._work.get()) is not None:
            future, function, item = task
            del task  # whose item may be all that is to be held
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function(item))
                except BaseException as error:
                    future.set_exception(error)
            del future, item


def ahead(
    function: Callable[[A], B],
    items: Iterable[A],
    workers: int = 2,
    waiting: int = 6,
    size: Callable[[Any], int] = _no_size,
    max_bytes: float = math.inf,
) -> Iterator[B]:
    """Yields function(item) for each item in order, computed on threads ahead of use.

    Args:
        function: Safe to call from several threads.
        items: May be endless.
        workers: Threads.
        waiting: Most results that are under way or wait to be taken.
        size: Returns the bytes that an item or a result takes, where that matters.
        max_bytes: Bytes of these from which no more are begun.
    """
    pending: deque[tuple[Future[B], int]] = deque()
    taken = [0, 0]  # results, and their bytes

    def held() -> float:
        """Returns the bytes that wait; what is under way has as many as others had."""
        usual = taken[1] / max(1, taken[0])
        return sum(
            size(future.result())
            if future.done() and not future.exception()
            else max(of_item, usual)
            for future, of_item in pending
        )

    def first() -> B:
        result = pending.popleft()[0].result()
        taken[0] += 1
        taken[1] += size(result)
        return result

    pool = _Pool(workers)
    try:
        for item in items:
            pending.append((pool.submit(function, item), size(item)))
            del item  # whose result may be all that is to be held
            while len(pending) >= waiting or (pending and held() >= max_bytes):
                yield first()
        while pending:
            yield first()
    finally:
        for future, _ in pending:
            future.cancel()
        pool.stop()
