"""Trains many pose estimators: over the published system's two searches, or one's own.

Each trial is a run of `headpose train`, with the options that follow those of the sweep.
The same command goes on with a sweep that was interrupted, and given on other machines that
see the folder, or once more on this one, it takes a share of the trials.
"""

import argparse
import itertools
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headpose.cli import common as cl
from headpose.cli.config_options import add_config_options, config_from
from headpose.cli.pipeline_options import check_models, resolve_models
from headpose.cli.pool_options import add_pool_options, check_pool, open_pool
from headpose.cli.surroundings import outlive_reader
from headpose.errors import HeadposeError
from headpose.files import check_readable, writable_folder
from headpose.models.shipped import DETECTORS, ESTIMATORS, named_model
from headpose.training.fields import values, with_values
from headpose.training.pose_config import PoseTrainingConfig
from headpose.training.sweep.spaces import (
    MAX_TRIALS,
    RESERVED,
    SPACES,
    Space,
    check,
    read_space,
)

if TYPE_CHECKING:
    from headpose.datasets.label_tables import SourceName
    from headpose.training.sweep.driver import Sweep

SEARCHES, STOPPERS = ("grid", "random", "tpe"), ("none", "median", "halving")
# Options that name models.
MODELS = {"start": ESTIMATORS, "teacher": ESTIMATORS, "detector": DETECTORS}
ENOUGH_FAILURES = 3  # at the start, to take it that all others would fail too
EPILOG = """Example: headpose sweep clean/aflw --space architectures --jobs 2 --epochs 50. With
--search tpe or --stop-early, which trials there are and how far they go depends on the order in
which others end; without, the same command gives the same table however it is spread."""


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__, epilog=EPILOG)
    add = parser.add_argument
    add(
        "--space",
        required=True,
        help=f"what to vary: {' or '.join(SPACES)}, or a YAML file with options and values",
    )
    add("--output", type=cl.path, default=Path("runs/sweep"), help="folder for all results")
    add("--overwrite", action="store_true", help="start anew in a folder that has a sweep")
    add(
        "--search",
        choices=SEARCHES,
        help="tpe learns from the trials that have ended (default: grid, or tpe where the "
        "space has ranges)",
    )
    add(
        "--trials",
        type=cl.in_range(1, MAX_TRIALS, int),
        metavar="N",
        help="so many in all (default: the whole grid, else 50)",
    )
    add(
        "--stop-early",
        choices=STOPPERS,
        default="none",
        help="stop hopeless trials: worse than the median at the same epoch, or not in the "
        "best quarter at growing numbers of epochs",
    )
    add_pool_options(parser, "trial", "jobs")
    add_config_options(parser, PoseTrainingConfig, without=RESERVED)
    return parser


def read_options(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, Space]:
    """Reads the command line, which has the last word on what the space fixes."""
    space = read_space(parser.parse_args().space)
    known = values(PoseTrainingConfig())
    parser.set_defaults(**{name: value for name, value in space.fixed.items() if name in known})
    arguments = parser.parse_args()
    given = [n for n in space.options if getattr(arguments, n, None) != parser.get_default(n)]
    if given:
        names = ", ".join("--" + name.replace("_", "-") for name in given)
        parser.error(f"the space varies what is given; leave out {names}")
    return arguments, space


def tell(row: dict, name: str) -> None:
    """Prints how a trial ended."""
    if row["state"] in ("complete", "stopped"):
        result = (
            f"{row['validation_error']:.2f} degrees after {row['epochs']} epochs, "
            f"{row['parameters']:,} parameters, {row['multiply_adds'] / 1e6:.1f} M multiply-adds"
        )
        cl.tell(f"trial {row['trial']} ({name}) {row['state']}: {result}")
    else:
        cl.tell(f"trial {row['trial']} ({name}) {row['state']}: {row['note']}", sys.stderr)


def main() -> int:
    arguments, space = read_options(options())
    resolve_models(arguments, **MODELS)
    check(space, PoseTrainingConfig())
    check_models(*itertools.chain(*chosen_models(space).values()))
    shared = config_from(arguments, PoseTrainingConfig())
    search = arguments.search or ("tpe" if space.ranges else "grid")
    if search == "grid":
        space.grid()  # says so where a range makes it impossible
    check_pool(arguments)
    data = check_data(shared)
    from headpose.training.model_contents import contents
    from headpose.training.sweep import results
    from headpose.training.sweep.data_digest import data_digest
    from headpose.training.sweep.driver import DATA, Sweep
    from headpose.training.sweep.study import check_free, clear, state_of, turn

    check_free(arguments.output, results.FILES)
    if arguments.overwrite:
        paths = [source.path for source in data]
        check_kept(arguments.output, [*paths, *(getattr(arguments, option) for option in MODELS)])
    folder = writable_folder(arguments.output)
    outlive_reader(folder)
    if arguments.overwrite:
        with turn(folder):
            clear(folder, results.FILES)
    sweep = Sweep(
        folder,
        space,
        search,
        arguments.trials,
        shared.learning.seed,
        arguments.stop_early,
        {name: str(value) for name, value in values(shared, with_effect_only=True).items()}
        | {DATA: data_digest(data)}
        | contents(shared, chosen_models(space)),
    )
    print(f"{sweep.count} trials, {sweep.left()} of them to run, by {search} over")
    print(space.describe())
    run_trials(sweep, arguments, shared)
    rows = results.updated(sweep)
    results.draw(folder, rows, space)
    for row in rows:
        if row["state"] == "unfit":
            tell(row, results.name_of(row, space))
    print("fewest multiply-adds for their error:")
    for row in results.front(rows):
        tell(row, results.name_of(row, space))
    print(f"table: {folder / results.TABLE}")
    if others := sum(state_of(trial) == "open" for trial in sweep.trials()[: sweep.count]):
        print(f"{others} trials are under way in other processes, which go on")
    return 1 if any(row["state"] == "failed" for row in rows) else 0


def check_kept(folder: Path, inputs: Iterable[str | Path | None]) -> None:
    """Refuses to start anew in a folder where something lies that the sweep reads.

    Raises:
        HeadposeError: If so.
    """
    for path in inputs:
        if path and Path(path).resolve().is_relative_to(folder.resolve()):
            raise HeadposeError(f"{path} is an input and would be lost; name another --output")


def chosen_models(space: Space) -> dict[str, list[str]]:
    """Returns the files of the models among which trials choose, by options.

    What is a range instead is told when the first trial is configured.
    """
    given = {option: space.options[option] for option in MODELS.keys() & space.options.keys()}
    return {
        option: [named_model(name, MODELS[option]) for name in names]
        for option, names in given.items()
        if isinstance(names, tuple)
    }


def check_data(config: PoseTrainingConfig) -> "list[SourceName]":
    """Refuses data without which every trial would fail, each after TensorFlow has started.

    Returns:
        All sources.

    Raises:
        HeadposeError: If a source is missing, or is no table and no clean folder.
    """
    from headpose.datasets.crop_dataset import table_path
    from headpose.datasets.label_tables import PARTS
    from headpose.training.pose_sources import all_sources

    sources = [*itertools.chain(*all_sources(config.sources).values())]
    for path in (source.path for source in sources):
        if not path.is_dir():
            check_readable(path)
        elif not any(table_path(path, part).is_file() for part in (None, *PARTS)):
            raise HeadposeError(f"{path}: no table of crops in it; name a clean folder")
    return sources


def run_trials(sweep: "Sweep", arguments: argparse.Namespace, shared: PoseTrainingConfig) -> None:
    """Runs what is left of a sweep; the table is up to date after each trial."""
    from headpose.training.sweep import results
    from headpose.training.sweep.trials import TABLE, run_trial, unfit

    def configure(chosen: dict[str, Any], output: Path) -> PoseTrainingConfig:
        own: dict[str, Any] = {"output": output, "models_csv": output / TABLE}
        own |= {o: named_model(chosen[o], MODELS[o]) for o in MODELS.keys() & chosen.keys()}
        return with_values(shared, {**chosen, **own, "resume": True, "overwrite": False})

    with open_pool(arguments, fresh=True) as pool:
        ended = sweep.run(pool, run_trial, configure, unfit)
        states = set()
        for count, number in enumerate(cl.progress(ended, "trials", sweep.left()), 1):
            rows = results.updated(sweep)
            row = next(r for r in rows if r["trial"] == number)
            tell(row, results.name_of(row, sweep.space))
            states.add(row["state"])
            if count == ENOUGH_FAILURES and states == {"failed"}:
                raise HeadposeError(f"the first {count} trials failed; put that right first")
