"""The names of classes beside YOLO's text files."""

import itertools
import re
from pathlib import Path
from typing import Any

from headpose.errors import HeadposeError, first_line

TEXTS, DESCRIPTIONS = ("classes.txt", "obj.names"), ("data.yaml", "dataset.yaml")


def class_names(folder: Path) -> dict[int, str]:
    """Returns the names of classes by number, from the first file that has them.

    Args:
        folder: With the texts; the files may also be in one of the two above it.

    Raises:
        HeadposeError: If a data.yaml cannot be read, or its names are no names.
    """
    for place in (folder, *list(folder.parents)[:2]):
        for file in (place / name for name in TEXTS):
            if file.is_file():
                lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
                return {i: line.strip() for i, line in enumerate(lines) if line.strip()}
        for file in (place / name for name in DESCRIPTIONS):
            if file.is_file():
                return _described(file)
    return {}


def _described(file: Path) -> dict[int, str]:
    """Reads `names` of an Ultralytics data.yaml: a list, or names by number."""
    import yaml

    text = file.read_text(encoding="utf-8-sig", errors="replace")
    try:
        try:
            content: Any = yaml.safe_load(text)
        except yaml.YAMLError:  # of paths as Windows writes them, for example
            content = yaml.safe_load(_names_alone(text))
        names = content.get("names") or {} if isinstance(content, dict) else {}
        names = [names] if isinstance(names, str) else names
        numbered = names.items() if isinstance(names, dict) else enumerate(names)
        return {int(number): str(name).strip() for number, name in numbered}
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise HeadposeError(
            f"{file}: the names of its classes cannot be read ({first_line(error)}); mend it, or "
            "give them in a classes.txt beside the texts, one a line"
        ) from error


def _names_alone(text: str) -> str:
    """Returns what a description has for `names`, without all else that it says."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("names:")), len(lines))
    of_others = re.compile(r"[A-Za-z_]\w*\s*:")
    more = itertools.takewhile(lambda line: not of_others.match(line), lines[start + 1 :])
    return "\n".join([*lines[start : start + 1], *more])
