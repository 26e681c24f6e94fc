"""Trains many pose estimators: over the published system's two searches, or one's own.

DATA and all options that are not listed here are train.py's; each trial is a run of it.
The same command goes on with a sweep that was interrupted.
"""

import argparse
import sys
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.pool_options import add_pool_options, open_pool
from headpose.errors import HeadposeError
from headpose.files import writable_folder
from headpose.training.sweep.driver import SEARCHES, STOPPERS, Sweep, clear
from headpose.training.sweep.spaces import SPACES, Space, check, read_space

ENOUGH_FAILURES = 3  # at the start, to take it that all others would fail too
EPILOG = """Example: sweep.py clean/aflw --space architectures --jobs 2 --epochs 50. With --search
tpe or --stop-early, which trials there are and how far they go depends on the order in which
others end; without, the same command gives the same table however it is spread."""


def options() -> argparse.ArgumentParser:
    # An abbreviation could be meant for train.py.
    parser = cl.parser(
        __doc__,
        epilog=EPILOG,
        allow_abbrev=False,
        usage="%(prog)s DATA [DATA ...] --space SPACE [options] [options of train.py]",
    )
    add = parser.add_argument
    add(
        "--space",
        required=True,
        help=f"what to vary: {' or '.join(SPACES)}, or a YAML file with options and values",
    )
    add("--output", type=Path, default=Path("runs/sweep"), help="folder for all results")
    add("--overwrite", action="store_true", help="start anew in a folder that has a sweep")
    add(
        "--search",
        choices=SEARCHES,
        help="tpe learns from the trials that have ended (default: grid, or tpe where the "
        "space has ranges)",
    )
    add(
        "--trials",
        type=cl.at_least(1),
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
    add("--seed", type=cl.at_least(0), default=0, help="of the search and of each trial")
    add_pool_options(parser, "trial", "jobs")
    return parser


def training_options(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, rest: list[str], space: Space
) -> list[str]:
    """Returns train.py's arguments that all trials share; ends the script where they do not fit."""
    from headpose.training.sweep.trials import parse_training

    # What the space fixes comes first, so that the command line has the last word; the
    # seed's single value keeps an option of many values from taking DATA for more of them.
    shared = [*space.fixed_arguments(), "--seed", str(arguments.seed), *rest]
    try:
        run = parse_training(shared)
    except HeadposeError as failure:
        parser.error(str(failure))
    if run.save or run.models_csv:
        parser.error("--save and --models-csv are for a single run; a sweep keeps all of them")
    return shared


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
    parser = options()
    arguments, rest = parser.parse_known_args()
    space = read_space(arguments.space)
    shared = training_options(parser, arguments, rest, space)
    from headpose.training.sweep.trials import parse_training, run_trial, unfit

    check(space, lambda some: parse_training([*shared, *some]))
    search = arguments.search or ("grid" if space.is_finite else "tpe")
    if search == "grid":
        space.grid()  # says so where a range makes it impossible
    folder = writable_folder(arguments.output)

    from headpose.parallel.processes import sole_user
    from headpose.training.sweep import results

    def run_arguments(chosen: list[str], output: Path) -> list[str]:
        own = ["--output", str(output), "--models-csv", str(output / "models.csv"), "--resume"]
        return [*shared, *chosen, *own]

    with sole_user(folder):
        if arguments.overwrite:
            clear(folder)
        settings = {"the options of train.py": " ".join(shared)}
        sweep = Sweep(
            folder,
            space,
            search,
            arguments.trials,
            arguments.seed,
            arguments.stop_early,
            settings,
        )
        print(f"{sweep.count} trials, {sweep.left()} of them to run, by {search} over")
        print(space.describe())
        if space.fixed:
            print(f"with {' '.join(space.fixed_arguments())}")
        with open_pool(arguments, fresh=True) as pool:
            ended = sweep.run(pool, run_trial, run_arguments, unfit)
            states = set()
            for count, number in enumerate(cl.progress(ended, "trials", sweep.left()), 1):
                rows = results.table(sweep)
                results.write_table(folder / results.TABLE, rows)
                row = next(r for r in rows if r["trial"] == number)
                tell(row, results.name_of(row, space))
                states.add(row["state"])
                if count == ENOUGH_FAILURES and states == {"failed"}:
                    raise HeadposeError(f"the first {count} trials failed; put that right first")
        rows = results.table(sweep)
        results.write_table(folder / results.TABLE, rows)
        results.draw(folder, rows, space)
    for row in rows:
        if row["state"] == "unfit":
            tell(row, results.name_of(row, space))
    print("fewest multiply-adds for their error:")
    for row in results.front(rows):
        tell(row, results.name_of(row, space))
    print(f"table: {folder / results.TABLE}")
    return 1 if any(row["state"] == "failed" for row in rows) else 0
