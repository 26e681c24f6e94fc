"""What a command may find around it: closed or full streams, foreign encodings, signals."""

import contextlib
import io
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TextIO, cast

from headpose.errors import HeadposeError, reason

READER_LEFT = 128 + 13  # the exit status by which a shell tells SIGPIPE
# What ends a command as Ctrl-C does: being asked to, and a terminal that was closed or a
# connection to it that dropped, which Windows does not tell in this way.
_SIGNALS = {one.name: one for one in signal.Signals}
HANG_UP = _SIGNALS.get("SIGHUP")
ENDINGS = tuple(_SIGNALS[name] for name in ("SIGTERM", "SIGHUP") if name in _SIGNALS)
# Seconds in which signals are one wish: of who presses Ctrl-C twice, or has a wrapper around the
# command that passes on what the terminal sends to both.
ONE_WISH = 1.0


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP, which end a command as Ctrl-C does: what is done is kept."""


def calm_warnings() -> None:
    """Lets warnings be warnings, here and in processes started from here.

    With PYTHONWARNINGS=error the libraries' notes to developers would end a command.
    """
    if any(option.startswith("error") for option in sys.warnoptions):
        sys.warnoptions.clear()
        os.environ.pop("PYTHONWARNINGS", None)
        warnings.resetwarnings()
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)


def settle_streams() -> None:
    """Makes standard streams safe to use, whatever the caller left of them.

    What is closed becomes the null device: else the next file that is opened would get its
    number, and libraries would print into it. Characters that an encoding lacks are escaped.
    What cannot be told on standard error is dropped.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = cast(TextIO, _Told(sys.stdout))
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = cast(TextIO, _Forgiving(sys.stderr))


class _Stream:
    """A text stream that does something else where it cannot be written to."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _handled(self) -> Iterator[None]:
        raise NotImplementedError

    def write(self, text: str) -> int:
        with self._handled():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._handled():
            self._stream.flush()


class _Told(_Stream):
    """Standard output: what cannot be written is lost, and told, unless the terminal was closed.

    Attributes:
        outlives: Whether the command goes on where its reader has left.
        left: Whether the reader has left.
    """

    outlives = left = False

    @contextlib.contextmanager
    def _handled(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            self.left = True
            if not (self.outlives or _hung_up()):
                raise
            give_up_output()
        except OSError as error:
            give_up_output()
            if _hung_up():  # nobody reads, and what is done is still to be kept
                return
            raise HeadposeError(f"cannot write to standard output: {reason(error)}") from error


class _Forgiving(_Stream):
    """Standard error: what cannot be written is dropped, nobody reads it."""

    @contextlib.contextmanager
    def _handled(self) -> Iterator[None]:
        with contextlib.suppress(OSError):
            yield


def catch_termination() -> None:
    """Has SIGTERM and SIGHUP raise `Terminated` in the main thread of this process, once.

    Ctrl-C raises KeyboardInterrupt as ever, but not while what came less than `ONE_WISH` before
    is seen to: closing what is written.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    owner, wish = os.getpid(), _Wish()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner or wish.is_new():
            raise KeyboardInterrupt
        wish.tell_once()

    def terminate(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a forked worker: its parent tidies up
            os._exit(128 + number)
        if ended_by() is None:
            signal.signal(number, _ended)
            if wish.is_new():
                raise Terminated

    for number in ENDINGS:
        # Where somebody above asked to ignore it (nohup does), it stays ignored.
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, terminate)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


class _Wish:
    """Tells a wish to end from the same one, told again."""

    def __init__(self) -> None:
        self._came = -ONE_WISH
        self._told = False

    def is_new(self) -> bool:
        """Takes a signal; tells whether it is a new wish."""
        now = time.monotonic()
        if now - self._came < ONE_WISH:
            return False
        self._came, self._told = now, False
        return True

    def tell_once(self) -> None:
        """Says what comes of a signal that is the same wish."""
        if not self._told:
            self._told = True
            told = "ending, what is done is kept; Ctrl-C once more loses what is not whole yet"
            # Not by the stream, in whose midst this may come.
            with contextlib.suppress(OSError):
                os.write(2, f"{Path(sys.argv[0]).name}: {told}\n".encode(errors="replace"))


def _ended(number: int, frame: FrameType | None) -> None:
    """Takes a signal once more, which changes nothing."""


def ended_by() -> int | None:
    """Returns the signal that ended the work, whatever came of it on the way; else None.

    Packages that are being loaded make an error of their own of it.
    """
    return next((number for number in ENDINGS if signal.getsignal(number) is _ended), None)


def _hung_up() -> bool:
    return HANG_UP is not None and ended_by() == HANG_UP


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Has Ctrl-C and other ends wait for the end of the block; a second wish waits no more.

    For what belongs together and is written in a moment.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before: dict[int, Any] = {}
    wish = _Wish()

    def hold(number: int, frame: FrameType | None) -> None:
        if not wish.is_new():
            return
        if not came:
            came.append(number)
            return
        signal.signal(number, before[number])
        signal.raise_signal(number)

    for number in (signal.SIGINT, *ENDINGS):
        if callable(handler := signal.getsignal(number)):
            before[number] = handler
            signal.signal(number, hold)
    try:
        yield
    finally:
        for held, handler in before.items():
            if signal.getsignal(held) is hold:
                signal.signal(held, handler)
        if came:
            signal.raise_signal(came[0])


def check_current_folder() -> None:
    """Makes sure that there is a current folder.

    Raises:
        HeadposeError: If it was deleted.
    """
    try:
        os.getcwd()  # noqa: PTH109
    except OSError as error:
        raise HeadposeError(
            f"the current folder cannot be used: {reason(error)}; change to another"
        ) from error


def wrong_backend(error: ImportError | ValueError) -> str:
    """Says what is wrong where it was Keras that could not start on its backend; else ""."""
    chosen = os.environ.get("KERAS_BACKEND")
    of_keras = str(error).startswith("Unable to import backend")
    if not chosen or not (of_keras or getattr(error, "name", None) == chosen):
        return ""
    from headpose.models.keras_setup import check_keras_backend

    try:
        check_keras_backend()
    except HeadposeError as wrong:
        return str(wrong)
    return ""


def outlive_reader(*files: object) -> None:
    """Has a command go on in silence where the reader of its output leaves (head, less).

    For commands that write files after they have printed.

    Args:
        files: What they write; where all are None, there is nothing to go on for.
    """
    if isinstance(sys.stdout, _Told) and any(file is not None for file in files):
        sys.stdout.outlives = True


def reader_left() -> bool:
    """Tells whether the reader of standard output has left."""
    return isinstance(sys.stdout, _Told) and sys.stdout.left


def give_up_output() -> None:
    """Drops what waits for standard output, so that Python's exit does not fail on it."""
    with contextlib.suppress(OSError, ValueError, io.UnsupportedOperation):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
