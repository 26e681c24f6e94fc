"""What is wrong with the angles of a table of labels, and with its other numbers."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from headpose.errors import HeadposeError
from headpose.geometry.angles import wrap_degrees
from headpose.geometry.convention_math import ANGLES, within_quarter
from headpose.reporting import logger

if TYPE_CHECKING:
    from headpose.datasets.label_tables import Problems

# Degrees from which an angle is none: more than a whole turn is no direction, and who looks up
# by more than half a one looks down.
HALF, WHOLE = (180.0, "half a turn"), (360.0, "a whole turn")
MAX_ANGLES = {"tilt": HALF, "pan": WHOLE, "roll": WHOLE}
# What programs write where nothing is known.
UNKNOWN = ("", "-", "nan", "na", "n/a", "none", "null")
# Heads from which it is no chance that all angles are within half a turn in radians.
RADIANS_FROM = 20


def with_angles_that_can_be(path: Path, table: pd.DataFrame, problems: "Problems") -> pd.DataFrame:
    """Empties angles that are none, wraps others, and warns where they seem to be radians.

    Those beyond a whole turn, infinite ones too, would spoil a whole mean. A pan or roll told
    from 0 to 360 is wrapped to -180..180, so that 350 is near the front. Of the two sets of
    angles of a rotation (see `headpose.geometry.convention_math`) the one with a tilt within
    -90..90 is taken: programs whose pan is within -90..90 give heads from behind by the other.

    Args:
        path: Of the table, for messages.
        table: Texts, indexed by line number.
        problems: Gets what is emptied.
    """
    for name in (name for name in ANGLES if name in table):
        values = pd.to_numeric(table[name], errors="coerce")
        most, turn = MAX_ANGLES[name]
        wrong = (
            (f"{name} beyond {turn}", values.abs() > most),
            (f"{name} is no number", values.isna() & ~_unknown(table[name])),
        )
        for kind, rows in wrong:
            for line in table.index[rows]:
                problems.add(kind, f"{path.name} line {line}")
            table = table.assign(**{name: table[name].mask(rows, "")})
        beyond = (values.abs() > HALF[0]) & (values.abs() <= most)
        wrapped = pd.Series(wrap_degrees(values.to_numpy(float)), values.index).astype(str)
        table = table.assign(**{name: table[name].mask(beyond, wrapped)})
    table = _with_tilt_within_quarter(table)
    given = [pd.to_numeric(table[name], errors="coerce") for name in ANGLES if name in table]
    if given:
        warn_of_radians(path, pd.concat(given, axis=1).dropna(how="all").to_numpy(float))
    return table


def _with_tilt_within_quarter(table: pd.DataFrame) -> pd.DataFrame:
    """Returns a table in which no head whose pan is known has a tilt beyond 90."""
    if not {"tilt", "pan"} <= set(table):
        return table
    angles = table.reindex(columns=list(ANGLES)).apply(pd.to_numeric, errors="coerce").astype(float)
    rows = (angles["tilt"].abs() > 90) & angles["pan"].notna()
    turned = within_quarter(angles[rows].to_numpy(float), ANGLES.index("tilt"))
    table = table.copy()
    for column, name in enumerate(ANGLES):
        if name in table:
            known = np.isfinite(turned[:, column])
            table.loc[rows[rows].index[known], name] = turned[known, column].astype(str)
    return table


def warn_of_radians(path: Path, angles: np.ndarray) -> None:
    """Warns where all angles are within half a turn in radians, and are no whole numbers.

    Args:
        path: Of the labels, for the message.
        angles: (N, K) of heads, NaN where unknown.
    """
    known = angles[np.isfinite(angles)]
    if len(angles) < RADIANS_FROM or not len(known):
        return
    within = 0.1 < np.abs(known).max() <= np.pi + 1e-6
    if within and (known != np.rint(known)).mean() > 0.5:
        logger.warning(
            "%s: all angles are within %.2f: are they radians? degrees are wanted", path, np.pi
        )


def check_radians(path: Path, radians: np.ndarray) -> None:
    """Refuses labels in radians of which most are beyond a whole turn, as degrees are.

    Args:
        path: Of the labels, for the message.
        radians: (N, K) of heads, NaN where unknown.

    Raises:
        HeadposeError: If more than half of the heads that have angles have one beyond.
    """
    known = radians[np.isfinite(radians).all(axis=1)]
    if len(known) and (np.abs(known) > 2 * np.pi).any(axis=1).mean() > 0.5:
        raise HeadposeError(
            f"{path}: most of its angles are beyond a whole turn: are they degrees? radians are "
            "wanted, as the published labels have them"
        )


def check_trust(path: Path, table: pd.DataFrame) -> None:
    """Refuses weights that are none, which would be taken for others in silence.

    Args:
        path: Of the table, for messages.
        table: Texts, indexed by line number.

    Raises:
        HeadposeError: If a `weight` is not within 0..1, or a `disagreement` negative.
    """
    for name, high in (("weight", 1.0), ("disagreement", np.inf)):
        if name not in table:
            continue
        values = pd.to_numeric(table[name], errors="coerce")
        wrong = ~(values.between(0, high) | _unknown(table[name]))
        if wrong.any():
            limits = "from 0 to 1" if high == 1 else "of degrees, at least 0"
            line = table.index[wrong][0]
            raise HeadposeError(
                f"{path}: {name} {table[name][line]!r} in line {line} is no number {limits}"
            )


def _unknown(texts: pd.Series) -> pd.Series:
    return texts.fillna("").str.strip().str.lower().isin(UNKNOWN)
