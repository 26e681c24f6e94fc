"""Following boxes: numbers that stay, and boxes carried by sight."""

import cv2
import numpy as np
import pytest

from headpose.geometry.boxes import iou
from headpose.video.optical_flow import BoxFlow
from headpose.video.tracking import Tracker

RATE = 25


def box(x: float, y: float = 100, size: float = 40) -> tuple:
    return x - size / 2, y - size / 2, x + size / 2, y + size / 2


def followed(frames, confidence: float = 0.5, rate: float = RATE) -> list[dict[int, tuple]]:
    """Gives a tracker the boxes and scores of each frame; returns the visible boxes by number."""
    tracker, result = Tracker(confidence), []
    for i, frame in enumerate(frames):
        tracker.predict(i / rate)
        if frame is not None:
            rows = [(*row, 0.9) if len(row) == 4 else row for row in frame]
            table = np.float32(rows).reshape(-1, 5)
            tracker.update(table[:, :4], table[:, 4])
        result.append({t.number: tuple(t.box) for t in tracker.visible})
    return result


def number_at(visible: dict, x: float) -> int:
    """Returns which head's middle is at x."""
    (number,) = [n for n, b in visible.items() if abs((b[0] + b[2]) / 2 - x) < 5]
    return number


def test_heads_get_numbers_in_order_and_keep_them():
    found = followed([[box(50 + i), box(200 - i)] for i in range(40)])
    assert all(set(f) == {1, 2} for f in found)
    assert number_at(found[0], 50) == number_at(found[-1], 89) == 1


@pytest.mark.parametrize("missed", [1, 3, 8])
def test_a_head_that_is_missed_for_a_while_keeps_its_number(missed):
    frames = [[box(50 + 3 * i)] for i in range(40)]
    frames[15 : 15 + missed] = [[]] * missed
    found = followed(frames)
    assert [set(f) for f in found[15 : 15 + missed]] == [set()] * missed
    assert all(set(f) == {1} for f in found[15 + missed :])


@pytest.mark.parametrize("hidden", [0, 4, 10])
@pytest.mark.parametrize("speed", [2, 5, 9])
def test_heads_that_cross_keep_their_numbers(speed, hidden):
    """While one passes behind the other it may not be detected at all."""
    frames = []
    for i in range(60):
        one, other = 160 + speed * (i - 30), 160 - speed * (i - 30)
        behind = abs(i - 30) < hidden / 2
        frames.append([box(one, 100)] if behind else [box(one, 100), box(other, 104)])
    found = followed(frames)
    assert set().union(*found) == {1, 2}
    assert number_at(found[-1], 160 + speed * 29) == number_at(found[0], 160 - speed * 30)


def test_a_small_head_that_moves_by_more_than_its_size_keeps_its_number():
    found = followed([[box(20 + 14 * i, size=12)] for i in range(30)], rate=12.5)
    assert all(set(f) == {1} for f in found)


def test_heads_side_by_side_do_not_take_each_others_numbers():
    """One of two neighbours is missed now and then."""
    frames = [[box(100), box(145)] if i % 3 else [box(145)] for i in range(1, 40)]
    found = followed(frames)
    assert all(number_at(f, 145) == number_at(found[0], 145) for f in found)
    assert set().union(*found) == {1, 2}


def test_an_unsure_box_continues_a_head_but_begins_none():
    sure, unsure = (*box(100), 0.8), (*box(101), 0.3)
    found = followed([[sure], [unsure], [unsure], [sure]])
    assert all(set(f) == {1} for f in found)
    assert followed([[unsure]] * 5) == [{}] * 5
    # Too far away it is another thing.
    assert followed([[sure], [sure], [(*box(130), 0.3)]])[-1] == {}


def test_a_new_head_of_a_low_score_is_shown_from_its_second_detection_on():
    others = [(*box(250), 0.9)]
    weak, strong = (*box(100), 0.6), (*box(100), 0.8)
    assert [set(f) for f in followed([others, [*others, weak], [*others, weak]])] == [
        {1},
        {1},
        {1, 2},
    ]
    assert set(followed([others, [*others, strong]])[1]) == {1, 2}
    # A false one that is seen once takes no number.
    ghost = followed([others, [*others, weak], others, [*others, (*box(20), 0.8)]])
    assert [set(f) for f in ghost] == [{1}, {1}, {1}, {1, 2}]


def test_the_threshold_is_what_begins_a_head():
    assert followed([[(*box(100), 0.6)]], confidence=0.65) == [{}]
    assert set(followed([[(*box(100), 0.66)]], confidence=0.65)[0]) == {1}


def test_a_head_seen_once_is_not_waited_for_and_one_gone_long_is_forgotten():
    once = followed([[box(50), box(300)], [box(50)], [box(50), box(300)]])
    assert set(once[0]) == {1, 2}
    assert set(once[2]) == {1, 3}
    gone = followed([[box(50)]] * 5 + [[]] * (RATE + 5) + [[box(50)]] * 2)
    assert set(gone[-1]) == {2}


def test_between_detections_at_a_low_rate_heads_are_remembered():
    """At two detections a second three may miss a head, though a second passes."""
    found = followed([[box(50)]] * 5 + [[]] * 3 + [[box(50)]], rate=2)
    assert set(found[-1]) == {1}


def test_carried_boxes_are_visible_until_a_detection_misses_them():
    tracker = Tracker(0.5)
    for i in range(3):
        tracker.predict(i / RATE)
        tracker.update(np.float32([box(100)]), [0.9])
    tracker.predict(3 / RATE)
    assert tracker.visible == []
    tracker.carry(tracker.tracks[0], np.float32(box(110)))
    (track,) = tracker.visible
    assert tuple(track.box) == box(110)
    assert track.score == pytest.approx(0.9)
    tracker.update(np.zeros((0, 4), np.float32), [])
    assert tracker.visible == []


def test_a_head_that_cannot_be_seen_well_is_carried_by_its_motion():
    tracker = Tracker(0.5)
    for i in range(20):
        tracker.predict(i / RATE)
        tracker.update(np.float32([box(100 + 5 * i)]), [0.9])
    for i in range(20, 24):
        tracker.predict(i / RATE)
        tracker.carry(tracker.tracks[0], None)
        (track,) = tracker.visible
        assert track.box == pytest.approx(box(100 + 5 * i), abs=2)


def test_no_boxes_are_no_heads():
    assert followed([[], [], []]) == [{}, {}, {}]


# ----------------------------------------------------------------------- optical flow


@pytest.fixture
def scene(noise_picture):
    """Draws a textured head of 60 x 72 pixels at a place and scale on textured ground."""
    ground = noise_picture(640, 360, 1)
    head = cv2.resize(
        np.random.default_rng(2).integers(0, 256, (12, 10, 3), dtype=np.uint8), (60, 72)
    )

    def draw(x: float, y: float, scale: float = 1.0) -> np.ndarray:
        picture = ground.copy()
        turn = np.float32([[scale, 0, x], [0, scale, y]])
        patch = cv2.warpAffine(head, turn, (640, 360))
        mask = cv2.warpAffine(np.full(head.shape[:2], 255, np.uint8), turn, (640, 360))
        picture[mask > 127] = patch[mask > 127]
        return picture

    return draw


@pytest.mark.parametrize("double", [False, True])
def test_boxes_are_carried_along_with_what_they_show(scene, double):
    flow, carried = BoxFlow(), None
    for i in range(15):
        x, y, scale = 100 + 9 * i, 120 - 2 * i, 1 + 0.015 * i
        true = np.float32([(x, y, x + 60 * scale, y + 72 * scale)])
        picture = scene(x, y, scale)
        if double:  # pictures larger than what points are followed in
            picture, true = cv2.resize(picture, None, fx=2, fy=2), 2 * true
        carried, trusted, _ = flow.move(picture, true if carried is None else carried)
        if i:
            assert trusted.all()
            assert iou(carried, true)[0, 0] > 0.85
        else:
            assert not trusted.any()  # there is no frame before
            carried = true


@pytest.mark.parametrize("seed", range(4))
def test_a_box_whose_head_vanishes_is_not_trusted(seed):
    def texture(number: int) -> np.ndarray:
        coarse = np.random.default_rng(number).integers(0, 256, (14, 24, 3), dtype=np.uint8)
        return cv2.resize(coarse, (640, 360), interpolation=cv2.INTER_CUBIC)

    flow = BoxFlow()
    boxes = np.float32([(100, 120, 160, 192), (300, 100, 400, 220)])
    flow.move(texture(seed), boxes)
    _, trusted, changed = flow.move(texture(seed + 100), boxes)
    assert not trusted.any()
    assert changed.all()


def test_what_is_smooth_is_lost_but_not_changed():
    flow, boxes = BoxFlow(), np.float32([(100, 120, 160, 192), (700, 50, 710, 60)])
    flow.move(np.full((360, 640, 3), 90, np.uint8), boxes)
    for grey, gone in ((95, False), (0, True), (3, True), (9, True), (60, True), (65, False)):
        _, trusted, changed = flow.move(np.full((360, 640, 3), grey, np.uint8), boxes)
        assert not trusted.any()
        assert changed.tolist() == [gone, False]


def test_a_box_that_leaves_the_picture_is_not_trusted(scene):
    flow = BoxFlow()
    carried = np.float32([(590, 120, 650, 192)])
    flow.move(scene(590, 120), carried)
    for i in range(1, 8):
        carried, trusted, _ = flow.move(scene(590 + 6 * i, 120), carried)
    assert not trusted.any()


def test_no_boxes_are_carried_nowhere(scene):
    flow = BoxFlow()
    for _ in range(2):
        boxes, trusted, _ = flow.move(scene(0, 0), [])
        assert boxes.shape == (0, 4)
        assert trusted.shape == (0,)
