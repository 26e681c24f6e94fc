"""Detectors of two stages: what the second makes of the candidates of the first."""

import math
import pickle
import types

import numpy as np
import pytest
from model_specs import CLASSES
from small_models import saved, small_classifier, small_detector, small_estimator

from headpose.detection.head_detector import HeadDetector
from headpose.detection.loading import load_detector
from headpose.detection.second_stage import TwoStageDetector, combined, first_score
from headpose.errors import HeadposeError
from headpose.models.backends import Backend
from headpose.models.formats import digest
from headpose.models.network import Network

KERAS = Backend("keras", "cpu")
BOXES = np.array([[0, 0, 20, 20], [30, 0, 50, 20], [0, 40, 20, 60], [60, 60, 90, 90]], np.float32)
SCORES = np.array([0.9, 0.6, 0.3, 0.1], np.float32)


class FirstStage:
    """Finds the same in every picture."""

    fixed_size, size = None, 512

    def detect(self, pictures, confidence):
        kept = confidence < SCORES
        return [(BOXES[kept], SCORES[kept]) for _ in pictures]


def two_stages(call):
    return TwoStageDetector(FirstStage(), Network(CLASSES, call, "test"))


def brightness(crops):
    """A classifier that takes what is bright for a head, and what is dark for none."""
    return [(crops.mean(axis=(1, 2, 3))[:, None] - 128) / 16]


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


@pytest.fixture
def picture():
    picture = np.full((100, 100, 3), 128, np.uint8)
    picture[:20, :25] = 0  # the surest find is none
    picture[35:, :30] = 255  # the third one is a head
    return picture


def test_both_scores_count_with_their_weights():
    scores = combined(np.array([0.5, 0.8], "f4"), np.array([1.0, -2.0]), (2.0, 0.5, -0.25))
    expected = [sigmoid(0.5 - 0.25), sigmoid(2 * math.log(4) - 1 - 0.25)]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_scores_of_one_and_nought_are_no_numbers_that_overflow():
    scores = combined(np.array([0.0, 1.0], "f4"), np.zeros(2), (2.0, 1.0, 0.0))
    np.testing.assert_allclose(scores, [0, 1], atol=1e-6)


@pytest.mark.parametrize("score", [0.02, 0.3, 0.5, 0.97])
def test_the_first_score_of_a_threshold_is_what_gets_it(score):
    first = first_score(score, CLASSES.weights)
    told = combined(np.array([first]), np.zeros(1), CLASSES.weights)
    assert told[0] == pytest.approx(score, rel=1e-4)


def test_candidates_change_places_and_others_do_not(picture):
    ((boxes, scores),) = two_stages(brightness).detect([picture], 0.0)
    assert (np.diff(scores) <= 0).all()
    by_box = {tuple(box): score for box, score in zip(boxes.tolist(), scores, strict=True)}
    # Below the lowest score that it is asked about: as if it could not tell.
    assert by_box[tuple(BOXES[3])] == pytest.approx(sigmoid(2 * math.log(1 / 9) - 0.25), 1e-4)
    assert by_box[tuple(BOXES[2])] > SCORES[2] + 0.3
    assert by_box[tuple(BOXES[0])] < SCORES[0]


def test_what_fills_the_picture_keeps_its_score():
    """Of the crop, 1.6 times the box, 20 x 20 of 32 x 32 pixels are in the picture: .39."""
    close_up = np.zeros((20, 20, 3), np.uint8)
    ((boxes, scores),) = two_stages(brightness).detect([close_up], 0.5)
    by_box = {tuple(box): score for box, score in zip(boxes.tolist(), scores, strict=True)}
    assert CLASSES.margin == 1.6
    assert by_box[tuple(BOXES[0])] == SCORES[0]
    wider = np.zeros((32, 32, 3), np.uint8)  # 26 x 26 pixels of the crop are in it
    ((boxes, scores),) = two_stages(brightness).detect([wider], 0.5)
    by_box = {tuple(box): score for box, score in zip(boxes.tolist(), scores, strict=True)}
    wanted = sigmoid(2 * math.log(9) - 0.5 * 128 / 16 - 0.25)
    assert by_box[tuple(BOXES[0])] == pytest.approx(wanted, abs=1e-4)


def test_a_threshold_holds_for_the_new_scores(picture):
    detector = two_stages(brightness)
    ((boxes, scores),) = detector.detect([picture], 0.8)
    assert tuple(BOXES[2]) in set(map(tuple, boxes.tolist()))
    assert (scores > 0.8).all()
    ((boxes, scores),) = detector.detect([picture])
    assert (scores > detector.confidence).all()


def test_several_pictures_are_judged_each_for_itself(picture):
    detector = two_stages(brightness)
    together = detector.detect([picture, 255 - picture], 0.0)
    for alone, found in zip((picture, 255 - picture), together, strict=True):
        np.testing.assert_array_equal(detector.detect([alone], 0.0)[0][0], found[0])
    assert not np.array_equal(together[0][1], together[1][1])


def test_many_candidates_are_asked_about_in_parts(picture):
    seen = []

    def count(crops):
        seen.append(len(crops))
        return brightness(crops)

    detector = two_stages(count)
    logits = detector.logits(picture, np.repeat(BOXES, 40, axis=0))
    assert sum(seen) == len(logits) == 160
    assert max(seen) == 64
    np.testing.assert_allclose(logits[::40], detector.logits(picture, BOXES))


def test_without_candidates_nothing_is_asked(picture):
    detector = two_stages(brightness)
    detector.detector = types.SimpleNamespace(
        detect=lambda pictures, confidence: [(BOXES[:0], SCORES[:0]) for _ in pictures]
    )
    ((boxes, scores),) = detector.detect([picture], 0.1)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)


# -------------------------------------------------------------------------- files


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small detector and its second stage, which gives every candidate a logit of 1."""
    folder = tmp_path_factory.mktemp("two")
    first = saved(small_detector(), folder / "first.keras")
    settings = {"lowest": 0.2, "weights": (2.0, 0.5, -0.25), "detector": "first"}
    second = small_classifier(1.0, **settings, digest=digest(first))
    return first, saved(second, folder / "second.keras")


def test_the_second_stages_file_names_the_first(files, noise_picture):
    first, second = files
    picture = noise_picture(96, 128)
    detector = load_detector(second, 128, KERAS)
    assert isinstance(detector, TwoStageDetector)
    ((boxes, scores),) = HeadDetector.load(first, 128, KERAS).detect([picture], 0.2)
    ((new_boxes, new_scores),) = detector.detect([picture], 0.0)
    # Inside the picture with all of the crop that the classifier sees.
    extent = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    whole = (boxes[:, :2] > extent).all(axis=1) & (boxes[:, 2:] < [128, 96] - extent).all(axis=1)
    assert whole.any()
    for box, s in zip(boxes[whole], scores[whole].tolist(), strict=True):
        (row,) = np.flatnonzero(np.abs(new_boxes - box).max(axis=1) < 1e-3)
        wanted = sigmoid(2 * math.log(s / (1 - s)) + 0.5 - 0.25)
        assert new_scores[row] == pytest.approx(wanted, abs=1e-5)


def test_it_goes_to_other_processes(files, noise_picture):
    detector = load_detector(files[1], 128, KERAS)
    detector.confidence = 0.6
    again = pickle.loads(pickle.dumps(detector))
    assert again.confidence == 0.6
    for one, other in zip(
        detector.detect([noise_picture(96, 128)])[0],
        again.detect([noise_picture(96, 128)])[0],
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("other", ["missing", "changed"])
def test_a_first_stage_that_is_not_there_or_another_is_told(files, tmp_path, other):
    second = tmp_path / "second.keras"
    second.write_bytes(files[1].read_bytes())
    if other == "changed":
        saved(small_detector(2), tmp_path / "first.keras")
    with pytest.raises(HeadposeError, match=r"second\.keras: .* first\.keras .* or was changed"):
        load_detector(second, backend=KERAS)


def test_an_estimator_is_no_detector(tmp_path):
    path = saved(small_estimator(2), tmp_path / "pose.keras")
    with pytest.raises(HeadposeError, match="not a head detector"):
        load_detector(path, backend=KERAS)


def test_a_first_stage_is_named_without_a_folder():
    with pytest.raises(ValueError, match="no name of a file"):
        small_classifier(detector="../first")
