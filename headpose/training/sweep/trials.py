"""One trial of a sweep: a training run as `train.py` makes it, told of as it goes."""

import contextlib
import csv
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.reporting import show_announcements
from headpose.training.fields import values
from headpose.training.pose_config import PoseTrainingConfig
from headpose.training.pose_network import misfit
from headpose.training.pose_run import train_estimator
from headpose.training.pose_sources import crop_of, named_sources

OUTPUT, TABLE = "output.txt", "models.csv"  # in the folder of a trial, beside its run's files
# Columns of a run's row that are no error figures, beside its options.
NO_FIGURES = ("run", "parameters", "seconds")


def unfit(config: PoseTrainingConfig) -> str | None:
    """Returns why there is no network of a configuration, or None if there is one."""
    named = named_sources(config.sources)
    return misfit(config.network, crop_of(config.crop, named["train"])["size"])


def run_trial(config: PoseTrainingConfig, ask: Callable[[tuple[int, float]], bool]) -> dict:
    """Trains one network; what a worker of a sweep does.

    Args:
        config: Of the run.
        ask: Told (epoch, validation error in degrees); answers whether to stop there.

    Returns:
        parameters, multiply_adds, validation_error (of the best epoch), epochs, the
        errors of the kept model as `train_estimator` names them, and its seconds.
    """
    if not config.output.parent.is_dir():
        raise HeadposeError(
            f"{config.output.parent}: not to be seen from here; use a shared folder"
        )
    with _noted(config.output / OUTPUT):
        row = train_estimator(config, lambda epoch, log: ask((epoch, float(log["score"]))))
        from headpose.models.keras_files import load_model
        from headpose.training.multiply_adds import multiply_adds

        with (config.output / "log.csv").open(encoding="utf-8", newline="") as file:
            scores = [float(line["score"]) for line in csv.DictReader(file)]
        no_figures = {*values(config), *NO_FIGURES}
        figures = {k: float(v) for k, v in row.items() if k not in no_figures}
        return {
            "parameters": int(row["parameters"]),
            "multiply_adds": multiply_adds(load_model(config.output / "best.keras")),
            "validation_error": min(scores),
            **figures,
            "epochs": len(scores),
            "seconds": row["seconds"],
        }


@contextlib.contextmanager
def _noted(path: Path) -> Iterator[None]:
    """Sends all that is told of a run, and printed by native libraries, to the end of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with path.open("a", buffering=1, encoding="utf-8", errors="backslashreplace") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        shown = show_announcements(lambda line: file.write(f"{line}\n"))
        try:
            with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
                yield
        except Exception:
            file.write(traceback.format_exc())
            raise
        finally:
            show_announcements(shown)
            for number, own in enumerate(kept, 1):
                os.dup2(own, number)
                os.close(own)
