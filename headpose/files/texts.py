"""What strangers wrote as JSON or TOML: nested without end, numbers of a thousand digits."""

import json
import tomllib
from collections.abc import Mapping
from typing import Any

DEEP = "nested too deep"


def parse_json(text: str | bytes) -> Any:
    """Parses JSON.

    Raises:
        ValueError: If it is none, or nested too deep.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(DEEP) from error


def parse_toml(data: bytes) -> dict[str, Any]:
    """Parses TOML.

    Raises:
        ValueError: If it is none, no UTF-8, or nested too deep.
    """
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError(DEEP) from error


def decoded(name: str) -> str:
    """Returns a file's name with the characters that its bytes are in UTF-8.

    Where the locale knows ASCII only, Python has undecoded bytes in their place. What is no
    UTF-8 stays as it is.
    """
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return name


def spelled(name: str) -> str:
    """Returns a name with what is no valid text in it spelled out with backslashes.

    As all tables have it: JSON can hold what no other program reads.
    """
    return name.encode("utf-8", "backslashreplace").decode()


def spelled_texts(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a row with its texts as `spelled` has them."""
    return {k: spelled(v) if isinstance(v, str) else v for k, v in row.items()}


def lines_of(text: str) -> list[str]:
    """Returns the lines of a text; names of files may have what else ends a line in Unicode."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def number(value: Any) -> float:
    """Makes a number of what a file has in its place; whole ones may have any size there.

    Raises:
        ValueError, TypeError: If it is none; 3_3.66 is one in Python's code alone.
    """
    if isinstance(value, str) and "_" in value:
        raise ValueError(f"no number: {value!r}")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError("a number that is too large") from error
