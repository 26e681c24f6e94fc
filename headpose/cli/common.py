"""What the commands share: parsers, progress bars, messages, and errors as one line."""

import argparse
import atexit
import gc
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from headpose.cli import completion, surroundings
from headpose.cli.help_format import HelpFormatter
from headpose.errors import HeadposeError, first_line, missing_package, one_line, reason
from headpose.files import STANDARD_OUTPUT
from headpose.reporting import logger, show_announcements, show_progress

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")
# Options of earlier versions by their names of today; they work for one version more.
OLD_OPTIONS = {
    "--runtime": "--backend",
    "--min-certainty": "--max-error",
    "--partial": "--incomplete-labels",
    "--partial-share": "--incomplete-share",
    "--partial-detector": "--incomplete-detector",
}
INTERRUPTED = 128 + signal.SIGINT  # the exit status by which a shell tells Ctrl-C


def run(main: Callable[[], int | None]) -> None:
    """Runs a command's `main` and exits with its status.

    Whatever ends it is told in one line on standard error: a `HeadposeError`, what the
    system refuses and faults of this program with status 1, Ctrl-C with 130, SIGTERM with
    143, SIGHUP with 129. With `--debug` errors come with their whole chain of calls.
    """
    surroundings.settle_streams()
    _set_up()
    surroundings.catch_termination()
    status: int | str | None
    try:
        surroundings.check_current_folder()
        try:
            status = main() or 0
        except SystemExit as end:  # of a parser, after a fault in the options or --help
            status = end.code
        sys.stdout.flush()
        if surroundings.reader_left():
            status = status or surroundings.READER_LEFT
    except (Exception, KeyboardInterrupt) as error:
        if "--debug" in sys.argv[1:] and not isinstance(error, BrokenPipeError | KeyboardInterrupt):
            raise
        status, told = outcome(error)
        if told:
            print(f"{program()}: {one_line(told)}", file=sys.stderr)
    if status == INTERRUPTED and (number := surroundings.ended_by()):
        status = 128 + number
    sys.exit(status)


def outcome(error: BaseException) -> tuple[int, str]:
    """Returns the exit status that an error ends a command with, and what is told of it."""
    if number := surroundings.ended_by():
        return 128 + number, "terminated"
    if isinstance(error, HeadposeError):
        return 1, f"error: {error}"
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted"
    if isinstance(error, BrokenPipeError):
        # The reader of our output went away (head, less): nothing to report.
        surroundings.give_up_output()
        return surroundings.READER_LEFT, ""
    if isinstance(error, ImportError | ValueError) and (told := surroundings.wrong_backend(error)):
        return 1, f"error: {told}"
    if isinstance(error, ImportError) and (missing := missing_package(error)):
        return 1, f"error: {missing}"
    if isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else ""
        return 1, f"error: {named}{reason(error)}"
    if isinstance(error, MemoryError) or "(-4:Insufficient memory)" in str(error):  # OpenCV's
        return 1, "error: not enough memory; take smaller pictures, sizes or batches"
    return 1, (
        f"internal error: {type(error).__name__}: {first_line(error)}; --debug shows where: "
        "please report it with what headpose doctor prints"
    )


def program() -> str:
    """Returns what the running command is called in its messages."""
    return Path(sys.argv[0]).name


def _set_up() -> None:
    """Gives the library a progress bar and a place for its messages."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    # Figures need no window; a notebook passes on a backend that may not be installed here.
    os.environ["MPLBACKEND"] = "agg"
    # What matters of damaged pictures is raised.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    show_progress(progress)
    show_announcements(tell)
    # At the end Python would search all that is left for cycles: 3 s of TensorFlow's objects.
    atexit.register(gc.freeze)
    if not any(isinstance(handler, _Messages) for handler in logger.handlers):
        logger.addHandler(_Messages())
        logger.setLevel(logging.INFO)
        logger.propagate = False


class _Messages(logging.Handler):
    """Prints what the library logs on standard error, between progress bars."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            text = f"{program()}: {record.levelname.lower()}: {text}"
        tell(text, sys.stderr)


def tell(message: str, file=None) -> None:
    """Prints lines without breaking a progress bar; names in them steer no terminal."""
    lines = "\n".join(map(one_line, message.split("\n")))
    if bars := sys.modules.get("tqdm"):  # else there is no bar
        bars.tqdm.write(lines, file=file or sys.stdout)
    else:
        print(lines, file=file or sys.stdout)


def warn(message: str) -> None:
    """Prints a warning on standard error."""
    tell(f"{program()}: warning: {message}", sys.stderr)


def progress(items: Iterable[T], unit: str, total: int | None = None) -> Iterable[T]:
    """Shows a bar with rate and time left while iterating, on a terminal only."""
    if not (sys.stderr and sys.stderr.isatty()):
        return items
    from tqdm import tqdm  # only now: it is slow to import

    return tqdm(items, unit=f" {unit}", total=total, disable=None, file=sys.stderr, leave=False)


def progress_bar(unit: str, total: int) -> "tqdm":
    """Returns a bar that is moved by its `update`, shown on a terminal only."""
    from tqdm import tqdm

    return tqdm(unit=f" {unit}", total=total, disable=None, file=sys.stderr, leave=False)


def named(text: str) -> str:
    """Is an argparse type for names: an empty one is mostly a variable that was not set."""
    if not text:
        raise argparse.ArgumentTypeError("an empty name")
    return text


def path(text: str) -> Path:
    """Is an argparse type for files and folders; an empty name would be the working folder."""
    if text == STANDARD_OUTPUT:
        raise argparse.ArgumentTypeError("only tables of heads go to -; name a file, as ./-")
    return Path(named(text))


def keras_path(text: str) -> Path:
    """Is an argparse type for Keras files to write."""
    if path(text).suffix != ".keras":
        raise argparse.ArgumentTypeError(f"{text}: must end in .keras")
    return path(text)


def in_range(low: float, high: float, kind: type = float) -> Callable[[str], float]:
    """Returns an argparse type for numbers from `low` to `high`, both included."""

    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            what = "a whole number" if kind is int else "a number"
            limits = f"at least {low:g}" if high == float("inf") else f"from {low:g} to {high:g}"
            raise argparse.ArgumentTypeError(f"{text!r} is not {what} {limits}")
        return value

    return parse


def todays_word(old: Mapping[str, str]) -> Callable[[str], str]:
    """Returns an argparse type that takes values of earlier versions, with a warning.

    Args:
        old: Today's values by those of earlier versions.
    """

    def convert(text: str) -> str:
        if text in old:
            warn(f"{text} is called {old[text]} now; the old word goes with the next version")
        return old.get(text, text)

    return convert


def at_least(low: int) -> Callable[[str], float]:
    """Returns an argparse type for whole numbers from `low` on."""
    return in_range(low, float("inf"), int)


class _Parser(argparse.ArgumentParser):
    """Takes options by the names that they had in earlier versions, and warns.

    Where a shell wants words completed, it answers that instead.
    """

    _completing = False

    def parse_known_args(self, args=None, namespace=None):
        if completion.is_asked() and not self._completing:
            self._completing = True
            completion.complete(self)
        given = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(self._by_new_names(given), namespace)

    def _by_new_names(self, given: list[str]) -> list[str]:
        names, result = self._option_string_actions, []
        for text in given:
            name, equals, value = text.partition("=")
            new = OLD_OPTIONS.get(name)
            if new in names and name not in names:
                warn(f"{name} is called {new} now; the next version takes the new name only")
                text = f"{new}{equals}{value}"
            result.append(text)
        return result


def parser(description: str, **options) -> argparse.ArgumentParser:
    """Returns a parser whose help shows defaults; it knows `OLD_OPTIONS`."""
    result = _Parser(description=description, formatter_class=HelpFormatter, **options)
    result.add_argument(
        "--debug", action="store_true", help="show errors with the whole chain of calls"
    )
    return result


def add_overwrite_option(options: argparse.ArgumentParser) -> None:
    """Adds `--overwrite`, without which outputs replace no file, see `check_outputs`."""
    options.add_argument("--overwrite", action="store_true", help="replace files that exist")


def add_device_options(options: argparse.ArgumentParser, eight_bits: bool = True) -> None:
    """Adds `--device` and `--precision`, see `headpose.models.backends.Backend`.

    Args:
        options: Get them.
        eight_bits: Whether the command can run eight-bit files.
    """
    options.add_argument(
        "--device",
        choices=("auto", "cpu", "gpu"),
        default="auto",
        help="where networks run; auto takes a GPU where there is one",
    )
    options.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16", *(["int8"] if eight_bits else [])),
        help="arithmetic of the networks; auto takes bfloat16 in Keras where the processor has it"
        + (", and int8, the eight-bit files of models, where it is fast at it" * eight_bits)
        + " (default: float32, in Keras auto)",
    )
