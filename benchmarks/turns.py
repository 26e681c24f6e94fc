"""Processes that take turns, one for each variant of a benchmark, and the machine they run on.

Settings and memory of variants do not mix, and whatever else the machine does hits all alike.
"""

import contextlib
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.models import keras_setup as backend
from headpose.models.keras_setup import quieten

# one. A process is quiet when it uses less CPU time than `QUIET` in each of so many looks.
LOOK, LOOKS, QUIET, LONGEST_SPINNING = 0.01, 2, 0.001, 1.0  # all but the second in seconds
PACKAGES = ("tensorflow", "keras", "numpy", "onnxruntime", "openvino")
FLAGS = {"avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8"}
LONGEST_ENDING = 20  # seconds


def start(function: Callable, *arguments):
    """Starts a process that calls function(connection, *arguments).

    It does not hear Ctrl-C: this process does, and takes it along.

    Returns:
        The process, and a connection to it.
    """
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=function, args=(there, *arguments), daemon=True)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)
    there.close()
    return process, here


def receive(process, connection):
    """Returns the process's next message.

    Raises:
        HeadposeError: If it ended without one.
    """
    try:
        return connection.recv()
    except (EOFError, ConnectionResetError) as error:
        process.join()
        raise HeadposeError(f"process ended with status {process.exitcode}") from error


class Worker:
    """An object in a process of its own, whose methods are called one at a time.

    Args:
        make: Called there with the arguments; it gives the object.

    It answers when its threads have fallen asleep, so that they disturb no one after it.

    Attributes:
        burned: CPU seconds that it used up after its last call until it was quiet, and
            while it waited for that call.

    Raises:
        HeadposeError: If the object cannot be made.
    """

    def __init__(self, make: Callable, *arguments):
        self.burned = 0.0, 0.0
        self._process, self._connection = start(_serve, make, *arguments)
        self._answer()

    def ask(self, method: str, *arguments):
        """Returns what a method of the object gives.

        Raises:
            HeadposeError: If it raises anything, or the process has ended.
        """
        try:
            self._connection.send((method, arguments))
        except OSError as error:
            raise HeadposeError("its process has ended") from error
        return self._answer()

    def stop(self) -> None:
        """Ends the process, whatever it is doing."""
        with contextlib.suppress(OSError):
            self._connection.send(None)
        self._process.join(1)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(LONGEST_ENDING)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._connection.close()

    def _answer(self):
        try:
            fine, answer, self.burned = receive(self._process, self._connection)
            if not fine:
                raise HeadposeError(answer)
        except KeyboardInterrupt:
            self._process.terminate()
            raise
        return answer


def _serve(connection, make: Callable, *arguments) -> None:
    """Makes the object and answers (method, arguments) with (fine, answer, burned)."""
    # Raised, so that what is being written is cleaned away when somebody ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    quieten()
    with contextlib.suppress(EOFError, BrokenPipeError):  # the parent has gone
        try:
            held = make(*arguments)
        except Exception as error:  # each program raises classes of its own
            connection.send((False, first_line(error), (0.0, 0.0)))
            return
        connection.send((True, None, (settle(), 0.0)))
        idle = time.process_time()
        while (request := connection.recv()) is not None:
            waiting = time.process_time() - idle
            method, given = request
            try:
                answer = True, getattr(held, method)(*given)
            except Exception as error:  # the same
                answer = False, first_line(error)
            connection.send((*answer, (settle(), waiting)))
            idle = time.process_time()


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


def first_line(error: Exception) -> str:
    """Returns an error as one line."""
    text = str(error).strip().splitlines()
    line = text[0] if text else ""
    return (line if isinstance(error, HeadposeError) else f"{type(error).__name__}: {line}")[:300]


# ------------------------------------------------------------------------ the machine


def machine(packages: Sequence[str] = PACKAGES) -> dict:
    """Describes processor and programs."""
    versions = {}
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "flags": sorted(backend.cpu_flags() & FLAGS),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
    }


def processor_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
