"""Threads that take turns at what only one may use at a time."""

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def one_at_a_time(call: Callable[P, R]) -> Callable[P, R]:
    """Lets one thread at a time make a call; the others wait."""
    lock = threading.Lock()

    @functools.wraps(call)
    def locked(*arguments: P.args, **options: P.kwargs) -> R:
        with lock:
            return call(*arguments, **options)

    return locked
