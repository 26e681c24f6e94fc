"""The tables of `run.py` in Markdown."""

import statistics
from collections.abc import Sequence

from accuracy import within_bounds
from runner import CALLS, HEADS, PICTURES
from start_up import STEPS
from variants import DEFAULT, REFERENCE, VARIANTS, title

from headpose.cli.markdown import markdown_table

NOTHING = "-"
# What the front page calls the variants that it shows; eight bits are added if they are good.
FRONT_ROWS = {
    DEFAULT: "ours (ONNX Runtime)",
    REFERENCE: "ours in Keras",
    "ssd512-published": "the published networks: SSD512 + 6/32/1/512",
    "yunet-fsanet": "YuNet + FSA-Net",
    "cascades-published": "OpenCV's cascades + 6/32/1/512",
}


def number(value: float | None, form: str, factor: float = 1) -> str:
    """Returns a number as a cell; a dash where it is not known."""
    return NOTHING if value is None else format(value * factor, form)


def median(values: Sequence[float] | None) -> float | None:
    return statistics.median(values) if values else None


def frames_a_second(row: dict) -> float | None:
    return median(row.get("video", {}).get("frames a second"))


def difference_cell(difference: dict | None) -> str:
    """Returns mean and largest difference, and how many heads only one detector found."""
    if difference is None:
        return NOTHING
    text = f"{difference['mean']:.3f} / {difference['largest']:.3f}"
    unmatched = difference.get("unmatched")
    return f"{text} ({unmatched} unmatched)" if unmatched else text


def variants_table(results: dict[str, dict]) -> str:
    """Returns a row for each variant, with its figures of `runner`."""
    head = ["variant", "first photo, s"]
    head += [f"{n} picture{'s' * (n > 1)}, ms" for n in PICTURES]
    head += [f"{n} head{'s' * (n > 1)}, ms" for n in HEADS] + ["photo, ms"]
    head += ["video, frames/s", "peak MB", "files MB"]
    head += ["angles off, mean / max", "boxes off px, mean / max"]
    rows = []
    for name, row in results.items():
        cells = [title(name), number(median(row.get("first photo, seconds")), ".2f")]
        for method, count in CALLS:
            seconds = median(row.get(f"{method} {count}, seconds"))
            cells.append(number(seconds, ".2f" if method == "estimate" else ".1f", 1000))
        cells.append(number(frames_a_second(row), ".1f"))
        cells.append(number(row.get("peak bytes"), ".0f", 1e-6))
        cells.append(number(row.get("file bytes"), ".1f", 1e-6))
        cells += [difference_cell(row.get(key)) for key in ("angles off", "boxes off")]
        rows.append(cells)
    return markdown_table(head, rows)


def networks_table(networks: Sequence[dict]) -> str:
    """Returns a row for each network, see `network_sizes.rows`."""
    rows = [
        [
            row["network"],
            row["input"],
            number(row["parameters"], ","),
            number(row["multiply-adds"], ".1f", 1e-6),
        ]
        for row in networks
    ]
    return markdown_table(["network", "input", "parameters", "multiply-adds, millions"], rows)


def steps_table(steps: dict[str, dict]) -> str:
    """Returns a row for each step of the demo, a column for each way to call it, in ms."""
    rows = [
        [step, *(number(taken[step], ".0f", 1000) for taken in steps.values())]
        for step in (*STEPS, "whole")
    ]
    return markdown_table(["step, ms", *(f"`{command}`" for command in steps)], rows)


def good_int8(results: dict[str, dict]) -> str | None:
    """Returns the eight-bit variant that is nearest to the reference.

    Of those that keep their bounds and are faster than the default.
    """
    default = results.get(DEFAULT, {})

    def photo(row: dict) -> float:
        return one_head(row) or float("inf")

    good = [
        name
        for name, row in results.items()
        if VARIANTS[name].int8 and within_bounds(name, row) and photo(row) < photo(default)
    ]
    return min(good, key=lambda name: results[name]["angles off"]["mean"], default=None)


def one_head(row: dict) -> float | None:
    """Returns the seconds of a photo with one head: detector and estimator in a row."""
    return median(row.get("photo 1, seconds"))


def front_table(results: dict[str, dict]) -> str:
    """Returns the short table of the front page."""
    shown = dict(FRONT_ROWS)
    if eight_bits := good_int8(results):
        after = (DEFAULT, REFERENCE)
        kept = {name: shown.pop(name) for name in after}
        shown = kept | {eight_bits: f"ours with eight bits ({eight_bits.split('-')[0]})"} | shown
    head = ["", "first photo, s", "photo with 1 head, ms", "video, frames/s", "files MB"]
    rows = []
    for name, shown_as in shown.items():
        if (row := results.get(name)) is None:
            continue
        cells = [shown_as, number(median(row.get("first photo, seconds")), ".2f")]
        cells.append(number(one_head(row), ".1f", 1000))
        cells.append(number(frames_a_second(row), ".0f"))
        cells.append(number(row.get("file bytes"), ".1f", 1e-6))
        rows.append(cells)
    return markdown_table(head, rows)
