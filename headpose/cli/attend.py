"""Tells from a table of heads what each one looks at: the camera, targets, other people.

Looks are told from the angles of heads alone, not from eyes: they say where a face points.
"""

import argparse
import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from headpose.attention.events import Event, events_of, facing_pairs, shares_of
from headpose.attention.geometry import DISTANCE_DEVIATION
from headpose.attention.rows import NEEDED
from headpose.attention.series import SHORTEST, Looking, Series, series_of
from headpose.attention.targets import WITHIN, Target, camera, load_targets
from headpose.cli import common as cl
from headpose.cli.surroundings import outlive_reader
from headpose.errors import HeadposeError
from headpose.files import atomic_write, check_outputs, csv_writer, sole_user, writable_folder
from headpose.images.drawing import UNSURE_ABOVE
from headpose.records.columns import Row
from headpose.records.reading import read_table

SHARES, EVENTS, POSITIONS, PAIRS = "attention.csv", "events.csv", "positions.csv", "pairs.csv"
# How the first line of each begins.
HEADERS = {
    SHARES: "file,track,target,seconds,",
    EVENTS: "file,track,target,start,",
    POSITIONS: "file,head,track,",
    PAIRS: "file,track,other,",
}
PLACE = ("x_m", "y_m", "depth_m", "depth_deviation_m")
TIMELINE, DIRECTIONS = "timeline.png", "directions.png"


def options() -> argparse.ArgumentParser:
    parser = cl.parser(
        __doc__,
        epilog="Distances from a box's size are off by about "
        f"{100 * DISTANCE_DEVIATION:.0f} % (one standard deviation, adults).",
    )
    add = parser.add_argument
    add(
        "tables",
        nargs="+",
        metavar="TABLE",
        help="CSV, JSON lines or Parquet of heads, or a folder of these",
    )
    add(
        "--output",
        type=cl.path,
        default=Path("attention"),
        metavar="DIR",
        help="folder for results",
    )
    add(
        "--targets",
        type=cl.path,
        metavar="TOML",
        help="what can be looked at besides the camera: directions, parts of the picture, "
        "other heads; docs/tables.md has an example",
    )
    add(
        "--within",
        type=cl.in_range(0.1, 180),
        default=WITHIN,
        metavar="DEGREES",
        help="how far beside a target a nose may point",
    )
    add(
        "--max-error",
        type=cl.in_range(0, 180),
        default=UNSURE_ABOVE,
        metavar="DEGREES",
        help="where heads with a larger expected error look counts as unknown",
    )
    add(
        "--shortest",
        type=cl.in_range(0, 3600),
        default=SHORTEST,
        metavar="SECONDS",
        help="shorter looks are no events",
    )
    add(
        "--fov",
        type=cl.in_range(1, 179),
        metavar="DEGREES",
        help="the camera's horizontal field of view: tells where heads are in metres, and who "
        "faces whom",
    )
    add("--raw", action="store_true", help="take angles as estimated, not smoothed ones")
    add("--no-figures", action="store_true", help="draw no pictures")
    add("--overwrite", action="store_true", help="write over results that exist")
    return parser


def write_csv(path: Path, rows: Sequence[dict], replace: bool) -> bool:
    """Writes rows, all with the same columns, if there are any; returns whether there are."""
    if not rows:
        return False
    with (
        atomic_write(path, replace) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv_writer(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return True


def position_rows(all_series: Iterable[Series]) -> list[dict]:
    """Returns where each head is in each row of the table, metres; None where not known."""
    rows = []
    for series in all_series:
        if series.places is None or series.deviations is None:
            continue
        x, y, depth = series.places.T * [[1], [1], [-1]]
        figures = np.stack([x, y, depth, depth * series.deviations], axis=1)
        for row, place in zip(series.rows, figures, strict=True):
            known = [None if np.isnan(value) else round(float(value), 3) for value in place]
            rows.append(
                {
                    **{name: row.get(name) for name in ("file", "head", "track", "frame", "time")},
                    **dict(zip(PLACE, known, strict=True)),
                }
            )
    return rows


def summary_of(series: Series, targets: Sequence[Target]) -> str:
    """Returns what is to be said of a head."""
    name = series.file if series.track is None else f"{series.file} #{series.track}"
    told = [
        f"{row['target']} {100 * row['share']:.0f} %"
        for row in shares_of(series, targets)
        if row["share"] and row["rows"]
    ]
    return f"{name}: {', '.join(told) or 'not known'}"


def is_own(result: Path) -> bool:
    """Tells whether a file is one that this command may have written: of tables by their heads."""
    if result.suffix != ".csv":
        return result.exists()
    try:
        with result.open(encoding="utf-8") as file:
            return file.readline().startswith(HEADERS[result.name])
    except (OSError, UnicodeDecodeError):
        return False


def results_in(folder: Path) -> list[Path]:
    """Returns all that this command may write there."""
    names = (SHARES, EVENTS, POSITIONS, PAIRS, TIMELINE, DIRECTIONS)
    return [folder / name for name in names]


def check_results(folder: Path, overwrite: bool) -> None:
    """Stops where results would be lost.

    Raises:
        HeadposeError: If there are any, and they are not to be written over.
    """
    there = [path for path in results_in(folder) if path.exists()]
    if there and not overwrite:
        raise HeadposeError(f"{there[0]} exists; add --overwrite or name another --output")


def check_once(tables: Sequence[str]) -> None:
    """Stops where a table is given twice: its looks would count twice.

    Raises:
        HeadposeError: If one is.
    """
    places = [os.path.realpath(table) for table in tables]
    for table, place in zip(tables, places, strict=True):
        if places.count(place) > 1:
            raise HeadposeError(f"{table}: given twice; give each table once")


def read_tables(tables: Sequence[str]) -> list[Row]:
    """Reads tables of heads, none of which tells of a file that another one tells of.

    Raises:
        HeadposeError: If two do: heads of two videos of one name would become one, and tracks
            of two calls have nothing in common but their numbers.
    """
    rows: list[Row] = []
    told_by: dict[tuple, str] = {}
    for table in tables:
        found = read_table(table, NEEDED)
        # Pictures of an archive may be of one file, whose shards have a table each.
        places = {(str(row["file"]), row.get("key")): table for row in found}
        for place in places:
            if place in told_by:
                raise HeadposeError(
                    f"{place[0]} is in {told_by[place]} and in {table}, and their heads cannot be "
                    "told apart; attend to each table by itself, or make one of a folder above both"
                )
        told_by |= places
        rows += found
    return rows


def draw(
    folder: Path,
    all_series: Sequence[Series],
    events: Sequence[Event],
    targets: Sequence[Target],
    replace: bool,
) -> None:
    """Draws the pictures, and says whom they do not show."""
    from headpose.attention import figures

    shown = figures.drawn_first(all_series, figures.MAX_HEADS)
    heads = {(one.file, one.track) for one in shown}
    if events:
        of_shown = [event for event in events if (event.file, event.track) in heads]
        figures.draw_timeline(folder / TIMELINE, of_shown, targets, replace)
    figures.draw_directions(folder / DIRECTIONS, shown, targets, replace)
    if len(shown) < len(all_series):
        print(
            f"the pictures show {len(shown)} of {len(all_series)} heads and photos: tracks first, "
            f"of these the longest in view; {SHARES} has all"
        )


def write_results(
    folder: Path, arguments: argparse.Namespace, all_series, targets, shortest: float
) -> list:
    """Writes all tables and figures; returns the events.

    Raises:
        HeadposeError: If there are results that must not be replaced.
    """
    check_outputs(results_in(folder), [*arguments.tables, arguments.targets])
    check_results(folder, arguments.overwrite)
    is_ours = is_own(folder / SHARES)
    events = [event for one in all_series for event in events_of(one, shortest)]
    pairs = facing_pairs(all_series, arguments.within) if arguments.fov else []
    tables = {
        SHARES: [row for one in all_series for row in shares_of(one, targets)],
        EVENTS: [dataclasses.asdict(event) for event in events],
        POSITIONS: position_rows(all_series),
        PAIRS: pairs,
    }
    replace = arguments.overwrite
    made = {name: write_csv(folder / name, rows, replace) for name, rows in tables.items()}
    if not arguments.no_figures:
        draw(folder, all_series, events, targets, replace)
    # What an earlier call had and this one has not; only now is there something in its place.
    figures = not arguments.no_figures
    made |= {TIMELINE: figures and bool(events), DIRECTIONS: figures}
    for name, is_new in made.items():
        if is_ours and not is_new and is_own(folder / name):
            (folder / name).unlink()
            print(f"removed {folder / name}, an earlier result that this call does not have")
    return events


def main() -> int:
    arguments = options().parse_args()
    targets = [camera(arguments.within)]
    if arguments.targets:
        targets += load_targets(arguments.targets, arguments.within)
    check_once(arguments.tables)
    rows = read_tables(arguments.tables)
    looking = Looking(
        targets, arguments.max_error, not arguments.raw, arguments.fov, arguments.shortest
    )
    all_series = series_of(rows, looking)
    if not all_series:
        raise HeadposeError(f"{', '.join(arguments.tables)}: no heads in it")
    if arguments.shortest != SHORTEST and all(one.times is None for one in all_series):
        cl.warn("--shortest is of events in videos; here are no times, and so no events")
    if not arguments.no_figures:
        from headpose.attention.figures import check_figures

        check_figures()
    folder = writable_folder(arguments.output)
    outlive_reader(folder)
    with sole_user(folder):
        events = write_results(folder, arguments, all_series, targets, looking.shortest)
    for one in all_series:
        cl.tell(summary_of(one, targets))
    print(f"{len(all_series)} heads or photos, {len(events)} events -> {folder}")
    return 0
