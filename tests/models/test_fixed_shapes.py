"""Sessions for sizes that come up often: the same answers, made once, no more than a few."""

import shutil

import numpy as np
import pytest

from headpose.models.backends import Backend
from headpose.models.fixed_shapes import KEPT, WORTH_IT, FixedShapes
from headpose.models.sessions import open_session
from headpose.models.shipped import DEFAULT_DETECTOR


class Session:
    """Answers with what it was opened for."""

    class Input:
        name = "image"

        def __init__(self, shape):
            self.shape = shape

    def __init__(self, given, shape):
        self.given, self.shape = given, shape

    def get_inputs(self):
        return [self.Input(self.shape)]

    def run(self, _, inputs):
        return [self.given, inputs["image"].shape]


def opened(shape, made):
    def open_session(given):
        made.append(given)
        return Session(given, shape)

    return FixedShapes(open_session)


def batch(*shape):
    return np.zeros(shape, np.float32)


def test_a_size_that_comes_up_often_gets_its_own_session():
    made = []
    call = opened(["n", "h", "w", 3], made)
    answers = [call(batch(1, 64, 128, 3))[0] for _ in range(WORTH_IT + 5)]
    assert answers[: WORTH_IT - 1] == [{}] * (WORTH_IT - 1)
    assert answers[-1] == {"n": 1, "h": 64, "w": 128}
    assert made == [{}, {"n": 1, "h": 64, "w": 128}]
    assert call(batch(1, 128, 64, 3))[0] == {}


def test_no_more_than_a_few_are_kept():
    made = []
    call = opened(["n", "h", "w", 3], made)
    for height in range(64, 64 * (KEPT + 4), 64):
        for _ in range(WORTH_IT):
            call(batch(1, height, 64, 3))
    assert len(made) == KEPT + 1 and len(call.shapes) == KEPT


@pytest.mark.parametrize("shape", [["n", 64, 64, 1], [1, 64, 64, 3]])
def test_networks_of_one_size_have_one_session(shape):
    made = []
    call = opened(shape, made)
    for _ in range(WORTH_IT * 2):
        call(batch(1, *shape[1:]))
    assert made == [{}]


def test_answers_of_the_shipped_detector_are_the_same():
    call = open_session(DEFAULT_DETECTOR.with_suffix(".onnx"), Backend("onnxruntime"))
    picture = np.random.default_rng(0).uniform(0, 255, (1, 64, 128, 3)).astype(np.float32)
    first = call(picture)
    for _ in range(WORTH_IT):
        last = call(picture)
    assert call.shapes == [(1, 64, 128, 3)]
    for before, after in zip(first, last, strict=True):
        assert np.abs(before - after).max() <= 1e-4


def test_a_file_that_was_replaced_is_not_opened_again(tmp_path):
    file = tmp_path / "detector.onnx"
    shutil.copy(DEFAULT_DETECTOR.with_suffix(".onnx"), file)
    call = open_session(file, Backend("onnxruntime"))
    picture = batch(1, 64, 64, 3)
    first = call(picture)
    file.write_bytes(b"another")
    for _ in range(WORTH_IT + 1):
        last = call(picture)
    assert call.shapes == [] and np.array_equal(first[0], last[0])
