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
from typing import Any

from headpose.errors import HeadposeError
from headpose.training.fields import with_values

# The published system's two searches, files beside this one.
SPACES, FOLDER = ("architectures", "augmentation"), Path(__file__).parent
# They say where results go and how to go on, which a sweep sets itself, and what is saved there.
RESERVED = ("output", "models_csv", "save", "resume", "overwrite", "with_mirror", "average_with")
MAX_TRIALS = 100_000  # all are queued at the start, which takes 20 ms for each
SHORT = reprlib.Repr()
SHORT.maxlevel = SHORT.maxlist = SHORT.maxdict = 2


@dataclasses.dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Attributes:
        low, high: Limits.
        log: Whether the logarithm is spread evenly.
        whole: Whether only whole numbers count.

    Raises:
        ValueError: If these are no limits.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high"):  # YAML takes 1e-4, without a point, for a text
            object.__setattr__(self, name, float(getattr(self, name)))
        limits = (self.low, self.high)
        fits = self.low < self.high < math.inf and (self.low > 0 or not self.log)
        fits = fits and (not self.whole or all(map(float.is_integer, limits)))
        if not fits or not all(isinstance(v, bool) for v in (self.log, self.whole)):
            raise ValueError("no range")

    @property
    def limits(self) -> tuple[float, float] | tuple[int, int]:
        """Both limits, as numbers of the kind that the option has."""
        return (int(self.low), int(self.high)) if self.whole else (self.low, self.high)


@dataclasses.dataclass(frozen=True)
class Space:
    """Options with the values to try.

    Attributes:
        name: What to call it.
        options: For each option its values, or a `Range` of them. A value is a number, a
            text, True or False, or a tuple of several values.
        fixed: Options that have the same value in all trials.
    """

    name: str
    options: dict[str, tuple | Range]
    fixed: dict[str, object] = dataclasses.field(default_factory=dict)

    @property
    def is_finite(self) -> bool:
        """Whether all options have lists of values."""
        return not any(isinstance(values, Range) for values in self.options.values())

    def grid(self) -> list[dict]:
        """Returns all combinations of labels, the last option changing first.

        Raises:
            HeadposeError: If an option has a range, or there are more than `MAX_TRIALS`.
        """
        ranges = [name for name, values in self.options.items() if isinstance(values, Range)]
        if ranges:
            raise HeadposeError(f"{self.name}: {', '.join(ranges)} has a range; a grid needs lists")
        lists = [
            [label(v) for v in values]
            for values in self.options.values()
            if not isinstance(values, Range)
        ]
        if (count := math.prod(map(len, lists))) > MAX_TRIALS:
            raise HeadposeError(
                f"{self.name}: its grid has {count:.3g} combinations, more than {MAX_TRIALS}; "
                "name fewer values, or draw some with --search random --trials N"
            )
        return [
            dict(zip(self.options, values, strict=True)) for values in itertools.product(*lists)
        ]

    def suggest(self, trial) -> dict:
        """Has an Optuna trial choose what it has not chosen yet; returns all its choices.

        What was queued for the trial is chosen; it may have been killed before.
        """
        for name, values in self.options.items():
            if not isinstance(values, Range):
                trial.suggest_categorical(name, [label(v) for v in values])
            else:
                suggest = trial.suggest_int if values.whole else trial.suggest_float
                suggest(name, *values.limits, log=values.log)
        return trial.params

    def values(self, chosen: dict) -> dict[str, Any]:
        """Returns the values of a combination, as `grid` has it."""
        result = {}
        for name, chosen_label in chosen.items():
            options = self.options[name]
            listed = () if isinstance(options, Range) else options
            result[name] = next((v for v in listed if label(v) == chosen_label), chosen_label)
        return result

    def describe(self) -> str:
        """Returns a line for each option."""
        lines = []
        for name, values in self.options.items():
            if isinstance(values, Range):
                kind = ", logarithmic" if values.log else ""
                text = f"{values.low:g} to {values.high:g}{kind}"
            else:
                text = ", ".join(str(label(v)) for v in values)
            lines.append(f"{name}: {text}")
        if self.fixed:
            same = ", ".join(f"{name} {label(value)}" for name, value in self.fixed.items())
            lines.append(f"fixed: {same}")
        return "\n".join(lines)


def label(value) -> int | float | str | bool:
    """Returns what stands for a value in tables: several values as one text."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else value


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
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise HeadposeError(f"{name}: not a YAML file ({' '.join(str(error).split())})") from error
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


def _values(file: str, option: str, values) -> tuple | Range:
    if isinstance(values, dict):
        return _range(file, option, values)
    if not isinstance(values, list) or not values:
        raise HeadposeError(f"{file}: {option} needs a list of values, or low and high")
    found = tuple(_value(file, option, value) for value in values)
    if len({label(v) for v in found}) < len(found):
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


def _range(file: str, option: str, given: dict) -> Range:
    try:
        return Range(**given)
    except (TypeError, ValueError) as error:
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
        tried += [(name, v) for v in (values.limits if isinstance(values, Range) else values)]
    for name, value in tried:
        try:
            with_values(config, {name: value})
        except HeadposeError as error:
            raise HeadposeError(f"space {space.name}: {error}") from error
