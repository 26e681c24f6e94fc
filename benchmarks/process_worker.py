"""Objects in processes of their own, so that settings and memory of variants do not mix."""

import signal
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from headpose.errors import HeadposeError, first_line
from headpose.models.keras_setup import quieten

# A process is quiet when it uses less CPU time than `QUIET` in each of so many looks.
LOOK, LOOKS, QUIET, LONGEST_SPINNING = 0.01, 2, 0.001, 1.0  # all but the second in seconds

_held: Any = None  # the object, in its process


class ProcessWorker:
    """An object in a process of its own, whose methods are called one at a time.

    It answers when its threads have fallen asleep, so that they disturb no one after it.

    Args:
        make: Called there with the arguments; it gives the object.

    Raises:
        HeadposeError: If the object cannot be made.
    """

    def __init__(self, make: Callable, *arguments):
        # Ctrl-C is for the process that measures.
        ignore = signal.SIGINT, signal.SIG_IGN
        self._pool = ProcessPoolExecutor(1, get_context("spawn"), signal.signal, ignore)
        try:
            self._call(_make, make, *arguments)
        except HeadposeError:
            self.stop()
            raise

    def ask(self, method: str, *arguments):
        """Returns what a method of the object gives.

        Raises:
            HeadposeError: If it raises anything, or the process has ended.
        """
        return self._call(_ask, method, *arguments)

    def stop(self) -> None:
        """Ends the process when it has answered."""
        self._pool.shutdown(cancel_futures=True)

    def _call(self, function: Callable, *arguments):
        try:
            return self._pool.submit(_told, function, *arguments).result()
        except RuntimeError as error:  # of a pool that is broken or shut down
            raise HeadposeError("its process has ended") from error


def _make(make: Callable, *arguments) -> None:
    global _held
    quieten()
    _held = make(*arguments)


def _ask(method: str, *arguments):
    return getattr(_held, method)(*arguments)


def _told(call: Callable, *arguments):
    """Calls; errors become such as the other process can load: each program has classes of its."""
    try:
        return call(*arguments)
    except Exception as error:
        known = isinstance(error, HeadposeError)
        text = first_line(error, 300)
        raise HeadposeError(text if known else f"{type(error).__name__}: {text}") from None
    finally:
        settle()


def settle() -> None:
    """Waits until this process is quiet."""
    last, end, quiet = time.process_time(), time.monotonic() + LONGEST_SPINNING, 0
    while quiet < LOOKS and time.monotonic() < end:
        time.sleep(LOOK)
        now = time.process_time()
        quiet = quiet + 1 if now - last < QUIET else 0
        last = now
