"""What `run.py` prints: tables in Markdown, what their columns are, the machine, the command."""

import argparse
import os
import platform
import shlex
from collections.abc import Sequence
from pathlib import Path

from measuring import NOTHING, cell, median
from runner import CALLS, HEADS, PICTURES
from start_up import STEPS
from variants import DEFAULT, EIGHT_BITS, FASTEST, REFERENCE, UNTRAINED, VARIANTS, title

from headpose.cli import doctor
from headpose.cli.markdown import markdown_table
from headpose.models.keras_setup import cpu_flags

PACKAGES = (
    *("tensorflow", "keras", "onnxruntime", "openvino", "opencv-python", "ai-edge-litert"),
    *("numpy", "av"),
)
# What the front page calls the variants that it shows.
FRONT_ROWS = {
    DEFAULT: "ours (ONNX Runtime)",
    EIGHT_BITS: "ours with eight bits (`--precision int8`)",
    FASTEST: "the same, `--detector fast --estimator fast`",
    REFERENCE: "ours in Keras",
    "ssd512-published": "the published networks: SSD512 + 6/32/1/512",
    "yunet-fsanet": "YuNet + FSA-Net",
    "cascades-published": "OpenCV's cascades + 6/32/1/512",
}


def timing_cells(row: dict, video: str) -> list[str]:
    """Returns seconds to the first photo, frames a second in a format, and megabytes of files."""
    rates = row.get("video", {}).get("frames a second")
    return [
        cell(median(row.get("first photo, seconds")), ".2f"),
        cell(median(rates), video),
        cell(row.get("file bytes"), ".1f", 1e-6),
    ]


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
        first, video, files = timing_cells(row, ".1f")
        calls = [
            cell(median(row.get(f"{method} {n}, seconds")), form, 1000)
            for method, n in CALLS
            for form in [".2f" if method == "estimate" else ".1f"]
        ]
        off = [difference_cell(row.get(key)) for key in ("angles off", "boxes off")]
        peak = cell(row.get("peak bytes"), ".0f", 1e-6)
        rows.append([title(name), first, *calls, video, peak, files, *off])
    return markdown_table(head, rows)


def networks_table(networks: Sequence[dict]) -> str:
    """Returns a row for each network, see `network_sizes.rows`."""
    rows = [
        [
            n["network"],
            n["input"],
            cell(n["parameters"], ","),
            cell(n["multiply-adds"], ".1f", 1e-6),
        ]
        for n in networks
    ]
    return markdown_table(["network", "input", "parameters", "multiply-adds, millions"], rows)


def steps_table(steps: dict[str, dict]) -> str:
    """Returns a row for each step of a demo; in the columns the commands that call it, in ms."""
    rows = [
        [step, *(cell(taken[step], ".0f", 1000) for taken in steps.values())]
        for step in (*STEPS, "whole")
    ]
    rows.append(["peak MB", *(cell(taken["peak MB"], ".0f") for taken in steps.values())])
    return markdown_table(["step, ms", *(f"`{command}`" for command in steps)], rows)


def front_table(results: dict[str, dict]) -> str:
    """Returns the short table of the front page."""
    rows = []
    for name, shown in FRONT_ROWS.items():
        if name in results:
            first, video, files = timing_cells(results[name], ".0f")
            photo = cell(median(results[name].get("photo 1, seconds")), ".1f", 1000)
            rows.append([shown, first, photo, video, files])
    head = ["", "first photo, s", "photo with 1 head, ms", "video, frames/s", "files MB"]
    return markdown_table(head, rows)


def legend(arguments: argparse.Namespace, results: dict) -> str:
    """Says what the columns are and on what they were measured."""
    clip = arguments.clip and Path(arguments.clip).name
    untrained = any(VARIANTS[name].estimator in UNTRAINED for name in results)
    parts = {
        "First photo: from the start of a process until the annotated portrait is written, "
        f"median of {arguments.starts}.": arguments.starts,
        "Pictures: 512x384, a size that came up often, to boxes after suppression; heads: crops, "
        "to angles; photo: a picture with one head, to its angles. Milliseconds, medians of "
        f"{arguments.repeats} calls.": True,
        f"Video: {clip}, at most {arguments.frames} frames, read, detected in each, estimated, "
        f"followed, drawn and written, median of {arguments.videos}.": clip and arguments.videos,
        "Peak: memory after four pictures and 32 heads.": True,
        "Off: difference of tilt, pan and roll in degrees, and of the boxes' corners in pixels "
        "(long side 512), from keras-float32.": True,
        f"{' and '.join(UNTRAINED)} are the published system's networks with random weights, "
        "called by `Model.predict`, as in its demos: only their speed counts.": untrained,
    }
    return "\n".join(text for text, wanted in parts.items() if wanted)


def machine_line() -> str:
    """Returns one line about processor and programs."""
    versions = {name: doctor.version_of(name) for name in PACKAGES}
    flags = ", ".join(sorted(cpu_flags().intersection(doctor.VECTOR_UNITS)))
    return (
        f"{doctor.processor_name()}, {os.cpu_count()} cores{f' ({flags})' if flags else ''}, "
        f"{platform.system()}, Python {platform.python_version()}; "
        + ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    )


def command_line(given: Sequence[str], data: Sequence[str], peers: str | None, script: str) -> str:
    """Returns the command that was given, with DATA and PEERS in place of folders.

    Args:
        given: The arguments.
        data: The files and folders of data among them; DATA is the folder that all are in.
        peers: The folder of others among them.
        script: What to call the script.
    """
    places = {peers.rstrip(os.sep): "PEERS"} if peers else {}
    parents = [Path(name).parent for name in data]
    if parents and len({parent.is_absolute() for parent in parents}) == 1:
        places[os.path.commonpath(parents)] = "DATA"
    shown = []
    for argument in given:
        for place in sorted(places.keys() - {"", ".", os.sep}, key=len, reverse=True):
            if argument == place:
                argument = places[place]
            argument = argument.replace(f"{place}{os.sep}", f"{places[place]}{os.sep}")
        # What is elsewhere is nobody's business but its name.
        shown.append(Path(argument).name if Path(argument).is_absolute() else argument)
    return f"python {script} {shlex.join(shown)}".rstrip()
