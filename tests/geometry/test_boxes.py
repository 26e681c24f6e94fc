import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headpose.geometry import boxes as box

coordinate = st.integers(-50, 50).map(float)


@st.composite
def some_boxes(draw, most=6):
    corners = draw(
        arrays(np.float32, st.tuples(st.integers(0, most), st.just(4)), elements=coordinate)
    )
    low = np.minimum(corners[:, :2], corners[:, 2:])
    high = np.maximum(corners[:, :2], corners[:, 2:]) + 1
    return np.concatenate([low, high], axis=1)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (5, 0, 15, 10), 50 / 150),
        ((0, 0, 4, 2), (2, 1, 6, 5), 2 / (8 + 16 - 2)),  # areas differ: both count once
        ((0, 0, 10, 10), (10, 0, 20, 10), 0.0),  # they only touch
        ((0, 0, 10, 10), (2, 2, 4, 4), 4 / 100),
        ((3, 3, 3, 3), (3, 3, 3, 3), 0.0),  # no area at all
    ],
)
def test_iou_by_hand(first, second, expected):
    assert box.iou([first], [second])[0, 0] == pytest.approx(expected)


@given(some_boxes(), some_boxes())
def test_iou_is_symmetric_and_within_0_and_1(first, second):
    values = box.iou(first, second)
    assert values.shape == (len(first), len(second))
    assert ((values >= 0) & (values <= 1)).all()
    np.testing.assert_allclose(values, box.iou(second, first).T, rtol=1e-6)


@given(some_boxes(), st.integers(-20, 20), st.integers(-20, 20))
def test_iou_does_not_depend_on_place(boxes, x, y):
    moved = boxes + np.float32([x, y, x, y])
    np.testing.assert_allclose(box.iou(boxes, boxes), box.iou(moved, moved), atol=1e-6)


def test_match_takes_the_best_sum_and_each_box_once():
    # Greedy matching would give the first box to the second head and leave the rest.
    score = np.array([[0.6, 0.9], [0.0, 0.8]])
    rows, columns = box.assign(score, 0.5)
    assert list(zip(rows, columns, strict=True)) == [(0, 0), (1, 1)]


def test_nothing_is_matched_below_the_minimum_or_without_overlap():
    rows, columns = box.match([(0, 0, 10, 10), (50, 50, 60, 60)], [(8, 8, 18, 18)], 0.5)
    assert len(rows) == len(columns) == 0
    rows, _ = box.match([(0, 0, 10, 10)], [(20, 20, 30, 30)], 0.0)
    assert len(rows) == 0


@given(some_boxes(4), some_boxes(4))
def test_match_beats_every_other_pairing(first, second):
    score = box.iou(first, second)
    rows, columns = box.assign(score, 0.3)
    allowed = np.where(score >= 0.3, score, 0)
    small, large = sorted((len(first), len(second)))
    best = 0.0
    table = allowed if len(first) <= len(second) else allowed.T
    for chosen in itertools.permutations(range(large), small):
        best = max(best, sum(table[i, j] for i, j in enumerate(chosen)))
    assert score[rows, columns].sum() == pytest.approx(best, abs=1e-5)


def test_clip_cuts_to_the_picture():
    clipped = box.clip([(-5, 2, 30, 40), (1, 1, 2, 2)], 20, 10)
    np.testing.assert_array_equal(clipped, [(0, 2, 20, 10), (1, 1, 2, 2)])


@pytest.mark.parametrize("wrong", [[1, 2, 3, 4], [[1, 2, 3]], np.zeros((2, 2, 4))])
def test_other_shapes_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\(N, 4\)"):
        box.as_boxes(wrong)


def test_no_boxes_are_fine_everywhere():
    assert box.iou([], [(0, 0, 1, 1)]).shape == (0, 1)
    assert len(box.nms([], [])) == 0
    assert box.clip([], 5, 5).shape == (0, 4)


def test_boxes_inside_better_ones_are_dropped_if_asked():
    """A face in a head, a head around a face, and a small head half before a large one."""
    boxes = [(0, 0, 100, 100), (20, 30, 60, 80), (200, 0, 240, 50), (190, -10, 260, 70)]
    boxes += [(80, 80, 120, 120)]
    scores = [0.9, 0.8, 0.9, 0.7, 0.6]
    assert box.nms(boxes, scores).tolist() == [0, 2, 1, 3, 4]
    assert box.nms(boxes, scores, containment=0.8).tolist() == [0, 2, 4]
    assert box.nms(boxes, scores, containment=0.2).tolist() == [0, 2]


def test_a_dropped_box_drops_nothing_inside_it():
    boxes = [(0, 0, 10, 40), (0, 0, 30, 50), (20, 5, 30, 45)]
    assert box.nms(boxes, [0.9, 0.8, 0.7], containment=0.8).tolist() == [0, 2]
