"""Work done ahead on threads, in order."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")


def _no_size(_: Any) -> int:
    return 0


def ahead(
    function: Callable[[A], B],
    items: Iterable[A],
    workers: int = 2,
    waiting: int = 6,
    size: Callable[[Any], int] = _no_size,
    most: float = math.inf,
) -> Iterator[B]:
    """Yields function(item) for each item in order, computed on threads ahead of use.

    Args:
        function: Safe to call from several threads.
        items: May be endless.
        workers: Threads.
        waiting: Most results that are under way or wait to be taken.
        size: Returns the bytes that an item or a result takes, where that matters.
        most: Bytes of these from which no more are begun.
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

    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            pending.append((pool.submit(function, item), size(item)))
            del item  # whose result may be all that is to be held
            while len(pending) >= waiting or (pending and held() >= most):
                yield first()
        while pending:
            yield first()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
