"""Sources of a training run in a TOML file, each with its share of the examples."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headpose.datasets.label_tables import PARTS, SourceName, path_exists
from headpose.errors import HeadposeError
from headpose.files import check_readable, number, parse_toml

FLAGS = ("incomplete", "mine")  # of sources, true or false
_SETTINGS = {"path", "part", "share", "pitch_down", *FLAGS}  # of a source in a .toml


def check_root(names: Sequence[str], root: Path | None) -> None:
    """Refuses a folder for the paths of configurations where none is named.

    Raises:
        HeadposeError: If there is such a folder, and no name ends in `.toml`.
    """
    if root and not any(name.endswith(".toml") for name in names):
        raise HeadposeError("--data-root is for the paths in a .toml; leave it out")


def read_configuration(path: Path, root: Path | None = None) -> dict[str, list[SourceName]]:
    """Reads a TOML file of sources: tables [[train]], [[validation]] and [[test]].

    Each has `path` and, where wanted, `part`, `share`, `pitch_down` and `FLAGS` (see
    `SourceName`). A path may end with `#PART`, too.

    Args:
        path: The file.
        root: Folder that paths start from; None takes the file's.

    Raises:
        HeadposeError: If it is missing, no TOML, or has something else in it.
    """
    check_readable(path)
    try:
        content = parse_toml(path.read_bytes())
    except FileNotFoundError as error:
        raise HeadposeError(f"{path}: no such file") from error
    except ValueError as error:
        raise HeadposeError(f"{path}: not a TOML file ({error})") from error
    sources: dict[str, list[SourceName]] = {part: [] for part in PARTS}
    for part, rows in content.items():
        if part not in PARTS or not isinstance(rows, list):
            raise HeadposeError(f"{path}: only [[train]], [[validation]] and [[test]] belong there")
        for row in rows:
            if not _is_source(row):
                raise HeadposeError(
                    f"{path}: a source has path and perhaps part, a positive share, "
                    f"pitch_down in degrees, {' and '.join(FLAGS)} (true or false), not {row}"
                )
            place, section = _below(root or path.parent, row["path"]), row.get("part", "")
            if "#" in place.name and not section and not path_exists(str(place)):
                name, _, section = place.name.rpartition("#")
                place = place.with_name(name)
            share, down = float(row.get("share", 1)), float(row.get("pitch_down", 0))
            flags = {name: row.get(name, False) for name in FLAGS}
            named = SourceName(place, section, share, down, **flags)
            sources[part].append(named)
    return sources


def _is_source(row: Any) -> bool:
    """Tells whether a row of a configuration has what a source has, and nothing else."""
    if not isinstance(row, dict) or not set(row) <= _SETTINGS:
        return False
    texts = (row.get("path"), row.get("part", ""))
    flags = (row.get(name, False) for name in FLAGS)
    try:
        share, down = (number(row.get(n, i)) for n, i in (("share", 1), ("pitch_down", 0)))
    except (TypeError, ValueError):
        return False
    right = all(isinstance(text, str) for text in texts)
    right = right and all(isinstance(flag, bool) for flag in flags)
    return right and share > 0 and math.isfinite(share) and math.isfinite(down)


def _below(root: Path, text: str) -> Path:
    """Returns a path below a folder; of `NAME:PATH`, the path is what starts from there."""
    name, _, place = text.partition(":")
    if not place or "/" in name or len(name) < 2 or (root / text).exists():
        return root / text
    return Path(f"{name}:{root / place}")
