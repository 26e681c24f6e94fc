"""Fields of configurations: what they mean, and which values they take.

A configuration is a frozen dataclass, perhaps of other ones; its fields are told with
`field`. Values are checked when it is made, and the options of its command are made from
the fields (`headpose.cli.config_options`), so that the two cannot differ. A field's name
is its alone among those of the parts, so that a value can be given by its name.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from headpose.errors import HeadposeError
from headpose.reporting import logger

Config = TypeVar("Config")


def field(
    default: Any,
    meaning: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    old: Mapping[str, str] = types.MappingProxyType({}),
    metavar: str | None = None,
    positional: bool = False,
    effect: bool = True,
    model: bool = False,
) -> Any:
    """Returns a field of a configuration.

    Args:
        default: Its value unless another is given.
        meaning: In a few words, for help texts.
        low, high: Limits of numbers, both included.
        choices: The texts that it may be.
        old: Today's texts by those of earlier versions.
        metavar: What stands for a value in help texts.
        positional: Whether its option is an argument without a name.
        effect: Whether the result depends on it; where and how to work has none.
        model: Whether it names files of models, on whose content the result depends.
    """
    told = {
        "help": meaning,
        "low": low,
        "high": high,
        "choices": choices,
        "old": old,
        "metavar": metavar,
        "positional": positional,
        "effect": effect,
        "model": model,
    }
    return dataclasses.field(default=default, metadata=told)


# See `headpose.models.keras_setup.set_up`.
DEVICE = field(
    "auto",
    "where networks run; auto takes a GPU where there is one",
    choices=("auto", "cpu", "gpu"),
    effect=False,
)
PRECISION = field(
    "auto",
    "arithmetic of the networks; auto takes bfloat16 where the processor has it",
    choices=("auto", "float32", "bfloat16"),
)
MAX_SEED = 2**32 - 1  # of NumPy's older generator, which Keras seeds and pandas draws with
FREEZE = field((), "layers to leave as they are, by the beginnings of their names", metavar="NAME")


class Checked:
    """Base of configurations: refuses values that do not suit their fields."""

    def __post_init__(self) -> None:
        for leaf in own_leaves(type(self)):
            object.__setattr__(self, leaf.name, leaf.value(getattr(self, leaf.name)))


@dataclasses.dataclass(frozen=True)
class Leaf:
    """A field that is no configuration itself.

    Attributes:
        name: Of the field.
        kind: Of its value, or of each of its values.
        count: How many values it has: None for one, 0 for any number.
        optional: Whether None is a value.
        default: Unless another is given.
        told: What `field` was told.
    """

    name: str
    kind: type
    count: int | None
    optional: bool
    default: Any
    told: Mapping[str, Any]

    def value(self, given: Any) -> Any:
        """Returns a value as the field has it; texts become numbers or paths.

        Raises:
            HeadposeError: If it does not suit the field.
        """
        if given is None and self.optional:
            return None
        if self.count is None:
            return self.single(given)
        if isinstance(given, str) or not isinstance(given, list | tuple):
            given = (given,)
        if self.count and len(given) != self.count:
            raise HeadposeError(f"{self.name}: {given!r} is not {self.count} values")
        result = tuple(self.single(value) for value in given)
        if self.count == 2 and result[0] > result[1]:  # all pairs are ranges
            low, high = result
            raise HeadposeError(f"{self.name}: {low:g} {high:g} is no range; give the lower first")
        return result

    def single(self, given: Any) -> Any:
        """Returns one value, see `value`."""
        try:
            if self.kind in (int, float):
                return number(given, self.kind, self.told.get("low"), self.told.get("high"))
            if given is None or (self.kind is bool and not isinstance(given, bool)):
                what = "neither true nor false" if self.kind is bool else "no value"
                raise ValueError(f"{given!r} is {what}")
            value = self.told.get("old", {}).get(given, self.kind(given))
        except (TypeError, ValueError) as error:
            raise HeadposeError(f"{self.name}: {error}") from error
        choices = self.told.get("choices")
        if choices and value not in choices:
            raise HeadposeError(f"{self.name}: {value!r} is none of {', '.join(choices)}")
        return value


def number(given: Any, kind: type, low: float | None, high: float | None) -> float:
    """Returns a number, perhaps from a text.

    Args:
        given: Number or text.
        kind: `int` or `float`.
        low, high: Limits, both included; None for none.

    Raises:
        ValueError: If it is none of that kind, or out of the limits.
    """
    low, high = -math.inf if low is None else low, math.inf if high is None else high
    try:
        value = kind(given)
        good = low <= value <= high and (kind is float or value == float(given))
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good or isinstance(given, bool):
        what = "a whole number" if kind is int else "a number"
        least = f" at least {low:g}" if low > -math.inf else ""
        limits = least if high == math.inf else f" from {low:g} to {high:g}"
        raise ValueError(f"{given!r} is not {what}{limits}")
    return value


def own_leaves(kind: type) -> Iterator[Leaf]:
    """Yields the fields of a configuration that are no configurations themselves."""
    hints = typing.get_type_hints(kind)
    for each in dataclasses.fields(kind):
        hint, optional = hints[each.name], False
        if isinstance(hint, types.UnionType):
            optional = True
            (hint,) = (h for h in typing.get_args(hint) if h is not type(None))
        count = None
        if typing.get_origin(hint) is tuple:
            inner = typing.get_args(hint)
            count, hint = 0 if inner[-1] is ... else len(inner), inner[0]
        if not dataclasses.is_dataclass(hint):
            yield Leaf(each.name, hint, count, optional, each.default, each.metadata)


def parts(kind: type) -> dict[str, type]:
    """Returns the configurations within a configuration, by the names of their fields."""
    hints = typing.get_type_hints(kind)
    return {
        each.name: hints[each.name]
        for each in dataclasses.fields(kind)
        if dataclasses.is_dataclass(hints[each.name])
    }


def leaves(kind: type) -> list[Leaf]:
    """Returns the fields of a configuration and of those within it."""
    return [*own_leaves(kind), *(leaf for part in parts(kind).values() for leaf in leaves(part))]


def values(config: Any, with_effect_only: bool = False) -> dict[str, Any]:
    """Returns all values of a configuration and of those within it, by the fields' names.

    Several values are a list. With `with_effect_only`, fields on which no result depends
    are left out.
    """
    found: dict[str, Any] = {}
    for leaf in own_leaves(type(config)):
        if leaf.told.get("effect", True) or not with_effect_only:
            value = getattr(config, leaf.name)
            found[leaf.name] = list(value) if isinstance(value, tuple) else value
    for name in parts(type(config)):
        found |= values(getattr(config, name), with_effect_only)
    return found


def with_values(config: Config, given: Mapping[str, Any]) -> Config:
    """Returns a configuration with other values of some fields, also of those within.

    Raises:
        HeadposeError: If there is no such field or a value does not suit it.
    """
    kind = type(config)
    unknown = set(given) - {leaf.name for leaf in leaves(kind)}
    if unknown:
        raise HeadposeError(f"no option is called {', '.join(sorted(unknown))}")
    own = {leaf.name for leaf in own_leaves(kind)}
    changed = {name: value for name, value in given.items() if name in own}
    for name, part in parts(kind).items():
        theirs = {leaf.name for leaf in leaves(part)} & set(given)
        if theirs:
            within = {key: given[key] for key in theirs}
            changed[name] = with_values(getattr(config, name), within)
    return dataclasses.replace(config, **changed)  # type: ignore[type-var]


def warn_of_idle(part: Any, names: tuple[str, ...], where: str) -> None:
    """Warns of options that were given, but change nothing.

    Args:
        part: Of a configuration.
        names: Fields that have no effect as things are.
        where: Why they have none, to go on "--name has no effect ...".
    """
    for item in dataclasses.fields(part):
        if item.name in names and getattr(part, item.name) != item.default:
            logger.warning("--%s has no effect %s", item.name.replace("_", "-"), where)
