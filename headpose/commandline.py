"""What the scripts share: errors a person can act on, progress, safe outputs, set-up."""

import argparse
import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


class Failure(Exception):
    """Something a person can put right; its text is one line that says how."""


def run(main: Callable[[], int | None]) -> None:
    """Runs a script's `main` and exits with its status.

    A `Failure` becomes one line on standard error and status 1, Ctrl-C status 130.
    """
    quieten()
    name = Path(sys.argv[0]).name
    try:
        status = main() or 0
        sys.stdout.flush()
    except Failure as failure:
        print(f"{name}: error: {failure}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        status = 130
    except BrokenPipeError:
        # The reader of our output went away (head, less): nothing to report.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    sys.exit(status)


def quieten() -> None:
    """Keeps TensorFlow's start-up messages off the terminal, unless asked for."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")


def tell(message: str, file=None) -> None:
    """Prints a line without breaking a progress bar."""
    tqdm.write(message, file=file or sys.stdout)


def warn(message: str) -> None:
    """Prints a warning on standard error."""
    tell(f"{Path(sys.argv[0]).name}: warning: {message}", sys.stderr)


def report(source: str, problems, strict: bool = False) -> None:
    """Tells what was left out of a source of data.

    Args:
        source: Its name.
        problems: `headpose.tables.Problems`.
        strict: Whether any problem ends the script.

    Raises:
        Failure: If `strict` and there is a problem.
    """
    for line in problems.lines():
        if strict:
            raise Failure(f"{source}: {line}; mend it or leave out --strict")
        warn(f"{source}: left out: {line}")


def progress(items: Iterable[T], unit: str, total: int | None = None) -> Iterable[T]:
    """Shows a bar with rate and time left while iterating, on a terminal only."""
    return tqdm(items, unit=f" {unit}", total=total, disable=None, file=sys.stderr, leave=False)


def reason(error: OSError) -> str:
    """Says in a few words why the operating system refused."""
    return (error.strerror or str(error)).lower()


def first_line(error: BaseException, most: int | None = 120) -> str:
    """Returns the first line of what an error of a foreign program says, else its class."""
    lines = str(error).strip().splitlines()
    return lines[0][:most] if lines else type(error).__name__


@contextlib.contextmanager
def written(path: str | Path) -> Iterator[Path]:
    """Gives a temporary path beside `path` and moves it into place when the block ends.

    If the block fails, what stood at `path` stays as it was and nothing is left behind.
    The temporary name keeps the suffix, by which many libraries choose the format.

    Raises:
        Failure: If the folder cannot be made or written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{''.join(path.suffixes[-2:])}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
    except OSError as error:
        raise Failure(f"cannot write {path}: {reason(error)}; choose another place") from error
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def writable_folder(path: str | Path) -> Path:
    """Makes a folder and makes sure that files can be written there.

    Raises:
        Failure: If not.
    """
    path = Path(path)
    probe = path / f".{secrets.token_hex(4)}"
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Failure(f"cannot write to folder {path}: {reason(error)}; choose another") from error
    return path


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
    return argparse.ArgumentParser(description=description, formatter_class=_Help, **options)


def add_device_options(options: argparse.ArgumentParser) -> None:
    """Adds `--device` and `--precision`; pass what they give to `headpose.runtime.set_up`."""
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
