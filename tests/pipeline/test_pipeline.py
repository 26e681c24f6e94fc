from pathlib import PurePosixPath
from typing import ClassVar

import numpy as np
import pytest

from headpose.errors import HeadposeError
from headpose.geometry.crops import head_crops
from headpose.images.drawing import draw_heads
from headpose.images.pictures import read_image
from headpose.models.shipped import FAST_ESTIMATOR
from headpose.pipeline import Head, HeadPosePipeline, load_pipeline
from headpose.pose.estimator import PoseEstimator


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


def test_a_head_that_faces_away_gets_another_arrow():
    assert len(arrow_pixels(0, 135)[0]) == 0
    picture = np.full((400, 400, 3), 255, np.uint8)
    drawn = draw_heads(picture, [Head((100, 100, 300, 300), 0.9, 0, 135)]).astype(int)
    blue = (drawn[..., 0] > 150) & (drawn[..., 1] < 130) & (drawn[..., 2] < 60)
    x = np.nonzero(blue)[1] - 200
    assert -x.min() == pytest.approx(100 * np.sqrt(0.5), abs=4)


def test_axes_are_drawn_where_the_roll_is_known():
    picture = np.full((400, 400, 3), 255, np.uint8)
    head = Head((100, 100, 300, 300), 0.9, 0, 45, 0)
    drawn = draw_heads(picture, [head], "axes")[110:290, 110:290].astype(int)
    red = (drawn[..., 2] > 200) & (drawn[..., 1] < 120) & (drawn[..., 0] < 120)
    blue = (drawn[..., 0] > 150) & (drawn[..., 1] < 130) & (drawn[..., 2] < 60)
    # The axis of the ears and that of the nose lie on both sides, the same length.
    assert np.nonzero(red)[1].max() - 90 == pytest.approx(100 * np.sqrt(0.5), abs=4)
    assert 90 - np.nonzero(blue)[1].min() == pytest.approx(100 * np.sqrt(0.5), abs=4)
    without = draw_heads(picture, [Head(head.box, 0.9, 0, 45)], "axes")
    np.testing.assert_array_equal(without, draw_heads(picture, [Head(head.box, 0.9, 0, 45)]))


def test_a_head_without_angles_is_a_box_alone():
    picture = np.full((400, 400, 3), 255, np.uint8)
    drawn = draw_heads(picture, [Head((100, 100, 300, 300), 0.9, None, None)])
    assert (drawn[110:290, 110:290] == 255).all()
    assert (drawn != picture).any()


class Six:
    """Tells all measures: the mean grey of the crop as every one of them."""

    crop_options: ClassVar[dict] = {"size": 8, "side": "short", "margin": 1.0, "grey": True}

    def measures(self, crops):
        return np.repeat(np.asarray(crops, np.float32).mean(axis=(1, 2))[:, None], 6, axis=1)


def test_uncertain_angles_are_left_out():
    picture = np.full((60, 120, 3), 10, np.uint8)
    picture[:, 60:] = 30
    boxes = [(0, 0, 40, 40), (70, 0, 110, 40)]
    sure, unsure = HeadPosePipeline(Given(boxes), Six(), max_error=20)([picture])[0]
    assert (sure.tilt, sure.azimuth, sure.expected_error) == (10, 10, 10)
    angles = (unsure.tilt, unsure.pan, unsure.roll, unsure.azimuth, unsure.elevation)
    assert angles == (None,) * 5
    assert unsure.expected_error == 30
    assert HeadPosePipeline(Given(boxes), Six())([picture])[0][1].tilt == 30


@pytest.mark.parametrize("size", [(1, 1), (20, 30), (100, 4000), (3000, 2000)])
def test_any_picture_can_be_drawn_on_and_stays_as_it_was(size):
    picture = np.zeros((*size, 3), np.uint8)
    drawn = draw_heads(picture, [Head((0, 0, size[1], size[0]), 0.5, 10, -170, 3)])
    assert drawn.shape == picture.shape
    assert not picture.any()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"confidence": "0.5"}, "confidence must be a number from 0 to 1"),
        ({"confidence": float("nan")}, "confidence must be a number from 0 to 1"),
        ({"confidence": 50}, "confidence must be a number from 0 to 1"),
        ({"confidence": True}, "confidence must be a number from 0 to 1"),
        ({"max_error": -1}, "max_error must be a number from 0 to 180"),
        ({"max_error": float("nan")}, "max_error must be a number from 0 to 180"),
        ({"detector_size": 0}, "detector_size must be a whole number from 64"),
        ({"detector_size": 512.5}, "detector_size must be a whole number from 64"),
        ({"detector_size": "512"}, "detector_size must be a whole number from 64"),
        ({"tiles": True}, "tiles must be a whole number at least 128"),  # once it never ended
        ({"tiles": 0}, "tiles must be a whole number at least 128"),
        ({"estimator": ""}, "estimator is an empty name"),
        ({"detector": ""}, "detector is an empty name"),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(wrong, told):
    with pytest.raises(HeadposeError, match=told):
        load_pipeline(**wrong)


def test_numbers_of_numpy_are_numbers():
    pipeline = load_pipeline("viola-jones", "fast", np.float32(0.5), max_error=np.int64(20))
    assert pipeline.confidence == 0.5
    assert pipeline.max_error == 20


@pytest.mark.parametrize(
    "picture", [np.full((90, 120), 100, np.uint8), np.full((90, 120, 3), 100 / 255)]
)
def test_drawing_takes_every_picture_that_is_searched(picture):
    head = Head((10, 10, 60, 70), 0.9, 0.0, 0.0)
    plain = np.full((90, 120, 3), 100, np.uint8)
    np.testing.assert_array_equal(draw_heads(picture, [head]), draw_heads(plain, [head]))


@pytest.mark.parametrize("wrong", [{"style": "dots"}, {"labels": "long"}])
def test_a_style_that_is_not_known_is_told(wrong):
    with pytest.raises(HeadposeError, match=r"must be one of .*none, not"):
        draw_heads(np.zeros((9, 9, 3), np.uint8), [], **wrong)


def test_what_is_no_choice_is_told(portrait):
    for options, told in (
        ({"any_rotation": "no"}, "any_rotation must be True or False"),
        ({"detector": 5}, "detector must be a name or a file"),
        ({"backend": "x"}, "backend must be one of"),
    ):
        with pytest.raises(HeadposeError, match=told):
            load_pipeline(**options)
    quick = load_pipeline("viola-jones", PurePosixPath(str(FAST_ESTIMATOR)), any_rotation=0)
    picture = read_image(portrait)
    heads = quick(picture)
    drawn = draw_heads(picture, np.array(heads, object), names=np.array(["one"]))
    np.testing.assert_array_equal(drawn, draw_heads(picture, heads, names=["one"]))
    for given, told in ((heads[0], "put a single one in brackets"), (heads * 2, "give a name")):
        with pytest.raises(HeadposeError, match=told):
            draw_heads(picture, given, names=["one"])
