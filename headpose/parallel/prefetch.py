"""Work done ahead on threads, in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def ahead(
    function: Callable[[A], B], items: Iterable[A], workers: int = 2, waiting: int = 6
) -> Iterator[B]:
    """Yields function(item) for each item in order, computed on threads ahead of use.

    Args:
        function: Safe to call from several threads.
        items: May be endless.
        workers: Threads.
        waiting: Most results that are under way or wait to be taken.
    """
    pending: deque = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= waiting:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
