"""Runs every command's help or a bad input in surroundings that are out of order.

Each run is a process of its own that this one forks, so that Python starts once. Prints a line
of JSON for each: command, surroundings, exit status, standard error.
"""

import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from headpose.cli.main import COMMANDS, main

MISSING = "nowhere"
# What each command cannot do, found before anything heavy is imported where that is possible.
BAD = {
    "attend": (MISSING,),
    "trust": (MISSING,),
    "web": ("--port", "70000"),
    "doctor": ("--json", "."),
    "clean": ("aflw", MISSING),
    "clean-all": (MISSING, MISSING),
    "match-datasets": (MISSING, MISSING, "new"),
    "sweep": (MISSING, "--space", MISSING),
    "annotate": (MISSING, "--output", "new"),
    "convert-deepgaze": (MISSING, "--output", "new.keras"),
    "convert-efficientnet": (MISSING, "--output", "new.keras"),
    "export": (MISSING, "--format", "onnx"),
    "evaluate": (MISSING, MISSING),
    "evaluate-detector": (MISSING, "--data", MISSING),
    "train": (MISSING, "--epochs", "many"),
    "train-detector": (MISSING, "--validation", MISSING),
    "train-classifier": (MISSING, "--validation", MISSING),
}


def full(number: int) -> Callable[[], None]:
    def take() -> None:
        place = os.open("/dev/full", os.O_WRONLY)
        os.dup2(place, number)

    return take


def closed(number: int) -> Callable[[], None]:
    return lambda: os.close(number)


def no_folder() -> None:
    folder = tempfile.mkdtemp(dir="/tmp")
    os.chdir(folder)
    os.rmdir(folder)  # noqa: PTH106


# What is asked of each command in each of them.
SURROUNDINGS: dict[str, tuple[str, tuple[Callable[[], None], ...]]] = {
    "as usual": ("bad", ()),
    "full output": ("help", (full(1),)),
    "closed output": ("help", (closed(1),)),
    "full errors": ("bad", (full(2),)),
    "all closed": ("bad", (closed(0), closed(1), closed(2))),
    "no folder": ("bad", (no_folder,)),
}


def run(arguments: list[str], changes: tuple[Callable[[], None], ...], errors: Path) -> int:
    """Runs a command line in a process of its own; returns its exit status."""
    sys.stdout.flush()
    process = os.fork()
    if not process:
        nothing = os.open(os.devnull, os.O_RDWR)
        told = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number, place in ((0, nothing), (1, nothing), (2, told)):
            os.dup2(place, number)
        os.close(nothing)
        os.close(told)
        for change in changes:
            change()
        # As Python finds them when it starts.
        for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
            try:
                os.fstat(number)
                stream = os.fdopen(number, "r" if number == 0 else "w", closefd=False)
            except OSError:
                stream = None
            setattr(sys, name, stream)
        sys.argv = ["headpose", *arguments]
        status = 70
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(bool(end.code))
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            except BaseException:
                status = 120  # as Python itself does
        except BaseException:
            import traceback

            errors.write_text(traceback.format_exc())
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def run_all(command: str) -> None:
    """Runs a command in all surroundings, and ends this process."""
    try:
        importlib.import_module(f"headpose.cli.{COMMANDS[command][0]}")
        for where, (asked, changes) in SURROUNDINGS.items():
            given = ("--help",) if asked == "help" else BAD.get(command, (MISSING,))
            errors = Path("errors").absolute()
            status = run([command, *given], changes, errors)
            told = errors.read_text(errors="replace")
            print(json.dumps([command, where, status, told]), flush=True)
    finally:
        os._exit(0)


if __name__ == "__main__":
    for command in COMMANDS:
        sys.stdout.flush()
        if not os.fork():  # what a command imports, its runs have in common
            run_all(command)
        os.wait()
