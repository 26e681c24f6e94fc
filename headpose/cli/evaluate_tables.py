"""What `headpose evaluate` tells of an estimator: as text, and as tables for documents."""

import math
from collections.abc import Sequence

from headpose.cli.markdown import cell, markdown_table

OVERVIEW = (
    *("data set", "estimator", "heads", "tilt", "pan", "mean", "roll", "off", "median"),
    *("slope of pan", "away, ROC", "expected", "rank correlation"),
)
BY_PAN = ("estimator", "&#124;pan&#124;", "heads", "off", "median", "expected")


def show(name: str, row: dict) -> None:
    """Prints the figures of one estimator on one data set."""
    from headpose.pose.metrics import SHARES

    print(f"{name}: {row['ms a head']:.2f} ms a head, {row['ms a single head']:.2f} ms alone")
    errors = row["errors"]
    angles = ["tilt", "pan", "mean"]
    angles += [a for a in ("roll", "geodesic", "geodesic median") if a in errors["all"]]
    titles = {"geodesic": "turn", "geodesic median": "median"}
    head = "".join(f"{titles.get(a, a):>8}" for a in angles) + f"{'off':>8}{'median':>8}"
    trust = row.get("reliability")
    head += f"{'expected':>10}" if trust else ""
    head += "".join(f"{f'< {limit}':>8}" for limit in SHARES)
    print(f"  {'|pan|':8}{'heads':>7}{head}")
    for label, part in errors.items():
        if not part["heads"]:
            continue
        cells = [cell(part.get(a, math.nan)) for a in angles]
        cells += [
            cell(row[k].get(label, math.nan)) for k in ("turn or nose", "turn or nose median")
        ]
        cells = [f"{text:>8}" for text in cells]
        cells += [f"{trust[label]['expected']:10.2f}"] if trust else []
        cells += [f"{cell(part[f'both under {s}'], '.1%'):>8}" for s in SHARES]
        print(f"  {label:8}{part['heads']:7d}" + "".join(cells))
    show_single(row)


def show_single(row: dict) -> None:
    """Prints the figures that are single numbers."""
    for label, value in row.items():
        told = isinstance(value, float) and not math.isnan(value)
        if told and not label.startswith("ms "):
            print(f"  {label}: {value:.3f}")
    if "reliability" in row:
        value = row["reliability"]["all"]["rank correlation"]
        print(f"  rank correlation of expected and true error: {value:.3f}")


def overview(rows: Sequence[dict]) -> str:
    """Returns a Markdown table with a row for each data set and estimator.

    Args:
        rows: As `headpose.baselines.evaluation.figures` makes them, with `dataset` and
            `estimator`.
    """
    return markdown_table(OVERVIEW, [_overview_cells(row) for row in rows])


def _overview_cells(row: dict) -> list[str]:
    whole = row["errors"]["all"]
    trust = row.get("reliability", {}).get("all", {})
    degrees = [whole[a] for a in ("tilt", "pan", "mean")]
    degrees += [whole.get("roll", math.nan), row["turn or nose"]["all"]]
    degrees += [row["turn or nose median"]["all"]]
    shares = [row["slope of pan"], row.get("away, area under ROC", math.nan)]
    return [
        row["dataset"],
        row["estimator"],
        str(whole["heads"]),
        *(cell(value) for value in degrees),
        *(cell(value, ".3f") for value in shares),
        cell(trust.get("expected", math.nan)),
        cell(trust.get("rank correlation", math.nan), ".3f"),
    ]


def by_pan(rows: Sequence[dict]) -> str:
    """Returns a Markdown table with a row for each estimator and range of the labelled |pan|.

    Args:
        rows: One for each estimator, see `overview`.
    """
    cells = [
        [
            row["estimator"],
            label,
            str(part["heads"]),
            cell(row["turn or nose"][label]),
            cell(row["turn or nose median"][label]),
            cell(row.get("reliability", {}).get(label, {}).get("expected", math.nan)),
        ]
        for row in rows
        for label, part in row["errors"].items()
        if part["heads"]
    ]
    return markdown_table(BY_PAN, cells)
