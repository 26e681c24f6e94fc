"""Objects in processes of their own, so that settings and memory of variants do not mix."""

import signal
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.managers import BaseManager

from headpose.errors import HeadposeError, first_line
from headpose.models.keras_setup import quieten

# A process is quiet when it uses less CPU time than `QUIET` in each of so many looks.
LOOK, LOOKS, QUIET, LONGEST_SPINNING = 0.01, 2, 0.001, 1.0  # all but the second in seconds


class ProcessWorker:
    """An object in a process of its own, whose methods are called one at a time.

    It answers when its threads have fallen asleep, so that they disturb no one after it.
    The process does not hear Ctrl-C: this one does, and takes it along.

    Args:
        make: Called there with the arguments; it gives the object.

    Attributes:
        burned: CPU seconds that it used up after its last call until it was quiet, and
            while it waited for that call.

    Raises:
        HeadposeError: If the object cannot be made.
    """

    def __init__(self, make: Callable, *arguments):
        self.burned = 0.0, 0.0
        self._manager = _Manager(ctx=get_context("spawn"))
        self._manager.start(_set_up)
        self._held = self._manager.hold()
        try:
            self._call("make", make, *arguments)
        except HeadposeError:
            self.stop()
            raise

    def ask(self, method: str, *arguments):
        """Returns what a method of the object gives.

        Raises:
            HeadposeError: If it raises anything, or the process has ended.
        """
        return self._call("ask", method, *arguments)

    def stop(self) -> None:
        """Ends the process, whatever it is doing."""
        self._manager.shutdown()

    def _call(self, name: str, *arguments):
        try:
            fine, answer, self.burned = getattr(self._held, name)(*arguments)
        except (EOFError, OSError) as error:
            raise HeadposeError("its process has ended") from error
        except KeyboardInterrupt:
            self.stop()
            raise
        if not fine:
            raise HeadposeError(answer)
        return answer


class _Held:
    """What stands in the process: the object, and how busy the process is beside its calls."""

    def make(self, make: Callable, *arguments) -> tuple:
        self._idle = time.process_time()
        self._object = None

        def build() -> None:
            self._object = make(*arguments)

        return self._told(build)

    def ask(self, method: str, *arguments) -> tuple:
        return self._told(lambda: getattr(self._object, method)(*arguments))

    def _told(self, call: Callable) -> tuple:
        """Returns whether a call went well, what it gave, and what was burned beside it."""
        waiting = time.process_time() - self._idle
        try:
            fine, answer = True, call()
        except Exception as error:  # each program raises classes of its own
            text = first_line(error, 300)
            known = isinstance(error, HeadposeError)
            fine, answer = False, text if known else f"{type(error).__name__}: {text}"
        after = settle()
        self._idle = time.process_time()
        return fine, answer, (after, waiting)


class _Manager(BaseManager):
    """Starts the process."""


_Manager.register("hold", _Held)


def _set_up() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    quieten()


def settle() -> float:
    """Waits until this process is quiet; returns the CPU seconds that it used up until then."""
    started = last = time.process_time()
    end, quiet = time.monotonic() + LONGEST_SPINNING, 0
    while quiet < LOOKS and time.monotonic() < end:
        time.sleep(LOOK)
        now = time.process_time()
        quiet = quiet + 1 if now - last < QUIET else 0
        last = now
    return time.process_time() - started
