"""What the commands share: parsers, progress bars, messages, and errors as one line."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from headpose.errors import HeadposeError
from headpose.reporting import logger, show_progress

T = TypeVar("T")


def run(main: Callable[[], int | None]) -> None:
    """Runs a command's `main` and exits with its status.

    A `HeadposeError` becomes one line on standard error and status 1, Ctrl-C status 130.
    With `--debug` errors come with their whole chain of calls.
    """
    _set_up()
    name = Path(sys.argv[0]).name
    try:
        status = main() or 0
        sys.stdout.flush()
    except HeadposeError as error:
        if "--debug" in sys.argv[1:]:
            raise
        print(f"{name}: error: {error}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        status = 130
    except BrokenPipeError:
        # The reader of our output went away (head, less): nothing to report.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    sys.exit(status)


def _set_up() -> None:
    """Gives the library a progress bar and a place for its messages."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    show_progress(progress)
    if not any(isinstance(handler, _Messages) for handler in logger.handlers):
        logger.addHandler(_Messages())
        logger.setLevel(logging.INFO)
        logger.propagate = False


class _Messages(logging.Handler):
    """Prints what the library logs on standard error, between progress bars."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            text = f"{Path(sys.argv[0]).name}: {record.levelname.lower()}: {text}"
        tell(text, sys.stderr)


def tell(message: str, file=None) -> None:
    """Prints a line without breaking a progress bar."""
    tqdm.write(message, file=file or sys.stdout)


def warn(message: str) -> None:
    """Prints a warning on standard error."""
    tell(f"{Path(sys.argv[0]).name}: warning: {message}", sys.stderr)


def progress(items: Iterable[T], unit: str, total: int | None = None) -> Iterable[T]:
    """Shows a bar with rate and time left while iterating, on a terminal only."""
    return tqdm(items, unit=f" {unit}", total=total, disable=None, file=sys.stderr, leave=False)


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


def at_least(low: int) -> Callable[[str], float]:
    """Returns an argparse type for whole numbers from `low` on."""
    return in_range(low, float("inf"), int)


class _Help(argparse.HelpFormatter):
    """Adds defaults that say something, with files as seen from here."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        nothing = any(action.default is x for x in (None, False, argparse.SUPPRESS))
        silent = nothing or action.default == [] or "default" in text
        if silent or not action.option_strings:
            return text
        return f"{text} (default: {self._shown(action.default)})"

    @staticmethod
    def _shown(default) -> str:
        if isinstance(default, (list, tuple)):
            return " ".join(map(str, default))
        here = f"{Path.cwd()}{os.sep}"
        return str(default).removeprefix(here).replace("%", "%%")


def parser(description: str, **options) -> argparse.ArgumentParser:
    """Returns a parser whose help shows defaults."""
    result = argparse.ArgumentParser(description=description, formatter_class=_Help, **options)
    result.add_argument(
        "--debug", action="store_true", help="show errors with the whole chain of calls"
    )
    return result


def add_device_options(options: argparse.ArgumentParser) -> None:
    """Adds `--device` and `--precision`, see `headpose.models.keras_setup.set_up`."""
    options.add_argument(
        "--device",
        choices=("auto", "cpu", "gpu"),
        default="auto",
        help="where networks run; auto takes a GPU where there is one",
    )
    options.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="arithmetic of the networks; auto takes bfloat16 where the processor has it",
    )
