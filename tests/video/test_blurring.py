"""Which places of a video are hidden when heads are."""

import numpy as np
import pytest

from headpose.pipeline import Head
from headpose.video.blurring import HeadHider
from headpose.video.frames import Frame
from headpose.video.pipeline import FollowedHead

BLACK = np.zeros((9, 9, 3), np.uint8)


def hidden(seen, around=0.2, rate=10, **limits):
    """Returns the boxes that are hidden in each frame, for those in which a head is seen."""
    hider, result = HeadHider(around, **limits), {}
    for i, box in enumerate(seen):
        heads = []
        if box is not None:
            head = Head((box, 0, box + 1, 1), 0.9, None, None)
            heads = [FollowedHead(1, head, head)]
        for frame, _, boxes in hider.put(Frame(i, i / rate, 1 / rate, BLACK), heads):
            result[frame.index] = [b[0] for b in boxes]
    result |= {frame.index: [b[0] for b in boxes] for frame, _, boxes in hider.rest()}
    return [result[i] for i in range(len(seen))]


def test_a_place_is_hidden_before_and_after_a_head_is_seen():
    assert hidden([None, None, None, 5, 6, None, None, None, None]) == [
        *([], [5], [5], [5], [6]),
        *([6], [6], [], []),
    ]


def test_all_frames_come_out_in_order():
    assert hidden([1] * 7) == [[1]] * 7
    assert hidden([1, None, 3], around=0) == [[1], [], [3]]


@pytest.mark.parametrize("rate", [60, 120, 240])
def test_half_a_second_is_hidden_at_any_rate(rate):
    seen = [None] * rate + [7]
    places = hidden(seen, around=0.5, rate=rate)
    # Times are no whole numbers: one frame more may be half a second before.
    assert rate // 2 + 1 <= places.count([7]) <= rate // 2 + 2
    assert places[-rate // 2 - 1 :] == [[7]] * (rate // 2 + 1)


def test_less_than_that_is_told(caplog):
    seen = [None] * 10 + [7]
    places = hidden(seen, around=0.5, rate=10, max_held=3 * BLACK.nbytes)
    assert places == [[]] * 7 + [[7]] * 4
    assert caplog.text.count("heads are hidden only 0.30 s before they are found, which") == 1


def test_frames_that_come_seldom_are_hidden_by_their_number():
    """A head in the fourth of frames that are seconds apart, which hold nothing by time."""
    seen = [None, None, None, 5, None, None, None, None]
    assert hidden(seen, around=0.5, rate=0.5) == [[], [], [5], [5], [], [], [], []]
    assert hidden(seen, around=0.5, rate=0.5, frames=2) == [
        *([], [5], [5], [5]),
        *([5], [5], [], []),
    ]
