"""Pictures of what heads look at: a timeline, and where each nose points."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from headpose.attention.events import Event
from headpose.attention.series import Series
from headpose.attention.targets import CAMERA, ELSEWHERE, UNKNOWN, Target
from headpose.errors import HeadposeError
from headpose.geometry.angles import wrap_degrees
from headpose.images.figures import save

# Okabe and Ito's colours, which people with any kind of colour blindness can tell apart.
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
PLAIN = {ELSEWHERE: "#bbbbbb", UNKNOWN: "#eeeeee"}
BIN = 15  # degrees of a direction histogram
MAX_HEADS = 40  # tracks and photos in a picture


def check_figures() -> None:
    """Makes sure that pictures can be drawn.

    Raises:
        HeadposeError: If matplotlib is missing.
    """
    if not importlib.util.find_spec("matplotlib"):
        raise HeadposeError(
            "pictures of attention need matplotlib: pip install matplotlib, or add --no-figures"
        )


def drawn_first(all_series: Sequence[Series], at_most: int) -> list[Series]:
    """Returns what the pictures show: tracks before photos, and of too many the longest in view.

    A photo is one moment, so that its histogram says little. What is kept stays in the order
    of the table.

    Args:
        all_series: Of a table.
        at_most: As many.
    """
    in_order = sorted(all_series, key=lambda series: series.track is None)
    ranked = sorted(
        range(len(in_order)),
        key=lambda i: (in_order[i].track is None, -float(in_order[i].steps.sum())),
    )
    return [in_order[i] for i in sorted(ranked[:at_most])]


def colours_of(targets: Sequence[Target]) -> dict[str, str]:
    """Returns a colour for each target."""
    named = {target.name: COLOURS[i % len(COLOURS)] for i, target in enumerate(targets)}
    return named | PLAIN


def draw_timeline(
    path: Path, events: Sequence[Event], targets: Sequence[Target], replace: bool = True
) -> None:
    """Draws what each head looks at over time: a bar for each head, a colour for each target.

    Args:
        path: The picture to write.
        events: Of the heads to show, see `drawn_first`.
        targets: In the order of the legend.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    heads = list(dict.fromkeys((event.file, event.track) for event in events))
    colours = colours_of(targets)
    figure = Figure(figsize=(10, 1.2 + 0.32 * len(heads)), layout="constrained")
    axes = figure.subplots()
    for row, head in enumerate(heads):
        for event in events:
            if (event.file, event.track) == head:
                axes.barh(
                    row, event.end - event.start, 0.8, event.start, color=colours[event.target]
                )
    several = len({file for file, _ in heads}) > 1
    labels = [f"{Path(f).name} #{t}" if several else f"#{t}" for f, t in heads]
    axes.set_yticks(range(len(heads)), labels)
    axes.invert_yaxis()
    axes.set_xlabel("seconds")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(
        [Patch(color=colour) for colour in colours.values()],
        list(colours),
        loc="outside upper center",
        ncols=min(7, len(colours)),
    )
    save(figure, path, replace)


def direction_histogram(azimuth: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the share of time of each `BIN` degrees of azimuth, from -180 on.

    Args:
        azimuth: Degrees (N,); NaN is left out.
        weights: Seconds (N,).
    """
    known = ~np.isnan(azimuth)
    wrapped = wrap_degrees(azimuth[known])
    edges = np.arange(-180, 181, BIN)
    counts, _ = np.histogram(wrapped, edges, weights=weights[known])
    total = counts.sum()
    return counts / total if total else counts


def draw_directions(
    path: Path, shown: Sequence[Series], targets: Sequence[Target], replace: bool = True
) -> None:
    """Draws where each nose points, seen from above: the camera is below, as in the picture.

    Bars are the shares of time of each direction; a line marks each target that is a direction.

    Args:
        path: The picture to write.
        shown: The heads to show, see `drawn_first`.
        targets: Those that are directions are marked.
    """
    from matplotlib.figure import Figure

    columns = min(4, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(3.2 * columns, 3.4 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, subplot_kw={"projection": "polar"}, squeeze=False)
    colours = colours_of(targets)
    middles = np.radians(np.arange(-180, 180, BIN) + BIN / 2)
    for axes, series in zip(grid.flat, shown, strict=False):
        # Zero, toward the camera, points down; the image's left is on the left.
        axes.set_theta_zero_location("S")
        axes.set_theta_direction(-1)
        shares = direction_histogram(series.azimuth, series.steps)
        axes.bar(middles, shares, np.radians(BIN), color="#56b4e9", edgecolor="white")
        for target in targets:
            if target.direction is not None:
                azimuth = np.radians(target.direction[0])
                top = max(float(shares.max(initial=0)), 1e-6)
                axes.plot([azimuth, azimuth], [0, top], color=colours[target.name], linewidth=2)
        axes.set_yticklabels([])
        axes.set_xticks(np.radians([0, 90, 180, 270]), [CAMERA, "left", "away", "right"])
        axes.tick_params(labelsize=7)
        name = "" if series.track is None else f" #{series.track}"
        axes.set_title(f"{Path(series.file).name}{name}", fontsize=9)
    for axes in list(grid.flat)[len(shown) :]:
        axes.set_axis_off()
    save(figure, path, replace)
