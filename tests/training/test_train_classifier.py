"""Training of a detector's second stage, and how much each stage counts."""

import csv

import numpy as np
import pytest
from drawn_heads import disc_pictures
from small_models import saved, small_detector

from headpose.detection.loading import load_detector
from headpose.detection.second_stage import TwoStageDetector
from headpose.errors import HeadposeError
from headpose.images.pictures import read_image
from headpose.models.backends import Backend
from headpose.training.classifier_fitting import Found, check_both, fit_weights, separation


def found_with(scores, true):
    return Found([], [], scores, true, np.ones(len(scores), bool))


def test_the_fit_finds_the_weights_that_made_the_heads():
    rng = np.random.default_rng(4)
    first, second = rng.normal(0, 1.5, 40_000), rng.normal(0, 2, 40_000)
    chance = 1 / (1 + np.exp(-(1.5 * first + 0.5 * second - 0.7)))
    true = rng.random(40_000) < chance
    scores = 1 / (1 + np.exp(-first))
    weights = fit_weights([found_with(scores, true)], [second])
    np.testing.assert_allclose(weights, (1.5, 0.5, -0.7), atol=0.06)


def test_separation_is_the_share_of_pairs_in_order():
    found = found_with(np.full(4, 0.5), np.array([True, False, True, False]))
    # Pairs of a head and another: (3, 1), (3, 2), (1.5, 1) in order, (1.5, 2) not.
    told = separation([found], [np.array([3.0, 1.0, 1.5, 2.0])])
    assert told["separation"] == 0.75


@pytest.mark.parametrize(
    ("true", "counts", "told"),
    [
        ([1, 1], [1, 1], "no mistake"),
        ([1, 0], [1, 0], "no mistake"),  # what is false is to be ignored
        ([0, 0], [1, 1], "no head"),
        ([], [], "no head"),
        ([1, 0], [1, 1], None),
    ],
)
def test_finds_of_one_kind_are_told_before_training(true, counts, told):
    found = Found([], [], np.full(len(true), 0.5), np.array(true, bool), np.array(counts, bool))
    if told is None:
        check_both([found])
        return
    with pytest.raises(HeadposeError, match=f"the detector finds {told}, and nothing"):
        check_both([found])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pictures of noise with dark discs for heads, and some without."""
    return disc_pictures(tmp_path_factory.mktemp("discs"), 6, 1, empty_every=3)


def quick(data, detector, output, *more):
    small = ["--epochs", "2", "--steps", "2", "--batch-size", "4", "--sizes", "128"]
    base = ["--validation", data, "--output", output, "--device", "cpu", "--validate-on", "3"]
    return ["train-classifier", data, "--detector", detector, *base, *small, *more]


def test_a_second_stage_trains_is_saved_and_used(run_script, data, tmp_path):
    first = saved(small_detector(), tmp_path / "first.keras")
    run, second = tmp_path / "run", tmp_path / "second.keras"
    done = run_script(*quick(data, first, run, "--save", second))
    assert done.status == 0, done.err
    with (run / "log.csv").open(newline="") as file:
        log = list(csv.DictReader(file))
    assert len(log) == 2
    assert all(0 <= float(row["separation"]) <= 1 for row in log)
    detector = load_detector(second, 128, Backend("keras", "cpu"))
    assert isinstance(detector, TwoStageDetector)
    assert detector.classifier_spec.detector == "first"
    boxes, scores = detector.detect([read_image(data.with_name("1.png"))], 0.0)[0]
    assert boxes.shape == (len(scores), 4)
    refused = run_script(*quick(data, first, run))
    assert refused.status == 1
    assert "--resume, --overwrite" in refused.err
    again = run_script(*quick(data, first, run, "--resume", "--start", first))
    assert again.status == 1
    assert "none of its layers fits this network" in again.err


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--detector", "none.keras"], 1, "no such model file"),
        (["--start", "none.keras"], 1, "no such model file"),
        (["--save", "new.onnx"], 1, "must end in .keras"),
        (["--lowest", "0.9"], 2, "--lowest"),
        (["--sizes", "8"], 2, "--sizes"),
    ],
)
def test_bad_options_are_told_at_once(run_script, data, tmp_path, arguments, status, told):
    done = run_script("train-classifier", data, "--validation", data, *arguments)
    assert done.status == status
    assert told in done.err
