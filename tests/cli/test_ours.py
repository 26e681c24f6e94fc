"""`ours`: the models that ship, by name, in whichever folder a command is run."""

import argparse
import sys
import types
from pathlib import Path

import pytest
from drawn_heads import spot_heads

from headpose import load_pipeline, read_image
from headpose.cli import cleaning_options, train, train_classifier, train_detector
from headpose.cli.evaluate_detector import taken_apart
from headpose.cli.pipeline_options import add_pipeline_options
from headpose.errors import HeadposeError
from headpose.models.keras_files import load_keras
from headpose.models.shipped import (
    CLASSIFIER_FILE,
    DEFAULT_DETECTOR,
    DEFAULT_ESTIMATOR,
    ESTIMATORS,
    FAST_ESTIMATOR,
    named_model,
)
from headpose.training.multiply_adds import multiply_adds
from headpose.training.sweep.driver import Sweep

DETECTOR, ESTIMATOR = str(CLASSIFIER_FILE), str(DEFAULT_ESTIMATOR)
FIRST_STAGE = str(DEFAULT_DETECTOR)


@pytest.fixture
def taken(monkeypatch, tmp_path) -> list:
    """The configurations that training commands hand over; run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    configs: list = []
    for name, function in (
        ("pose_run", "train_estimator"),
        ("detection_run", "train_detector"),
        ("classifier_run", "train_classifier"),
    ):
        run = types.SimpleNamespace(**{function: configs.append})
        monkeypatch.setitem(sys.modules, f"headpose.training.{name}", run)
    return configs


@pytest.mark.parametrize(
    ("options", "start"),
    [
        (["--start", "ours"], ESTIMATOR),
        (["--start", "ours.onnx"], "ours.onnx"),
        (["--start", "models/ours"], "models/ours"),
        ([], None),
    ],
)
def test_training_goes_on_from_the_estimator_that_ships(taken, monkeypatch, options, start):
    Path("ours.onnx").touch()
    Path("models/ours").mkdir(parents=True)
    monkeypatch.setattr(sys, "argv", ["headpose train", "labels.csv", *options])
    train.main()
    assert taken[0].network.start == start


def test_training_takes_the_detector_that_ships_wherever_it_takes_one(taken, monkeypatch):
    options = ["--start", "ours", "--mine-with", "ours", "--incomplete-detector"]
    words = ["headpose train-detector", "labels.csv", *options, "ours", "viola-jones"]
    monkeypatch.setattr(sys, "argv", words)
    train_detector.main()
    config = taken[0]
    assert config.network.start == config.sources.mine_with == FIRST_STAGE
    assert config.sources.incomplete_detector == (FIRST_STAGE, "viola-jones")


def test_sweeps_take_the_models_that_ship(run_script, tmp_path, monkeypatch):
    heads, space, configured = spot_heads(tmp_path, 2, 2), tmp_path / "space.yaml", []
    space.write_text("options: {start: [ours, fast]}\nfixed: {detector: ours}\n")

    def run(self, pool, run_trial, configure, unfit):
        configured.extend(configure({"start": name}, tmp_path) for name in ("ours", "fast"))
        return iter(())

    monkeypatch.setattr(Sweep, "run", run)
    given = (f"{heads}#train", "--validation", f"{heads}#test", "--space", space)
    done = run_script("sweep", *given, "--output", tmp_path / "run")
    assert done.status == 0, done.err
    assert [config.network.start for config in configured] == [ESTIMATOR, str(FAST_ESTIMATOR)]
    assert {config.crop.detector for config in configured} == {DETECTOR}


def test_a_second_stage_is_trained_for_the_first_that_ships(taken, monkeypatch):
    options = ["--detector", "ours", "--others", "single-stage", "--start", "ours"]
    monkeypatch.setattr(sys, "argv", ["headpose train-classifier", "labels.csv", *options])
    train_classifier.main()
    config = taken[0]
    assert (config.sources.detector, *config.sources.others) == (FIRST_STAGE, FIRST_STAGE)
    assert config.network.start == DETECTOR


def test_without_a_detector_none_is_taken(taken, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["headpose train-detector", "labels.csv"])
    train_detector.main()
    assert taken[0].network.start is None
    assert taken[0].sources.mine_with is None
    assert taken[0].sources.incomplete_detector == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ours", (DETECTOR, None, None)),
        ("ours@768", (DETECTOR, 768, None)),
        ("ours+256", (DETECTOR, None, 256)),
        ("ours@768+1024", (DETECTOR, 768, 1024)),
        ("yours.onnx@320", ("yours.onnx", 320, None)),
        ("a+b.onnx", ("a+b.onnx", None, None)),
        ("+256", ("+256", None, None)),
        # These exist as they stand.
        ("me@home.onnx", ("me@home.onnx", None, None)),
        ("saved@512", ("saved@512", None, None)),
        ("saved@512@320+128", ("saved@512", 320, 128)),
        ("saved+256", ("saved+256", None, None)),
        ("saved+256@640", ("saved+256", 640, None)),
        ("saved+256+512", ("saved+256", None, 512)),
    ],
)
def test_detectors_are_measured_by_name(name, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "me@home.onnx").touch()
    (tmp_path / "saved@512").mkdir()
    (tmp_path / "saved+256").mkdir()
    assert taken_apart(name) == expected


@pytest.mark.parametrize(
    ("name", "smallest"),
    [
        ("ours+64", 128),
        ("ours@0", 64),
        ("ours@63", 64),
        ("ours@²", 64),
        ("ours@", 64),
        ("ours@" + "9" * 5000, 64),
        ("missing@home.onnx", 64),
    ],
)
def test_sides_in_names_of_detectors_are_checked(name, smallest):
    with pytest.raises(HeadposeError, match=f"whole number of pixels, {smallest} to 16384"):
        taken_apart(name)


def test_other_names_stay_as_they_are():
    assert named_model("our", ESTIMATORS) == "our"
    assert named_model(Path("models/fast"), ESTIMATORS) == str(Path("models/fast"))


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ([], FIRST_STAGE),
        (["--detector", "ours"], DETECTOR),
        (["--detector", "labelled"], "labelled"),
    ],
)
def test_data_sets_are_cleaned_by_the_first_stage_unless_another_is_named(given, taken):
    parser = argparse.ArgumentParser()
    cleaning_options.add_options(parser, "clean", 0.75)
    assert parser.parse_args(given).detector == taken


@pytest.mark.parametrize("given", ["ours", "fast", "large"])
def test_photos_and_programs_know_the_estimators_that_ship(given, tmp_path, monkeypatch, portrait):
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    add_pipeline_options(parser)
    arguments = parser.parse_args(["--estimator", given, "--detector", "ours"])
    assert (arguments.detector, arguments.estimator) == (DETECTOR, str(ESTIMATORS[given]))
    (head,) = load_pipeline(estimator=given)(read_image(portrait))
    (expected,) = load_pipeline(estimator=ESTIMATORS[given])(read_image(portrait))
    assert head == expected


def test_the_fast_one_is_asked_once(portrait):
    picture = read_image(portrait)
    (usual,), (fast,) = (load_pipeline(estimator=name)(picture) for name in ("ours", "fast"))
    assert fast.box == usual.box
    assert fast != usual
    assert abs(fast.pan - usual.pan) < 6
    assert abs(fast.tilt - usual.tilt) < 6
    ratio = multiply_adds(load_keras(FAST_ESTIMATOR)) / multiply_adds(load_keras(DEFAULT_ESTIMATOR))
    assert ratio == pytest.approx(0.5, abs=0.01)


def test_the_large_one_is_a_second_answer_close_to_the_first(portrait):
    picture = read_image(portrait)
    (usual,), (large,) = (load_pipeline(estimator=name)(picture) for name in ("ours", "large"))
    assert large.box == usual.box
    assert 0 < abs(large.pan - usual.pan) < 6
    assert abs(large.tilt - usual.tilt) < 6
