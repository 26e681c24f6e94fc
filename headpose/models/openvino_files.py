"""The two files of an OpenVINO model: `.xml`, and `.bin` with the weights."""

import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from headpose.errors import HeadposeError, reason
from headpose.files import sha256

WEIGHTS_KEY = "headpose_weights"  # under which an .xml has the SHA-256 of its .bin
MAX_XML = 64_000_000  # bytes; those of our networks have some 100,000


def note_in(path: Path, key: str) -> str | None:
    """Returns a note that an `.xml` of OpenVINO has; None if it has none, or is no such file."""
    if path.stat().st_size > MAX_XML:
        raise HeadposeError(f"{path}: more than {MAX_XML / 1e6:.0f} MB, larger than any of ours")
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, ValueError, LookupError):  # the latter of odd encodings
        return None
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read: {reason(error)}") from error
    entry = root.find(f"./rt_info/{key}")
    return None if entry is None else entry.get("value")


def weights_beside(path: Path) -> Path:
    """Returns where the weights of an `.xml` belong: beside what a link leads to."""
    return Path(os.path.realpath(path)).with_suffix(".bin")


def weights_of(path: Path) -> Path:
    """Returns where the weights of an `.xml` are, if they are those that it was written with.

    Files of earlier versions do not say which these are.

    Raises:
        HeadposeError: If they are missing, cut, or another network's.
    """
    weights = path.with_suffix(".bin")
    if not weights.exists():
        weights = weights_beside(path)
    digest = note_in(path, WEIGHTS_KEY)
    try:
        if digest is None or digest == sha256(weights):
            return weights
    except OSError as error:
        raise HeadposeError(
            f"{weights}: {reason(error)}; an .xml needs the .bin that was written with it"
        ) from error
    raise HeadposeError(
        f"{weights}: cut, or of another network than {path.name}; copy both, or remove both and "
        "export the model anew"
    )
