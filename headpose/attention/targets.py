"""What heads may look at: the camera, directions, parts of the picture, other people."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headpose.errors import HeadposeError, first_line, reason
from headpose.files import check_readable, number, parse_toml

CAMERA = "camera"
ELSEWHERE, UNKNOWN = "elsewhere", "unknown"
# Degrees. A nose is no eye: of people who were free to move, 83 % of the eyes' jumps were
# smaller than 15 degrees, and the head did the rest (Malinov et al., "Characteristics of
# saccades and vergence in two kinds of sequential looking tasks", Vision Research 40, 2000).
WITHIN = 15.0
KINDS = ("direction", "region", "track")


@dataclasses.dataclass(frozen=True)
class Target:
    """Something to look at.

    Attributes:
        name: What it is called in tables.
        within: Degrees that a nose may point beside it.
        direction: Azimuth and elevation in degrees, if it is a direction.
        region: xmin, ymin, xmax, ymax in pixels, if it is a part of the picture; its middle
            is looked at, at the same distance from the camera as the head.
        track: Number of a head, if it is another person.
    """

    name: str
    within: float = WITHIN
    direction: tuple[float, float] | None = None
    region: tuple[float, float, float, float] | None = None
    track: int | None = None


def camera(within: float = WITHIN) -> Target:
    """Returns the camera as a target."""
    return Target(CAMERA, within, direction=(0.0, 0.0))


def load_targets(path: str | Path, within: float = WITHIN) -> list[Target]:
    """Reads targets from a TOML file, which has a table for each.

    For example::

        [screen]
        direction = [30, -10]          # azimuth, elevation in degrees
        within = 20

        [door]
        region = [0, 100, 80, 400]     # xmin, ymin, xmax, ymax in pixels

        [teacher]
        track = 2                      # another head, by its number

    Args:
        path: The file.
        within: Degrees for targets that say nothing of it.

    Raises:
        HeadposeError: If it cannot be read or says something else.
    """
    check_readable(path)
    try:
        content = parse_toml(Path(path).read_bytes())
    except OSError as error:
        raise HeadposeError(f"{path}: {reason(error)}") from error
    except ValueError as error:
        raise HeadposeError(f"{path}: no TOML ({first_line(error)})") from error
    if not content:
        raise HeadposeError(f"{path}: no targets; write a table such as [screen] for each")
    return [_target(f"{path}: {name}", name, given, within) for name, given in content.items()]


def _target(where: str, name: str, given: Any, within: float) -> Target:
    if not isinstance(given, Mapping):
        raise HeadposeError(f"{where}: no target; write a table such as [{name}]")
    unknown = set(given) - {"within", *KINDS}
    if unknown:
        known = ", ".join(("within", *KINDS))
        raise HeadposeError(f"{where}: {', '.join(sorted(unknown))} is not known; give {known}")
    if name.strip() in (CAMERA, ELSEWHERE, UNKNOWN):
        raise HeadposeError(f"{where}: this name has a meaning of its own; take another")
    kinds = [kind for kind in KINDS if kind in given]
    if len(kinds) != 1:
        raise HeadposeError(f"{where}: give one of {', '.join(KINDS)}")
    reach = _numbers(where, "within", [given.get("within", within)], 1)[0]
    if not 0 < reach <= 180:
        raise HeadposeError(f"{where}: within is {reach:g}; give degrees above 0, up to 180")
    if kinds == ["track"]:
        (track,) = _numbers(where, "track", [given["track"]], 1)
        if track != int(track):
            raise HeadposeError(f"{where}: track is {track:g}; give a whole number")
        return Target(name, reach, track=int(track))
    if kinds == ["direction"]:
        azimuth, elevation = _numbers(where, "direction", given["direction"], 2)
        if abs(azimuth) > 360 or abs(elevation) > 90:
            raise HeadposeError(
                f"{where}: direction is {azimuth:g}, {elevation:g}; give an azimuth within a turn "
                "and an elevation from -90 to 90"
            )
        return Target(name, reach, direction=(azimuth, elevation))
    x0, y0, x1, y1 = _numbers(where, "region", given["region"], 4)
    if x1 <= x0 or y1 <= y0:
        raise HeadposeError(f"{where}: region has no area; give xmin, ymin, xmax, ymax")
    return Target(name, reach, region=(x0, y0, x1, y1))


def _numbers(where: str, key: str, values: Any, count: int) -> list[float]:
    right = isinstance(values, list) and len(values) == count
    if not right or any(isinstance(v, bool) or not isinstance(v, int | float) for v in values):
        what = "a number" if count == 1 else f"{count} numbers"
        raise HeadposeError(f"{where}: {key} must be {what}")
    try:
        found = [number(value) for value in values]
    except ValueError:
        found = [math.inf]
    if not all(map(math.isfinite, found)):
        raise HeadposeError(f"{where}: {key} must be finite")
    return found
