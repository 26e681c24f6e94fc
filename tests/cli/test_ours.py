"""`ours`: the models that ship, by name, in whichever folder a command is run."""

import sys
import types

import pytest

from headpose.cli import train, train_detector
from headpose.cli.evaluate_detector import file_and_size
from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR, named_model

DETECTOR, ESTIMATOR = str(DEFAULT_DETECTOR), str(DEFAULT_ESTIMATOR)


@pytest.fixture
def taken(monkeypatch, tmp_path) -> list:
    """The configurations that training commands hand over; run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    configs: list = []
    for name, function in (("pose_run", "train_estimator"), ("detection_run", "train_detector")):
        run = types.SimpleNamespace(**{function: configs.append})
        monkeypatch.setitem(sys.modules, f"headpose.training.{name}", run)
    return configs


@pytest.mark.parametrize(
    ("options", "start"),
    [
        (["--start", "ours"], ESTIMATOR),
        (["--start", "ours.keras"], "ours.keras"),
        (["--start", "models/ours"], "models/ours"),
        ([], None),
    ],
)
def test_training_goes_on_from_the_estimator_that_ships(taken, monkeypatch, options, start):
    monkeypatch.setattr(sys, "argv", ["headpose train", "labels.csv", *options])
    train.main()
    assert taken[0].network.start == start


def test_training_takes_the_detector_that_ships_wherever_it_takes_one(taken, monkeypatch):
    options = ["--start", "ours", "--mine-with", "ours", "--incomplete-detector"]
    words = ["headpose train-detector", "labels.csv", *options, "ours", "viola-jones"]
    monkeypatch.setattr(sys, "argv", words)
    train_detector.main()
    config = taken[0]
    assert config.network.start == config.sources.mine_with == DETECTOR
    assert config.sources.incomplete_detector == (DETECTOR, "viola-jones")


def test_without_a_detector_none_is_taken(taken, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["headpose train-detector", "labels.csv"])
    train_detector.main()
    assert taken[0].network.start is None
    assert taken[0].sources.mine_with is None
    assert taken[0].sources.incomplete_detector == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ours", (DETECTOR, None)),
        ("ours@768", (DETECTOR, 768)),
        ("yours.onnx@320", ("yours.onnx", 320)),
    ],
)
def test_detectors_are_measured_by_name(name, expected):
    assert file_and_size(name) == expected


def test_other_names_stay_as_they_are():
    assert named_model("our", DEFAULT_DETECTOR) == "our"
