"""What a sweep varies: options of a training run and the values to try.

A file of one's own is YAML:

    options:
      conv_blocks: [2, 3, 4]
      learning_rate: {low: 1.0e-4, high: 1.0e-2, log: true}
      dense_size: {low: 32, high: 512, log: true, whole: true}
      brightness: [[1, 1], [0.75, 1.25]]
    fixed:
      architecture: patacchiola

`options` and `fixed` name options of `train.py`, which are fields of
`headpose.training.pose_config.PoseTrainingConfig`, written with dashes or underscores.
"""

import dataclasses
import itertools
import math
import reprlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from headpose.errors import HeadposeError
from headpose.training.fields import with_values

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

    Range: TypeAlias = FloatDistribution | IntDistribution

# The published system's two searches, files beside this one.
SPACES, FOLDER = ("architectures", "augmentation"), Path(__file__).parent
# They say where results go and how to go on, which a sweep sets itself, and what is saved there.
RESERVED = ("output", "models_csv", "save", "resume", "overwrite", "with_mirror", "average_with")
MAX_TRIALS = 100_000  # all are queued at the start, which takes 20 ms for each
SHORT = reprlib.Repr()
SHORT.maxlevel = SHORT.maxlist = SHORT.maxdict = 2


@dataclasses.dataclass(frozen=True)
class Space:
    """Options with the values to try.

    Attributes:
        name: What to call it.
        options: For each option its values, or Optuna's distribution of numbers in a range. A
            value is a number, a text, True or False, or a tuple of several values.
        fixed: Options that have the same value in all trials.
    """

    name: str
    options: "dict[str, tuple | Range]"
    fixed: dict[str, object] = dataclasses.field(default_factory=dict)

    @property
    def ranges(self) -> list[str]:
        """Names of the options that have no list of values."""
        return [name for name, values in self.options.items() if not isinstance(values, tuple)]

    def grid(self) -> list[dict]:
        """Returns all combinations of labels, the last option changing first.

        Raises:
            HeadposeError: If an option has a range, or there are more than `MAX_TRIALS`.
        """
        if self.ranges:
            told = f"{self.name}: {', '.join(self.ranges)} has a range; a grid needs lists"
            raise HeadposeError(told)
        lists = [labels(v) for v in self.options.values() if isinstance(v, tuple)]
        if (count := math.prod(map(len, lists))) > MAX_TRIALS:
            raise HeadposeError(
                f"{self.name}: its grid has {count:.3g} combinations, more than {MAX_TRIALS}; "
                "name fewer values, or draw some with --search random --trials N"
            )
        return [
            dict(zip(self.options, chosen, strict=True)) for chosen in itertools.product(*lists)
        ]

    def distributions(self) -> "dict[str, BaseDistribution]":
        """Returns Optuna's distribution of each option, of its labels where it has a list."""
        from optuna.distributions import CategoricalDistribution

        return {
            name: CategoricalDistribution(labels(values)) if isinstance(values, tuple) else values
            for name, values in self.options.items()
        }

    def values(self, chosen: dict) -> dict[str, Any]:
        """Returns the values of a combination, as `grid` has it."""
        result = {}
        for name, told in chosen.items():
            values = self.options[name]
            listed = values if isinstance(values, tuple) else ()
            result[name] = next((value for value in listed if label(value) == told), told)
        return result

    def describe(self) -> str:
        """Returns a line for each option."""
        lines = []
        for name, values in self.options.items():
            if isinstance(values, tuple):
                text = ", ".join(map(str, labels(values)))
            else:
                kind = ", logarithmic" if values.log else ""
                text = f"{values.low:g} to {values.high:g}{kind}"
            lines.append(f"{name}: {text}")
        if self.fixed:
            same = ", ".join(f"{name} {label(value)}" for name, value in self.fixed.items())
            lines.append(f"fixed: {same}")
        return "\n".join(lines)


def label(value) -> int | float | str | bool:
    """Returns what stands for a value in tables: several values as one text."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else value


def labels(values: tuple) -> list[int | float | str | bool]:
    """Returns the labels of an option's values."""
    return [label(value) for value in values]


def read_space(name: str) -> Space:
    """Returns a space by name, or reads it from a YAML file.

    Raises:
        HeadposeError: If there is no such file or it is not as the module's text says.
    """
    path = FOLDER / f"{name}.yaml" if name in SPACES else Path(name)
    if not path.is_file():
        raise HeadposeError(f"{name}: no such file, nor one of the spaces {', '.join(SPACES)}")
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
        twice = _named_twice(yaml.compose(text))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise HeadposeError(f"{name}: not a YAML file ({' '.join(str(error).split())})") from error
    if twice:
        raise HeadposeError(f"{name}: {twice} is there twice; leave one out")
    known = isinstance(content, dict) and set(content) <= {"options", "fixed"}
    parts = [(content.get(k) or {}) for k in ("options", "fixed")] if known else []
    if not (known and all(isinstance(p, dict) for p in parts) and parts[0]):
        raise HeadposeError(
            f"{name}: wanted are `options:` with values to try, and perhaps `fixed:`"
        )
    named = [{str(k).replace("-", "_"): v for k, v in part.items()} for part in parts]
    for option in itertools.chain(*named):
        if option in RESERVED:
            raise HeadposeError(f"{name}: {option} is for the sweep itself to set; leave it out")
    options, fixed = named
    if both := options.keys() & fixed.keys():
        raise HeadposeError(f"{name}: {', '.join(sorted(both))} is varied and fixed; choose one")
    return Space(
        path.stem,
        {option: _values(name, option, values) for option, values in options.items()},
        {option: _value(name, option, value) for option, value in fixed.items()},
    )


def _named_twice(node) -> str:
    """Returns an option, or a part of the file, whose name is there twice in one place."""
    pairs = [(k, v) for k, v in node.value if isinstance(k.value, str)] if _is_mapping(node) else []
    names = [key.value.replace("-", "_") for key, _ in pairs]
    below = (_named_twice(value) for key, value in pairs if key.value in ("options", "fixed"))
    return next((name for name in names if names.count(name) > 1), "") or next(
        filter(None, below), ""
    )


def _is_mapping(node) -> bool:
    import yaml

    return isinstance(node, yaml.MappingNode)


def _values(file: str, option: str, values) -> "tuple | Range":
    if isinstance(values, dict):
        return _range(file, option, values)
    if not isinstance(values, list) or not values:
        raise HeadposeError(f"{file}: {option} needs a list of values, or low and high")
    found = tuple(_value(file, option, value) for value in values)
    if len(set(labels(found))) < len(found):
        raise HeadposeError(f"{file}: {option} has the same value twice")
    return found


def _value(file: str, option: str, value):
    """Checks a value; a list becomes a tuple."""
    several = isinstance(value, list)
    parts = value if several else [value]
    if not parts or not all(isinstance(v, int | float | str) for v in parts):
        # Shortened: in YAML a few lines can stand for more values than fit into memory.
        told = SHORT.repr(value)
        raise HeadposeError(f"{file}: {option} has {told}, which is no value of an option")
    return tuple(value) if several else value


def _range(file: str, option: str, given: dict) -> "Range":
    from optuna.distributions import FloatDistribution, IntDistribution

    told = {"log": False, "whole": False} | given
    try:
        low, high = float(given["low"]), float(given["high"])  # YAML takes 1e-4 for a text
        log, whole = told["log"], told["whole"]
        fits = -math.inf < low < high < math.inf and not (whole and (low % 1 or high % 1))
        if not fits or len(told) > 4 or not all(isinstance(v, bool) for v in (log, whole)):
            raise ValueError("no range")
        # Where the logarithm is spread, they refuse limits that have none.
        return (
            IntDistribution(int(low), int(high), log)
            if whole
            else FloatDistribution(low, high, log)
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise HeadposeError(
            f"{file}: {option}: a range has numbers low < high (low > 0 where log), "
            "and perhaps log: true, whole: true"
        ) from error


def check(space: Space, config: object) -> None:
    """Makes sure that each value suits its field of a configuration.

    Raises:
        HeadposeError: At the first that does not.
    """
    tried = list(space.fixed.items())
    for name, values in space.options.items():
        limits = values if isinstance(values, tuple) else (values.low, values.high)
        tried += [(name, value) for value in limits]
    for name, value in tried:
        try:
            with_values(config, {name: value})
        except HeadposeError as error:
            raise HeadposeError(f"space {space.name}: {error}") from error
