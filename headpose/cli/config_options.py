"""Options made from the fields of a configuration, and the configuration that they make."""

import argparse
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

from headpose.cli.common import named, todays_word
from headpose.errors import HeadposeError
from headpose.training.fields import Leaf, own_leaves, parts, values, with_values

Config = TypeVar("Config")


def add_config_options(
    parser: argparse.ArgumentParser, kind: type, without: Collection[str] = ()
) -> None:
    """Adds an option for each field of a configuration; those of its parts in groups.

    Args:
        parser: Gets them.
        kind: The configuration's class.
        without: Fields that get none.
    """
    for leaf in own_leaves(kind):
        if leaf.name not in without:
            _add(parser, leaf)
    for name, part in parts(kind).items():
        add_config_options(_group(parser, name, part), part, without)


def config_from(arguments: argparse.Namespace, config: Config) -> Config:
    """Returns a configuration with the values that its options have.

    Raises:
        HeadposeError: If they do not suit each other.
    """
    names = values(config).keys() & vars(arguments).keys()
    return with_values(config, {name: getattr(arguments, name) for name in names})


def _group(parser: argparse.ArgumentParser, name: str, part: type) -> Any:
    """Returns a group of options, or the parser itself where they come with the data."""
    if any(leaf.told.get("positional") for leaf in own_leaves(part)):
        return parser
    return parser.add_argument_group(name)


def _add(parser: argparse.ArgumentParser, leaf: Leaf) -> None:
    told = leaf.told
    # Argparse has % for its own marks.
    given: dict[str, Any] = {"help": told.get("help", "").replace("%", "%%")}
    if leaf.kind is bool:
        parser.add_argument(_flag(leaf.name), action="store_true", help=given["help"])
        return
    if leaf.count is not None:
        given["nargs"] = leaf.count or "+"
        if leaf.count == 2:
            given["metavar"] = ("LOW", "HIGH")
    if told.get("choices"):
        given |= {"choices": told["choices"], "type": todays_word(told.get("old", {}))}
    else:
        given["type"] = _converter(leaf)
    if told.get("positional"):
        parser.add_argument(leaf.name, **given)
        return
    if told.get("metavar"):
        given["metavar"] = told["metavar"]
    parser.add_argument(_flag(leaf.name), default=leaf.default, **given)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _converter(leaf: Leaf) -> Callable[[str], Any]:
    """Returns an argparse type for a field's values."""

    def convert(text: str) -> Any:
        if leaf.kind in (Path, str):
            named(text)
        try:
            return leaf.single(text)
        except HeadposeError as error:
            raise argparse.ArgumentTypeError(str(error).removeprefix(f"{leaf.name}: ")) from error

    return convert
