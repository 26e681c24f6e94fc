import numpy as np
import pytest

from headpose.detection.metrics import ALL, judge, ratios

A, B, C = (0, 0, 20, 20), (100, 0, 120, 20), (200, 200, 300, 300)


def found(*rows):
    boxes = np.float32([r[0] for r in rows]).reshape(-1, 4)
    return boxes, np.float32([r[1] for r in rows])


def test_average_precision_by_hand():
    """Right at .9, wrong at .8, right at .7, of three heads: 1/3 * 1 + 1/3 * 2/3."""
    detections = found((A, 0.9), ((400, 400, 430, 430), 0.8), (B, 0.7))
    judged = judge([detections], [np.float32([A, B, C])], [512])
    assert judged.average_precision == pytest.approx(1 / 3 + 2 / 9)
    np.testing.assert_allclose(judged.recall, [1 / 3, 1 / 3, 2 / 3])
    np.testing.assert_allclose(judged.precision, [1, 1 / 2, 2 / 3])


def test_scores_are_ordered_over_all_pictures():
    first, second = found((A, 0.5)), found(((0, 100, 20, 120), 0.9))
    judged = judge([first, second], [np.float32([A]), np.float32([A])], [512, 512])
    assert list(judged.true) == [False, True]


def test_a_head_is_found_once():
    judged = judge([found((A, 0.9), ((1, 0, 21, 20), 0.8))], [np.float32([A])], [512])
    assert list(judged.true) == [True, False]


def test_overlap_must_reach_one_half():
    shifted = (20 / 3, 0, 20 + 20 / 3, 20)  # IoU exactly 1/2
    assert judge([found((shifted, 1))], [np.float32([A])], [512]).true.all()
    assert not judge([found(((7, 0, 27, 20), 1))], [np.float32([A])], [512]).true.any()


def test_size_classes_leave_others_out():
    """A head of 20 px and one of 100: what finds the other class's head does not count."""
    detections = found((A, 0.9), (C, 0.8), ((400, 400, 420, 420), 0.7))
    truth = [np.float32([A, C])]
    small = judge([detections], truth, [512], (16, 32))
    assert small.heads == 1
    assert list(small.true) == [True, False]
    large = judge([detections], truth, [512], (64, np.inf))
    assert list(large.true) == [True]


def test_sizes_are_those_at_a_long_side_of_512():
    truth = [np.float32([A])]
    assert judge([found()], truth, [512], (16, 32)).heads == 1
    assert judge([found()], truth, [1024], (8, 16)).heads == 1
    assert judge([found()], truth, [2048], ALL).heads == 0


def test_recall_at_a_number_of_false_heads():
    wrong = (400, 400, 420, 420)
    detections = found((A, 0.9), (wrong, 0.8), (B, 0.7), ((0, 400, 20, 420), 0.6), (C, 0.5))
    judged = judge([detections], [np.float32([A, B, C])], [512])
    assert judged.recall_at(0) == pytest.approx(1 / 3)
    assert judged.recall_at(1) == pytest.approx(2 / 3)
    assert judged.recall_at(2) == pytest.approx(1)


def test_nothing_found_and_nothing_to_find():
    assert judge([found()], [np.float32([A])], [512]).average_precision == 0
    assert judge([found((A, 1))], [np.zeros((0, 4), np.float32)], [512]).average_precision == 0


def test_published_ratios():
    """Three heads, three detections above the threshold, two of them right."""
    detections = found((A, 0.9), (B, 0.8), ((400, 400, 420, 420), 0.7), (C, 0.2))
    t, f = ratios([detections], [np.float32([A, B, C])], 0.5)
    assert t == pytest.approx(2 / 3)
    assert f == pytest.approx(1 / 3)
