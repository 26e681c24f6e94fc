"""What a stranger's network answers is checked."""

import numpy as np
import pytest

from headpose.errors import HeadposeError
from headpose.models.answers import checked_detector, checked_numbers


@pytest.mark.parametrize(
    "answer",
    [
        [np.zeros((1, 6))] * 2,
        [np.zeros((1, 5))],
        [np.zeros((2, 6))],
        [np.full((1, 6), np.nan)],
        [np.full((1, 6), np.inf)],
        [],
    ],
)
def test_an_estimators_answer_is_checked(answer):
    with pytest.raises(HeadposeError, match=r"m\.onnx"):
        checked_numbers(lambda batch: answer, 6, "m.onnx")(np.zeros((1, 64, 64, 3), "f4"))


@pytest.mark.parametrize(
    ("boxes", "scores"),
    [
        (np.zeros((1, 5, 4)), np.full((1, 5), np.nan)),
        (np.zeros((1, 5, 4)), np.full((1, 5), 7.0)),
        (np.full((1, 5, 4), np.inf), np.full((1, 5), 0.5)),
        (np.zeros((1, 4, 4)), np.zeros((1, 5))),
        (np.zeros((1, 5)), np.zeros((1, 5))),
        (np.zeros((2, 5, 4)), np.zeros((2, 5))),
    ],
)
def test_a_detectors_answer_is_checked(boxes, scores):
    with pytest.raises(HeadposeError, match=r"m\.onnx"):
        checked_detector(lambda batch: [boxes, scores], "m.onnx")(np.zeros((1, 64, 64, 3), "f4"))


def test_boxes_that_nobody_takes_may_overflow():
    answer = [np.full((1, 1, 4), np.inf), np.zeros((1, 1))]
    assert checked_detector(lambda batch: answer, "m")(np.zeros((1, 8, 8, 3), "f4"))


def test_an_error_of_a_backend_is_one_sentence():
    def call(batch):
        raise RuntimeError("[ShapeInferenceError] first\nsecond")

    with pytest.raises(
        HeadposeError, match=r"^m: cannot be run \(\[ShapeInferenceError\] first\)$"
    ):
        checked_numbers(call, 6, "m")(np.zeros((1, 64, 64, 3), "f4"))
