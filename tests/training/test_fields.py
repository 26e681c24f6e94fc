import argparse
import dataclasses
from pathlib import Path

import pytest

from headpose.cli.config_options import add_config_options, config_from
from headpose.errors import HeadposeError
from headpose.training.detection_config import DetectionTrainingConfig
from headpose.training.fields import Checked, field, leaves, values, with_values
from headpose.training.pose_config import Augmentation, Learning, PoseTrainingConfig


@dataclasses.dataclass(frozen=True)
class Inner(Checked):
    share: float = field(0.5, "a share", low=0, high=1)
    names: tuple[str, ...] = field((), "names")


@dataclasses.dataclass(frozen=True)
class Outer(Checked):
    count: int | None = field(None, "a number", low=1)
    kind: str = field("a", "which", choices=("a", "b"))
    where: Path = field(Path("x"), "a place", effect=False)
    flag: bool = field(False, "whether")
    pair: tuple[float, float] = field((1.0, 2.0), "a range", low=0)
    inner: Inner = Inner()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"count": 0}, "count: 0 is not a whole number at least 1"),
        ({"count": 1.5}, "count: 1.5 is not a whole number"),
        ({"count": True}, "count: True is not"),
        ({"kind": "c"}, "kind: 'c' is none of a, b"),
        ({"kind": None}, "kind: None is no value"),
        ({"flag": "yes"}, "flag: 'yes' is neither true nor false"),
        ({"pair": (1.0,)}, "is not 2 values"),
        ({"pair": (1.0, -1)}, "pair: -1 is not a number at least 0"),
        ({"pair": (2.0, 1.0)}, "pair: 2 1 is no range; give the lower first"),
        ({"share": 1.5}, "share: 1.5 is not a number from 0 to 1"),
        ({"share": float("nan")}, "share: nan is not a number"),
        ({"shares": 1, "counts": 2}, "no option is called counts, shares"),
    ],
)
def test_values_that_do_not_suit_a_field_are_refused(given, told):
    with pytest.raises(HeadposeError) as error:
        with_values(Outer(), given)
    assert told in str(error.value)


def test_values_are_given_by_name_at_any_depth_and_texts_are_converted():
    config = with_values(Outer(), {"count": "3", "share": "1e-1", "where": "y", "names": "n"})
    assert config == Outer(3, where=Path("y"), inner=Inner(0.1, ("n",)))
    assert values(config) == {
        "count": 3,
        "kind": "a",
        "where": Path("y"),
        "flag": False,
        "pair": [1.0, 2.0],
        "share": 0.1,
        "names": ["n"],
    }
    assert "where" not in values(config, with_effect_only=True)
    assert Outer().count is None  # the one it was made from stays


@pytest.mark.parametrize("kind", [PoseTrainingConfig, DetectionTrainingConfig])
def test_each_field_of_a_run_has_an_option_with_its_default(kind):
    names = [leaf.name for leaf in leaves(kind)]
    assert len(set(names)) == len(names)
    parser = argparse.ArgumentParser()
    add_config_options(parser, kind)
    arguments = parser.parse_args(["heads.csv"])
    assert set(vars(arguments)) == set(names)
    given = config_from(arguments, kind())
    assert values(given) == {**values(kind()), "data": ["heads.csv"]}
    for leaf in leaves(kind):
        assert leaf.told["help"], f"{leaf.name} has no meaning"


def test_options_make_the_configuration_that_they_name():
    parser = argparse.ArgumentParser()
    add_config_options(parser, PoseTrainingConfig, without=("save",))
    given = ["a", "b", "--brightness", "0.5", "2", "--epochs", "3", "--with-mirror"]
    config = config_from(parser.parse_args(given), PoseTrainingConfig())
    assert config.sources.data == ("a", "b")
    assert config.augmentation == Augmentation(brightness=(0.5, 2.0))
    assert config.learning == Learning(epochs=3)
    assert config.with_mirror
    with pytest.raises(SystemExit):
        parser.parse_args(["a", "--save", "b"])


def test_options_that_change_nothing_are_told(caplog):
    from headpose.training.detection_config import DetectionLearning
    from headpose.training.fields import warn_of_idle

    given = DetectionLearning(large_size=640, seed=3)
    with caplog.at_level("WARNING", "headpose"):
        warn_of_idle(given, ("large_size", "teacher"), "without --large-every")
    told = [record.getMessage() for record in caplog.records]
    assert told == ["--large-size has no effect without --large-every"]
