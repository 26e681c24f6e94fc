"""What a sweep found: its table, the networks that nothing beats, and pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from headpose.files import atomic_write, csv_writer
from headpose.images.figures import figure, save
from headpose.training.sweep.driver import Sweep
from headpose.training.sweep.spaces import Range, Space, label
from headpose.training.sweep.study import FINISHED, state_of, turn

COUNTED = ("complete", "stopped")
TABLE, FRONT_PICTURE, EFFECT_PICTURE = "models.csv", "error-multiply-adds.png", "effects.png"
FILES = (TABLE, FRONT_PICTURE, EFFECT_PICTURE)


def table(sweep: Sweep) -> list[dict]:
    """Returns a row for each trial that has ended, by number.

    Each has `trial`, `state`, the options that vary, and what `run_trial` returns;
    `note` says why a trial failed or could not be.
    """
    rows = []
    for trial in sweep.trials():
        state = state_of(trial)
        if state in (*FINISHED, "failed"):
            told = trial.user_attrs
            rows.append(
                {
                    "trial": trial.number,
                    "state": state,
                    **{name: trial.params[name] for name in sweep.space.options},
                    **told.get("row", {}),
                    "note": "" if state in COUNTED else told.get("unfit") or told.get("error", ""),
                }
            )
    return rows


def updated(sweep: Sweep) -> list[dict]:
    """Writes the table anew as the study is now, and returns its rows."""
    with turn(sweep.folder):
        rows = table(sweep)
        write_table(sweep.folder / TABLE, rows)
    return rows


def write_table(path: Path, rows: Sequence[dict]) -> None:
    """Writes rows as CSV; `note` and `seconds`, which are no result, come last."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    names = [n for n in names if n not in ("seconds", "note")] + ["seconds", "note"]
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv_writer(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


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
    for state, mark, colour in (("complete", "o", "tab:blue"), ("stopped", "x", "tab:gray")):
        some = [row for row in rows if row["state"] == state]
        if some:
            across, up = _columns(some)
            axes.scatter(across, up, s=22, marker=mark, c=colour, alpha=0.7, label=state)
    best = front(rows)
    if best:
        across, up = _columns(best)
        axes.plot(across, up, color="tab:red", lw=1.2, marker="o", ms=5, label="front", zorder=3)
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
        title=f"{space.name}: named by {'/'.join(space.options)}",
    )
    axes.title.set_fontsize(10)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.12, y=0.12)
    axes.grid(alpha=0.3)
    axes.legend()
    save(drawing, path)


def _columns(rows: Sequence[dict]) -> tuple[list[float], list[float]]:
    return [r["multiply_adds"] / 1e6 for r in rows], [r["validation_error"] for r in rows]


def _draw_effects(path: Path, rows: Sequence[dict], space: Space) -> None:
    """Draws a panel for each option: every trial's error, and the median at each value."""
    from matplotlib.figure import Figure

    columns = min(len(space.options), 3)
    lines = -(-len(space.options) // columns)
    drawing = Figure(figsize=(4.2 * columns, 3.4 * lines), layout="constrained")
    panels = drawing.subplots(lines, columns, squeeze=False, sharey=True).reshape(-1)
    for axes, (name, values) in zip(panels, space.options.items(), strict=False):
        errors = np.array([row["validation_error"] for row in rows])
        if isinstance(values, Range):
            axes.scatter([row[name] for row in rows], errors, s=14, alpha=0.6)
            axes.set_xscale("log" if values.log else "linear")
        else:
            _draw_values(axes, name, values, rows, errors)
        axes.set_xlabel(name)
        axes.grid(alpha=0.3)
    for axes in panels[::columns]:
        axes.set_ylabel("validation error, degrees")
    for axes in panels[len(space.options) :]:
        axes.set_visible(False)
    save(drawing, path)


def _draw_values(axes, name: str, values: tuple, rows: Sequence[dict], errors) -> None:
    labels = [label(value) for value in values]
    scatter = np.random.default_rng(0)  # sideways, so that points do not hide each other
    for place, value in enumerate(labels):
        some = errors[[row[name] == value for row in rows]]
        if len(some):
            axes.scatter(place + scatter.uniform(-0.15, 0.15, len(some)), some, s=14, alpha=0.6)
            axes.hlines(np.median(some), place - 0.3, place + 0.3, color="black", lw=1.5)
    axes.set_xticks(range(len(labels)), [str(v) for v in labels])
    axes.set_xlim(-0.6, len(labels) - 0.4)
