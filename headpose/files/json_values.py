"""Values as JSON knows them, and files of them."""

import json
import math
from pathlib import Path
from typing import Any

from headpose.files.atomic import atomic_write


def without_nan(value: Any) -> Any:
    """Replaces what is not finite, which JSON does not know, by None, at any depth."""
    if isinstance(value, dict):
        return {key: without_nan(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path: str | Path, value: Any, replace: bool = True) -> None:
    """Writes a value as a JSON file, whole or not at all; numbers that are not finite as null.

    Args:
        path: The file.
        value: What it will hold.
        replace: See `atomic_write`.

    Raises:
        HeadposeError: If it cannot be written.
    """
    text = json.dumps(without_nan(value), indent=2) + "\n"
    with atomic_write(path, replace) as temporary:
        temporary.write_text(text, encoding="utf-8")
