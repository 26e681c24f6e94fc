"""Threads that read ahead and write behind; their errors come up where their work is used."""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Self, TypeVar

T = TypeVar("T")

# Waiting for ever cannot be interrupted with Ctrl-C on every system.
_WAKE_UP = 0.2  # seconds


class _Thread:
    """A thread with a bounded number of waiting items, stopped at the end of a `with`."""

    def __init__(self, waiting: int, patience: float | None = None):
        self._limit, self._patience = waiting, patience
        self._items: deque = deque()
        self._changed = threading.Condition()
        self._ended = self._stopped = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._guarded, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        hurried = kind is not None and not issubclass(kind, Exception)  # Ctrl-C, SIGTERM
        self._thread.join(self._patience if hurried else None)

    def _guarded(self) -> None:
        error = None
        try:
            self._work()
        except BaseException as caught:
            error = caught
        with self._changed:
            self._error, self._ended = error, True
            self._changed.notify_all()

    def _work(self) -> None:
        raise NotImplementedError

    def _wait_while(self, condition: Callable[[], bool]) -> None:
        """Waits, with the lock held, while `condition` holds and nothing has ended."""
        while condition() and not (self._ended or self._stopped):
            self._changed.wait(_WAKE_UP)

    def _raise_error(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error


class Prefetcher(_Thread, Generic[T]):
    """Iterates in a thread of its own, ahead of use.

    Args:
        items: What to iterate; touched by the thread alone.
        waiting: Most items that wait to be taken.
        newest: Whether, if as many wait, the oldest is dropped; else the thread waits.
        size: Returns the bytes that an item takes; None where that is no matter.
        max_bytes: Bytes that wait, from which the next item is not even begun.
        patience: Seconds that Ctrl-C and SIGTERM wait for the thread, where nothing is amiss if
            it is left at work (on a server that says nothing); None waits for its end.

    Attributes:
        dropped: How many were dropped.
    """

    def __init__(
        self,
        items: Iterable[T],
        waiting: int,
        newest: bool = False,
        size: Callable[[T], int] | None = None,
        max_bytes: float = math.inf,
        patience: float | None = None,
    ):
        super().__init__(waiting, patience)
        self._source = items
        self._newest = newest
        self._size, self._max_bytes = size, max_bytes
        self.dropped = 0

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._changed:
            self._wait_while(lambda: not self._items)
            if self._items:
                self._changed.notify_all()
                return self._items.popleft()
            self._raise_error()
            raise StopIteration

    def _work(self) -> None:
        for item in self._source:
            with self._changed:
                if self._newest and len(self._items) >= self._limit:
                    self._items.popleft()
                    self.dropped += 1
                self._wait_while(lambda: len(self._items) >= self._limit)
                if self._stopped:
                    return
                self._items.append(item)
                del item  # who takes it shall be the only one to hold it
                self._changed.notify_all()
                self._wait_while(self._is_heavy)

    def _is_heavy(self) -> bool:
        return self._size is not None and sum(map(self._size, self._items)) >= self._max_bytes


class BackgroundWriter(_Thread, Generic[T]):
    """Hands items to a function in a thread of its own, in order.

    Args:
        function: Called with each item.
        waiting: Most items that wait for it; `put` waits while there are as many.
    """

    def __init__(self, function: Callable[[T], None], waiting: int):
        super().__init__(waiting)
        self._function = function
        self._closing = False

    def put(self, item: T) -> None:
        """Leaves an item to the thread; raises what an earlier item caused."""
        with self._changed:
            self._wait_while(lambda: len(self._items) >= self._limit)
            self._raise_error()
            self._items.append(item)
            self._changed.notify_all()

    def close(self) -> None:
        """Waits until all items are done; raises what one of them caused."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            while not self._ended:
                self._changed.wait(_WAKE_UP)
            self._raise_error()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._wait_while(lambda: not (self._items or self._closing))
                if self._stopped or not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            self._function(item)
