"""This project's angles as other tools and data sets write them, and theirs as ours."""

import numpy as np
from numpy.typing import ArrayLike

from headpose.errors import HeadposeError
from headpose.geometry.convention_registry import CONVENTIONS, AngleConvention

# Columns of tables that mean this project's angles.
ALIASES = {"pitch": "tilt", "yaw": "pan"}


def as_convention(name: str, angles: ArrayLike) -> np.ndarray:
    """Returns heads' angles as another tool or data set writes them.

    Args:
        name: One of `CONVENTIONS`.
        angles: (N, 3) tilt, pan, roll in degrees, this project's. An unknown roll (NaN)
            is unknown in lists of angles, and makes matrices and vectors unknown.

    Returns:
        float64 (N, K), a column for each of the convention's `columns`.

    Raises:
        HeadposeError: If there is no such convention.
        ValueError: If `angles` has another shape.
    """
    convention = find_convention(name)
    array = np.asarray(angles, np.float64)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(f"angles must have shape (N, 3), not {array.shape}")
    return convention.write(array)


def from_convention(name: str, values: ArrayLike) -> np.ndarray:
    """Returns tilt, pan, roll in degrees of what another tool or data set wrote.

    Args:
        name: One of `CONVENTIONS`.
        values: (N, K), a column for each of the convention's `columns`; matrices may also
            be (N, 3, 3), or (N, 4, 4) with a translation, which is not looked at.

    Returns:
        float64 (N, 3), tilt within ±90, pan and roll in -180..180. Near a pan of ±90 only
        the sum or difference of tilt and roll is known, see `headpose.geometry.angles.is_locked`.

    Raises:
        HeadposeError: If there is no such convention, or a matrix is no rotation.
        ValueError: If `values` has another shape.
    """
    convention = find_convention(name)
    array = np.asarray(values, np.float64)
    count = len(convention.columns)
    if count == 9 and array.ndim == 3 and array.shape[1:] in ((3, 3), (4, 4)):
        array = array[:, :3, :3].reshape(-1, 9)
    if array.ndim != 2 or array.shape[1] != count:
        raise ValueError(f"values of {name} must have shape (N, {count}), not {array.shape}")
    return convention.read(array)


def find_convention(name: str) -> AngleConvention:
    """Returns a convention by name.

    Raises:
        HeadposeError: If there is none of that name.
    """
    try:
        return CONVENTIONS[name]
    except KeyError:
        known = ", ".join(CONVENTIONS)
        raise HeadposeError(f"{name}: no such convention of angles; name one of {known}") from None


def convention_columns(
    name: str, tilt: float | None, pan: float | None, roll: float | None
) -> dict[str, float | None]:
    """Returns one head's values for a table, by column.

    Args:
        name: One of `CONVENTIONS`.
        tilt, pan, roll: Degrees; None where unknown.

    Returns:
        Radians and matrices with five decimals, degrees with two; None where unknown.
    """
    convention = find_convention(name)
    given = [np.nan if value is None else value for value in (tilt, pan, roll)]
    values = as_convention(name, [given])[0]
    digits = 2 if convention.unit == "degrees" else 5
    return {
        column: round(float(value), digits) + 0.0 if np.isfinite(value) else None
        for column, value in zip(convention.columns, values, strict=True)
    }
