import numpy as np
import pytest

from headpose.crops import head_crops
from headpose.drawing import draw_heads
from headpose.estimator import PoseEstimator
from headpose.pipeline import Head, HeadPosePipeline


class Given:
    """A detector that answers with what it was given."""

    confidence = 0.5

    def __init__(self, *answers):
        self.answers, self.calls = answers, []

    def detect(self, pictures, confidence=None):
        self.calls.append((len(pictures), confidence))
        return [(np.float32(a).reshape(-1, 4), np.full(len(a), 0.9)) for a in self.answers]


@pytest.fixture
def estimator(tiny_estimator):
    return PoseEstimator.load(tiny_estimator)


def test_every_head_gets_the_angles_of_its_own_crop(estimator, noise_picture):
    pictures = [noise_picture(200, 150, i) for i in range(3)]
    answers = [[(10, 10, 60, 70), (90, 20, 180, 140)], [], [(-20, 30, 60, 120)]]
    heads = HeadPosePipeline(Given(*answers), estimator)(pictures)
    assert [len(h) for h in heads] == [2, 0, 1]
    for picture, boxes, found in zip(pictures, answers, heads, strict=True):
        for box, head in zip(boxes, found, strict=True):
            ((tilt, pan),) = estimator.estimate(head_crops(picture, [box]))
            assert (head.tilt, head.pan) == pytest.approx((tilt, pan), abs=1e-3)
    assert heads[2][0].box == (0, 30, 60, 120)  # cut to the picture
    assert heads[0][0].roll is None


def test_all_heads_go_through_the_estimator_at_once(estimator, noise_picture, monkeypatch):
    calls = []
    whole = estimator.estimate_all
    monkeypatch.setattr(estimator, "estimate_all", lambda c: calls.append(len(c)) or whole(c))
    many = [(i, i, i + 50, i + 50) for i in range(20)]
    detector = Given(many, many)
    HeadPosePipeline(detector, estimator, 0.3)([noise_picture(100, 100)] * 2)
    assert calls == [40]
    assert detector.calls == [(2, 0.3)]


def test_no_pictures_are_no_heads(estimator):
    assert HeadPosePipeline(Given(), estimator)([]) == []


def arrow_pixels(tilt, pan):
    """Where the arrow's colour is, from the middle of the box."""
    picture = np.full((400, 400, 3), 255, np.uint8)
    drawn = draw_heads(picture, [Head((100, 100, 300, 300), 0.9, tilt, pan)])
    inner = drawn[110:290, 110:290].astype(int)
    red = (inner[..., 2] > 200) & (inner[..., 1] < 120) & (inner[..., 0] < 120)
    y, x = np.nonzero(red)
    return x - 90, y - 90


@pytest.mark.parametrize(
    ("tilt", "pan", "side"),
    [(0, 45, "left"), (0, -45, "right"), (45, 0, "up"), (-45, 0, "down")],
)
def test_arrows_point_where_the_nose_does(tilt, pan, side):
    x, y = arrow_pixels(tilt, pan)
    reach = {"left": -x.min(), "right": x.max(), "up": -y.min(), "down": y.max()}
    assert max(reach, key=reach.get) == side
    # Half the box times sin 45.
    assert reach[side] == pytest.approx(100 * np.sqrt(0.5), abs=4)


@pytest.mark.parametrize("size", [(1, 1), (20, 30), (100, 4000), (3000, 2000)])
def test_any_picture_can_be_drawn_on_and_stays_as_it_was(size):
    picture = np.zeros((*size, 3), np.uint8)
    drawn = draw_heads(picture, [Head((0, 0, size[1], size[0]), 0.5, 10, -170, 3)])
    assert drawn.shape == picture.shape
    assert not picture.any()
