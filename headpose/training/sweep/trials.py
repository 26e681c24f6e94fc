"""One trial of a sweep: a training run as `train.py` makes it, told of as it goes."""

import argparse
import contextlib
import csv
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from headpose.errors import HeadposeError
from headpose.training.pose_run import (
    add_training_options,
    crop_of,
    misfit,
    named_sources,
    train_estimator,
)

OUTPUT = "output.txt"
# Columns of a run's row that are no error figures, beside its options.
NO_FIGURES = ("run", "parameters", "seconds")


class _Strict(argparse.ArgumentParser):
    """Raises `HeadposeError` where arguments do not fit, instead of ending the script."""

    def error(self, message: str) -> NoReturn:
        raise HeadposeError(message)


def parse_training(arguments: Sequence[str]) -> argparse.Namespace:
    """Parses the arguments of a training run.

    Raises:
        HeadposeError: If they do not fit.
    """
    parser = _Strict(prog="train.py", add_help=False, allow_abbrev=False)
    add_training_options(parser)
    return parser.parse_args(arguments)


def unfit(arguments: Sequence[str]) -> str | None:
    """Returns why there is no network with these arguments, or None if there is one."""
    run = parse_training(arguments)
    return misfit(run, crop_of(run, named_sources(run)["train"])["size"])


def run_trial(arguments: list[str], ask) -> dict:
    """Trains one network; what a worker of a sweep does.

    Args:
        arguments: Of `train.py`.
        ask: Told (epoch, validation error in degrees); answers whether to stop there.

    Returns:
        parameters, multiply_adds, validation_error (of the best epoch), epochs, the
        errors of the kept model as `train_estimator` names them, and seconds.
    """
    run = parse_training(arguments)
    if not run.output.parent.is_dir():
        raise HeadposeError(f"{run.output.parent}: not to be seen from here; use a shared folder")
    with _noted(run.output / OUTPUT):
        row = train_estimator(run, lambda epoch, log: ask((epoch, float(log["score"]))))
        from headpose.models.keras_files import load_model
        from headpose.training.multiply_adds import multiply_adds

        with (run.output / "log.csv").open(encoding="utf-8", newline="") as file:
            scores = [float(line["score"]) for line in csv.DictReader(file)]
        figures = {k: v for k, v in row.items() if k not in vars(run) and k not in NO_FIGURES}
        return {
            "parameters": int(row["parameters"]),
            "multiply_adds": multiply_adds(load_model(run.output / "best.keras")),
            "validation_error": min(scores),
            **{name: float(value) for name, value in figures.items()},
            "epochs": len(scores),
            "seconds": float(row["seconds"]),
        }


@contextlib.contextmanager
def _noted(path: Path) -> Iterator[None]:
    """Sends all that is printed, by native libraries too, to the end of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with path.open("a", buffering=1, encoding="utf-8", errors="backslashreplace") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
                yield
        except Exception:
            file.write(traceback.format_exc())
            raise
        finally:
            for number, own in enumerate(kept, 1):
                os.dup2(own, number)
                os.close(own)
