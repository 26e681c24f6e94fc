"""Checks of descriptions that come with files: each field by its name, its kind and its range."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

MAX_TEXT = 1_000_000  # characters of a description; ours have some thousand
# What earlier versions call fields, by their names of today.
OLD_FIELDS = {"stride": "step", "min_error": "least_error"}
MAX_NAME = 1024  # characters of a name in it


def read_object(text: str) -> "Fields":
    """Reads a JSON object.

    Raises:
        ValueError: If it is none, very long, or nested beyond reason.
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"{len(text)} characters are no description")
    try:
        return Fields(json.loads(text), "")
    except RecursionError as error:
        raise ValueError("nested too deep") from error


class Fields:
    """The fields of an object, each asked for by name; a ValueError tells what is wrong.

    Args:
        values: The object, as JSON gives it.
        place: Its name in what holds it, for errors.
    """

    def __init__(self, values: Any, place: str):
        if not isinstance(values, dict):
            raise ValueError(f"{place or 'the description'} is no object")
        self._values, self._prefix = values, f"{place}." if place else ""

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def raw(self, name: str) -> Any:
        """Returns a field of any kind."""
        if name in self._values:
            return self._values[name]
        if OLD_FIELDS.get(name) in self._values:
            return self._values[OLD_FIELDS[name]]
        raise ValueError(f"{self._prefix}{name} is missing")

    def fields(self, name: str) -> "Fields":
        """Returns a field that is an object."""
        return Fields(self.raw(name), f"{self._prefix}{name}")

    def items(self, name: str, low: int, high: int) -> list:
        """Returns a field that is a list of `low` to `high` items."""
        value = self.raw(name)
        if not isinstance(value, list) or not low <= len(value) <= high:
            told = f"{low}" if low == high else f"{low} to {high}"
            raise ValueError(f"{self._prefix}{name} is no list of {told} items")
        return value

    def objects(self, name: str, low: int, high: int) -> list["Fields"]:
        """Returns a field that is a list of objects."""
        items = self.items(name, low, high)
        return [Fields(item, f"{self._prefix}{name}[{i}]") for i, item in enumerate(items)]

    def number(self, name: str, low: float, high: float) -> float:
        """Returns a field that is a number from `low` to `high`."""
        return as_numbers([self.raw(name)], low, high, f"{self._prefix}{name}")[0]

    def numbers(self, name: str, count: int, low: float, high: float) -> tuple[float, ...]:
        """Returns a field that is a list of `count` numbers from `low` to `high`."""
        items = self.items(name, count, count)
        return as_numbers(items, low, high, f"{self._prefix}{name}")

    def whole(self, name: str, low: int, high: int) -> int:
        """Returns a field that is a whole number from `low` to `high`."""
        return as_whole(self.raw(name), low, high, f"{self._prefix}{name}")

    def text(self, name: str) -> str:
        """Returns a field that is a text."""
        value = self.raw(name)
        if not isinstance(value, str) or len(value) > MAX_NAME:
            raise ValueError(f"{self._prefix}{name} is no short text")
        return value

    def choice(
        self, name: str, choices: Sequence[str], old: Mapping[str, str] | None = None
    ) -> str:
        """Returns a field that is one of some texts, or an old name of one of them."""
        value = self.raw(name)
        if old and isinstance(value, str):
            value = old.get(value, value)
        if value not in choices:
            shown = repr(value)[:40]
            raise ValueError(f"{self._prefix}{name} is {shown}, not one of {', '.join(choices)}")
        return value

    def flag(self, name: str) -> bool:
        """Returns a field that is true or false."""
        value = self.raw(name)
        if not isinstance(value, bool):
            raise ValueError(f"{self._prefix}{name} is neither true nor false")
        return value


def as_numbers(values: Sequence[Any], low: float, high: float, name: str) -> tuple[float, ...]:
    """Returns numbers from `low` to `high`; no text, no true, no NaN is one."""
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{name} is no number")
        if not low <= value <= high or not math.isfinite(value):
            raise ValueError(f"{name} is {str(value)[:20]}, not from {low:g} to {high:g}")
    return tuple(map(float, values))


def as_whole(value: Any, low: int, high: int, name: str) -> int:
    """Returns a whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is no whole number")
    if not low <= value <= high:
        raise ValueError(f"{name} is {str(value)[:20]}, not from {low} to {high}")
    return value
