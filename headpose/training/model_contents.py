"""What is in the model files that a training run is given, to notice that they changed."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from headpose.models.formats import content_of
from headpose.training.fields import leaves, values

CONTENT = "the content of "  # before the name of an option, among the notes of a run


def contents(config: Any, others: Mapping[str, Iterable[str]] | None = None) -> dict[str, str]:
    """Returns digests of the models that a configuration names.

    Args:
        config: Of a run.
        others: Further models by the names of options, of which a sweep takes one each.

    Returns:
        The digests of an option's models by `CONTENT` and its name; nothing for options that
        name none. What is no file, as viola-jones, stands for itself.

    Raises:
        HeadposeError: If a file cannot be read.
    """
    given, found = values(config), {}
    for leaf in leaves(type(config)):
        if leaf.told.get("model"):
            value = given[leaf.name]
            named = [
                *(value if isinstance(value, list) else [value]),
                *(others or {}).get(leaf.name, ()),
            ]
            told = [_told(str(name)) for name in named if name]
            if told:
                found[CONTENT + leaf.name] = ", ".join(told)
    return found


def _told(name: str) -> str:
    return content_of(Path(name)) if Path(name).exists() else name
