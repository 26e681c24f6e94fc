"""Rows of heads with the angles as another tool writes them."""

from collections.abc import Sequence

from headpose.geometry.convention_math import ANGLES
from headpose.geometry.conventions import convention_columns, find_convention
from headpose.records.columns import SMOOTH, Row


def convention_fields(fields: Sequence[str], name: str) -> tuple[str, ...]:
    """Returns a table's columns with another convention's in place of tilt, pan and roll.

    Args:
        fields: Columns of the table.
        name: One of `headpose.geometry.conventions.CONVENTIONS`.

    Raises:
        HeadposeError: If there is no such convention.
    """
    theirs = find_convention(name).columns
    result: list[str] = []
    for field in fields:
        if field.removeprefix(SMOOTH) not in ANGLES:
            result.append(field)
        elif field.removeprefix(SMOOTH) == ANGLES[0]:
            prefix = field[: -len(ANGLES[0])]
            result += [prefix + column for column in theirs]
    return tuple(result)


def in_convention(row: Row, name: str) -> Row:
    """Returns a row with another convention's columns in place of tilt, pan and roll.

    Args:
        row: As `headpose.records.columns` makes it.
        name: See `convention_fields`.
    """
    ours = {prefix + angle for prefix in ("", SMOOTH) for angle in ANGLES}
    result = {column: value for column, value in row.items() if column not in ours}
    for prefix in ("", SMOOTH):
        if prefix + ANGLES[0] in row:
            tilt, pan, roll = (_number(row.get(prefix + angle)) for angle in ANGLES)
            values = convention_columns(name, tilt, pan, roll)
            result |= {prefix + column: value for column, value in values.items()}
    return result


def _number(value: str | int | float | None) -> float | None:
    return None if value is None or value == "" else float(value)
