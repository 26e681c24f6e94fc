"""What a sweep found: its table, the networks that nothing beats, and pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from headpose.files import atomic_write, csv_writer
from headpose.images.figures import figure, save
from headpose.training.sweep.driver import Sweep
from headpose.training.sweep.spaces import Space, labels
from headpose.training.sweep.study import state_of, turn

COUNTED, NOTES = ("complete", "stopped"), {"unfit": "unfit", "failed": "error"}
LAST = ("seconds", "note")
TABLE, FRONT_PICTURE, EFFECT_PICTURE = "models.csv", "error-multiply-adds.png", "effects.png"
FILES = (TABLE, FRONT_PICTURE, EFFECT_PICTURE)
LOOKS: dict[str, dict] = {
    "complete": {"color": "tab:blue", "alpha": 0.7, "marker": "o", "ms": 4.7, "ls": ""},
    "stopped": {"color": "tab:gray", "alpha": 0.7, "marker": "x", "ms": 4.7, "mew": 1.5, "ls": ""},
    "front": {"color": "tab:red", "lw": 1.2, "marker": "o", "ms": 5, "zorder": 3},
}


def table(sweep: Sweep) -> list[dict]:
    """Returns a row for each trial that has ended, by number.

    Each has `trial`, `state`, the options that vary, and what `run_trial` returns;
    `note` says why a trial failed or could not be.
    """
    return [
        {
            "trial": trial.number,
            "state": state,
            **{name: trial.params[name] for name in sweep.space.options},
            **trial.user_attrs.get("row", {}),
            "note": trial.user_attrs.get(NOTES[state], "") if state in NOTES else "",
        }
        for trial in sweep.trials()
        if (state := state_of(trial)) != "open"
    ]


def updated(sweep: Sweep) -> list[dict]:
    """Writes the table anew as the study is now, and returns its rows.

    `note` and `seconds`, which are no result, come last.
    """
    with turn(sweep.folder):
        rows = table(sweep)
        names = {name: None for row in rows for name in row if name not in LAST}
        with (
            atomic_write(sweep.folder / TABLE) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv_writer(file, [*names, *LAST], restval="")
            writer.writeheader()
            writer.writerows(rows)
    return rows


def front(rows: Sequence[dict]) -> list[dict]:
    """Returns the trials that no other beats in both error and multiply-adds.

    The Pareto front, by rising multiply-adds. Of equals the one with the lower number
    stays. Trials that were stopped early are left out: their error is not their best.
    """
    whole = [row for row in rows if row["state"] == "complete"]
    whole.sort(key=lambda r: (r["multiply_adds"], r["validation_error"], r["trial"]))
    best, lowest = [], np.inf
    for row in whole:
        if row["validation_error"] < lowest:
            best.append(row)
            lowest = row["validation_error"]
    return best


def name_of(row: dict, space: Space) -> str:
    """Names a trial by the values of the options that vary: 6/32/1/512."""
    values = (row[name] for name in space.options)
    return "/".join(f"{v:.3g}" if isinstance(v, float) else str(v) for v in values)


def draw(folder: Path, rows: Sequence[dict], space: Space) -> None:
    """Draws error against multiply-adds, and each option's effect."""
    counted = [row for row in rows if row["state"] in COUNTED]
    if counted:
        _draw_front(folder / FRONT_PICTURE, counted, space)
        _draw_effects(folder / EFFECT_PICTURE, counted, space)


def _draw_front(path: Path, rows: Sequence[dict], space: Space) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    drawing, axes = figure(8, 5.5)
    best = front(rows)
    shown = {state: [row for row in rows if row["state"] == state] for state in COUNTED}
    for name, some in {**shown, "front": best}.items():
        if some:
            across = [row["multiply_adds"] / 1e6 for row in some]
            up = [row["validation_error"] for row in some]
            axes.plot(across, up, label=name, **LOOKS[name])
    for i, row in enumerate(best):
        axes.annotate(
            name_of(row, space),
            (row["multiply_adds"] / 1e6, row["validation_error"]),
            # Neighbours' names stand on different sides of the line, which falls.
            xytext=(-6, -11) if i % 2 else (6, 5),
            ha="right" if i % 2 else "left",
            textcoords="offset points",
            fontsize=8,
        )
    axes.set(
        xscale="log",
        xlabel="multiply-adds of a crop, millions",
        ylabel="validation error, degrees",
    )
    axes.set_title(f"{space.name}: named by {'/'.join(space.options)}", fontsize=10)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.12, y=0.12)
    axes.grid(alpha=0.3)
    axes.legend()
    save(drawing, path)


def _draw_effects(path: Path, rows: Sequence[dict], space: Space) -> None:
    """Draws a panel for each option: every trial's error, and the median at each value."""
    from matplotlib.figure import Figure

    columns = min(len(space.options), 3)
    lines = -(-len(space.options) // columns)
    drawing = Figure(figsize=(4.2 * columns, 3.4 * lines), layout="constrained")
    panels = drawing.subplots(lines, columns, squeeze=False, sharey=True)
    errors = np.array([row["validation_error"] for row in rows])
    # Sideways, so that points do not hide each other.
    scatter = np.random.default_rng(0).uniform(-0.15, 0.15, len(rows))
    for axes, (name, values) in zip(panels.flat, space.options.items(), strict=False):
        across, colours = np.array([row[name] for row in rows]), ["C0"] * len(rows)
        if isinstance(values, tuple):
            listed = labels(values)
            places = np.array([listed.index(row[name]) for row in rows])
            for place in set(places):
                median = np.median(errors[places == place])
                axes.hlines(median, place - 0.3, place + 0.3, color="black", lw=1.5)
            axes.set_xticks(range(len(listed)), map(str, listed))
            axes.set_xlim(-0.6, len(listed) - 0.4)
            across, colours = places + scatter, [f"C{place}" for place in places]
        elif values.log:
            axes.set_xscale("log")
        axes.scatter(across, errors, s=14, alpha=0.6, c=colours)
        axes.set_xlabel(name)
        axes.grid(alpha=0.3)
    for axes in panels[:, 0]:
        axes.set_ylabel("validation error, degrees")
    for axes in panels.flat[len(space.options) :]:
        axes.set_visible(False)
    save(drawing, path)
