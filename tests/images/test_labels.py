"""Labels: where they stand, and that they read."""

import numpy as np
import pytest

from headpose.errors import HeadposeError
from headpose.geometry.boxes import intersection
from headpose.images.drawing import STYLES, draw_heads, label_text
from headpose.images.labels import (
    MIN_HEIGHT,
    draw_labels,
    label_height,
    place_labels,
    text_mask,
)
from headpose.images.marks import ARROW, GREY
from headpose.pipeline import Head


def crowd(count: int, columns: int, side: int, gap: int) -> np.ndarray:
    """Boxes (N, 4) in rows and columns."""
    x, y = np.arange(count) % columns, np.arange(count) // columns
    corners = np.stack([x, y], axis=1) * (side + gap) + gap
    return np.concatenate([corners, corners + side], axis=1).astype(float)


def test_labels_hide_neither_heads_nor_each_other_where_there_is_room():
    boxes = crowd(32, 8, 30, 30)
    places, cramped = place_labels(boxes, [(28, 12)] * 32, (500, 260))
    assert cramped == 0
    overlap = intersection(places, places)
    assert (overlap[~np.eye(32, dtype=bool)] == 0).all()
    assert intersection(places, boxes).max() == 0


@pytest.mark.parametrize("corner", [(0, 0), (90, 0), (0, 60), (90, 60)])
def test_labels_stay_within_the_picture(corner):
    box = np.array([[*corner, corner[0] + 10, corner[1] + 10]], float)
    ((x0, y0, x1, y1),), _ = place_labels(box, [(40, 12)], (100, 70))
    assert 0 <= x0 < x1 <= 100
    assert 0 <= y0 < y1 <= 70


def test_a_crowd_gets_numbers_alone():
    """In a crowd the pixels that labels change are few; each head still has one."""
    boxes = crowd(32, 8, 30, 25)
    heads = [Head(tuple(b), 0.9, 10.0, -20.0) for b in boxes]
    picture = np.full((240, 480, 3), 200, np.uint8)
    drawn = draw_heads(picture, heads)
    numbers = draw_heads(picture, heads, names=[str(i) for i in range(1, 33)], labels="short")
    np.testing.assert_array_equal(drawn, numbers)


def test_lines_to_labels_pass_behind_heads():
    """Three rows of small heads, close together: only labels may cover a head."""
    boxes = np.array(
        [(x, y, x + 12, y + 12) for y in (100, 114, 128) for x in range(60, 300, 14)], np.float64
    )
    ground = np.full((240, 360, 3), 90, np.uint8)
    canvas = ground.copy()
    texts = [f"#{i}" for i in range(1, len(boxes) + 1)]
    draw_labels(canvas, boxes, texts, texts)
    changed = (canvas != ground).any(axis=2)
    shapes = [text_mask(text, MIN_HEIGHT).shape for text in texts]
    sizes = [(wide + MIN_HEIGHT // 2, high + 2) for high, wide in shapes]
    places, cramped = place_labels(boxes, sizes, (360, 240))
    assert cramped > len(boxes) / 4
    for x0, y0, x1, y1 in places:
        changed[y0:y1, x0:x1] = False
    assert changed.any()  # the lines
    for x0, y0, x1, y1 in boxes.astype(int):
        assert not changed[y0:y1, x0:x1].any()


def test_few_heads_get_their_angles():
    picture = np.full((400, 600, 3), 200, np.uint8)
    heads = [Head((50, 100, 250, 350), 0.9, 10.0, -20.0), Head((320, 100, 500, 350), 0.9, 0, 0)]
    full, short = (draw_heads(picture, heads, labels=kind) for kind in ("full", "short"))
    assert (full != short).any()


@pytest.mark.parametrize("text", ["+12°", "-30°", "±7°", "#12?"])
def test_every_letter_can_be_written(text):
    """A letter that the font lacks would look like any other that it lacks."""
    lacking = text_mask("\u2603", 20)
    for letter in text:
        mask = text_mask(letter, 20)
        assert mask.any()
        assert mask.shape != lacking.shape or (mask != lacking).any()


@pytest.mark.parametrize(("side", "height"), [(480, 13), (1000, 17), (12000, 204)])
def test_letters_grow_with_the_picture(side, height):
    assert label_height(side) == height


@pytest.mark.parametrize(
    ("head", "options", "text"),
    [
        (Head((0, 0, 9, 9), 1, 12.4, -30.2, 3.0), {}, "tilt +12° pan -30°"),
        (Head((0, 0, 9, 9), 1, 0.3, -0.4, 3.0), {"roll": True}, "tilt 0° pan 0° roll +3°"),
        (Head((0, 0, 9, 9), 1, 5, 6, None), {"roll": True}, "tilt +5° pan +6°"),
        (
            Head((0, 0, 9, 9), 1, 5, 6, expected_error=7.2),
            {"name": "#3"},
            "#3 tilt +5° pan +6° ±7°",
        ),
        (Head((0, 0, 9, 9), 1, 5, 6, expected_error=31.0), {}, "tilt +5° pan +6° ±31° ?"),
        (Head((0, 0, 9, 9), 1, 0, 170), {}, "away +170° up 0°"),
        (Head((0, 0, 9, 9), 1, -47, 88, 45), {"roll": True}, "side +89° up -1°"),
        (Head((0, 0, 9, 9), 1, 10, 75, 4), {"roll": True}, "tilt +10° pan +75° roll +4°"),
        (Head((0, 0, 9, 9), 1, 0, -76), {}, "side -76° up 0°"),
        (Head((0, 0, 9, 9), 1, None, None), {"name": "#2"}, "#2 ?"),
    ],
)
def test_a_label_says_what_is_known(head, options, text):
    assert label_text(head, **options) == text


def count(picture: np.ndarray, colour) -> int:
    return int((np.abs(picture.astype(int) - colour) < 12).all(axis=2).sum())


def test_an_unsure_head_is_grey():
    picture = np.full((300, 300, 3), 255, np.uint8)
    box = (50, 50, 250, 250)
    sure = draw_heads(picture, [Head(box, 0.9, 0, 30, expected_error=5.0)], labels="none")
    unsure = draw_heads(picture, [Head(box, 0.9, 0, 30, expected_error=25.0)], labels="none")
    assert count(sure, ARROW) > 100
    assert count(sure, GREY) < 60  # of edges between colours
    assert count(unsure, ARROW) == 0
    assert count(unsure, GREY) > 100


def test_a_head_that_faces_the_camera_has_more_than_a_dot():
    picture = np.full((300, 300, 3), 255, np.uint8)
    drawn = draw_heads(picture, [Head((50, 50, 250, 250), 0.9, 0, 0)], labels="none")
    rows = np.nonzero((np.abs(drawn.astype(int) - ARROW) < 12).all(axis=2))[0]
    assert np.ptp(rows) > 25  # of 200 pixels of the head


@pytest.mark.parametrize("error", [5.0, 15.0, 40.0])
def test_the_spread_is_as_wide_as_the_expected_error(error):
    """Of a head in profile the fan's end is twice sin(error) of half the box high."""
    picture = np.full((400, 400, 3), 255, np.uint8)
    head = Head((100, 100, 300, 300), 0.9, 0, 90, expected_error=error)
    drawn = draw_heads(picture, [head], labels="none", unsure_above=90)
    fan = (drawn != 255).any(axis=2)[105:295, 105:295]
    rows = np.nonzero(fan.any(axis=1))[0]
    tip = 2 * 17  # the arrow's tip is this wide in any case
    assert np.ptp(rows) == pytest.approx(max(2 * 100 * np.sin(np.radians(error)), tip), abs=6)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [(1, 1), (30, 20), (4000, 50)])
def test_every_style_draws_on_every_size(style, size):
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    head = Head((0, 0, *size), 0.9, 10, -100, 5, expected_error=8.0)
    for labels in ("full", "short", "none"):
        drawn = draw_heads(picture, [head], style, labels=labels, roll=True)
        assert drawn.shape == picture.shape
    assert style != "none" or (draw_heads(picture, [head], style, labels="none") == 90).all()


def test_a_label_stands_nearer_to_its_own_head_than_to_another():
    """Three in a row: beside the middle one's lower corner its label would be the right one's."""
    boxes = np.float32([[100, 50, 250, 240], [300, 100, 450, 280], [465, 40, 650, 245]])
    low = np.float32([[10, 285, 420, 480], [460, 300, 800, 500]])  # nothing fits below the middle
    boxes = np.concatenate([boxes, low])
    places, _ = place_labels(boxes, [(240, 20), (270, 20), (270, 20), (9, 9), (9, 9)], (900, 520))
    label = np.float32(places[1])
    gaps = [np.maximum(label[:2] - box[2:], box[:2] - label[2:]).max() for box in boxes]
    assert np.argmin(gaps) == 1 or gaps[1] <= 2
    over = [max(0.0, min(label[2], box[2]) - max(label[0], box[0])) for box in boxes[:3]]
    assert np.argmax(over) == 1


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("style", ["arrow", "axes", "cube"])
def test_what_a_table_has_as_nan_is_not_known(style):
    """As pandas reads cells that are empty."""
    canvas, box = np.full((90, 120, 3), 90, np.uint8), (20, 10, 80, 70)
    for of_table, of_pipeline in (
        (Head(box, 0.9, NAN, NAN, NAN, NAN, NAN, NAN), Head(box, 0.9, None, None)),
        (Head(box, 0.9, 10.0, 20.0, NAN, 1.0, 1.0, NAN), Head(box, 0.9, 10.0, 20.0)),
    ):
        drawn = [draw_heads(canvas, [head], style, roll=True) for head in (of_table, of_pipeline)]
        assert np.array_equal(*drawn)


@pytest.mark.parametrize(
    "head",
    [
        Head((0, 0, NAN, 9), 0.9, 1, 2),
        Head((0, 0, INF, 9), 0.9, 1, 2),
        Head((0, 0, 9), 0.9, 1, 2),
        Head((0, 0, 9, 9), 0.9, INF, 2),
        Head((0, 0, 9, 9), 0.9, "up", 2),
        {"box": (0, 0, 9, 9), "score": 0.9, "tilt": 1, "pan": 2},
        None,
    ],
)
def test_what_cannot_be_drawn_is_named(head):
    canvas = np.zeros((90, 120, 3), np.uint8)
    with pytest.raises(HeadposeError, match=r"heads\[1\]"):
        draw_heads(canvas, [Head((0, 0, 9, 9), 0.9, 1, 2), head])
