"""What `run.py` says around its tables, and writing them between marks in a file."""

import argparse
import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from variants import UNTRAINED, VARIANTS

from headpose.errors import HeadposeError
from headpose.files import atomic_write


def left_out(arguments: argparse.Namespace, about: dict) -> Iterator[str]:
    """Says which measures were left out, and what to give for them."""
    if not arguments.detection_data:
        yield "left out: average precision (give --detection-data)"
    if not arguments.pose_data:
        yield "left out: errors of tilt and pan (give --pose-data)"
    if not about["compared"]:
        yield "left out: differences (they are from keras-float32, which did not run)"


def legend(arguments: argparse.Namespace, about: dict, results: dict) -> str:
    """Says what the columns are and on what they were measured."""
    parts = []
    if arguments.starts:
        parts.append(
            "First photo: from the start of a process until the annotated portrait is written, "
            f"median of {arguments.starts}."
        )
    parts.append(
        "Pictures: 512x384, to boxes after suppression; heads: crops, to angles; photo: a "
        "picture with one head, to its angles. Milliseconds, medians of "
        f"{arguments.repeats} calls."
    )
    if arguments.videos:
        clip = about["clip"] or "a clip that pans over the portrait"
        parts.append(
            f"Video: {clip}, at most {arguments.frames} frames, read, detected in each, estimated, "
            f"followed, drawn and written, median of {arguments.videos}."
        )
    parts.append("Peak: memory after four pictures and 32 heads.")
    if found := about.get("detection"):
        parts.append(
            f"AP: average precision at IoU 0.5 on {found['pictures']} pictures with "
            f"{found['heads']} heads."
        )
    for name, heads in about["poses"].items():
        parts.append(f"{name}: mean errors in degrees on {heads} labelled heads.")
    parts.append(
        "Off: difference of tilt, pan and roll in degrees, and of the boxes' corners in pixels "
        "(long side 512), from keras-float32."
    )
    if any(VARIANTS[name].estimator in UNTRAINED for name in results):
        parts.append(
            f"{' and '.join(UNTRAINED)} are the published system's networks with random weights, "
            "called by `Model.predict`, as in its demos: only their speed counts."
        )
    return "\n".join(parts)


def machine_line(machine: dict) -> str:
    """Returns one line about processor and programs."""
    flags = f" ({', '.join(machine['flags'])})" if machine["flags"] else ""
    system = machine["system"].partition("-")[0]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores{flags}, {system}, "
        f"Python {machine['python']}; {versions}"
    )


def command_line(
    arguments: Sequence[str], data: Sequence[str], peers: str | None, script: str
) -> str:
    """Returns the command that was given, with DATA and PEERS in place of folders.

    Args:
        arguments: What was given.
        data: The files and folders of data among it, as they were given.
        peers: The folder of others, as it was given.
        script: What to call the script.
    """
    places = {peers.rstrip(os.sep): "PEERS"} if peers else {}
    if root := common_folder(data):
        places[root] = "DATA"
    shown = []
    for argument in arguments:
        for place in sorted(places, key=len, reverse=True):
            inside = f"{place}{os.sep}"
            if argument == place:
                argument = places[place]
            argument = argument.replace(inside, f"{places[place]}{os.sep}")
        # What is elsewhere is nobody's business but its name.
        shown.append(Path(argument).name if Path(argument).is_absolute() else argument)
    return f"python {script} {shlex.join(shown)}".rstrip()


def common_folder(data: Sequence[str]) -> str | None:
    """Returns the folder that all data are in; None if there is no such folder."""
    try:
        folder = os.path.commonpath([Path(name).parent for name in data])
    except ValueError:  # none at all, or relative and absolute ones
        return None
    return folder if folder not in (".", "", os.sep) else None


def replaced(path: Path, marks: tuple[str, str], text: str) -> str:
    """Returns a file's content with other text between two marks.

    Raises:
        HeadposeError: If the file or a mark is missing.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read; --write needs it") from error
    begin, end = marks
    first, last = content.find(begin), content.find(end)
    if first < 0 or last < first:
        raise HeadposeError(f"{path}: has no {begin} and {end} to write between; add these lines")
    return f"{content[: first + len(begin)]}\n{text.strip()}\n{content[last:]}"


def write_between(path: Path, marks: tuple[str, str], text: str) -> None:
    """Replaces what a file has between two marks; see `replaced`."""
    content = replaced(path, marks, text)
    with atomic_write(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
