"""What `run.py` says around its tables."""

import argparse
import os
import platform
import shlex
from collections.abc import Sequence
from pathlib import Path

from variants import UNTRAINED, VARIANTS

from headpose.cli import doctor
from headpose.models.keras_setup import cpu_flags

PACKAGES = (
    *("tensorflow", "keras", "onnxruntime", "openvino", "opencv-python", "ai-edge-litert"),
    *("numpy", "av"),
)


def legend(arguments: argparse.Namespace, results: dict) -> str:
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
        clip = Path(arguments.clip).name if arguments.clip else "a clip that pans over the portrait"
        parts.append(
            f"Video: {clip}, at most {arguments.frames} frames, read, detected in each, estimated, "
            f"followed, drawn and written, median of {arguments.videos}."
        )
    parts.append("Peak: memory after four pictures and 32 heads.")
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


def machine_line() -> str:
    """Returns one line about processor and programs."""
    versions = {name: doctor.version_of(name) for name in PACKAGES}
    flags = ", ".join(sorted(cpu_flags().intersection(doctor.VECTOR_UNITS)))
    return (
        f"{doctor.processor_name()}, {os.cpu_count()} cores{f' ({flags})' if flags else ''}, "
        f"{platform.system()}, Python {platform.python_version()}; "
        + ", ".join(f"{name} {version}" for name, version in versions.items() if version)
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
