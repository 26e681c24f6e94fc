"""Every way of passing a picture finds the head that a plain one shows."""

import cv2
import numpy as np
import pytest
from PIL import Image

from headpose import HeadDetector, PictureError, load_pipeline, read_image
from headpose.models.shipped import DEFAULT_DETECTOR


@pytest.fixture(scope="module")
def pipeline():
    return load_pipeline()


@pytest.fixture(scope="module")
def picture(portrait):
    return read_image(portrait)


@pytest.fixture(scope="module")
def head(pipeline, picture):
    (only,) = pipeline(picture)
    return only


WAYS = {
    "a list of one": lambda p, f: [p],
    "a batch": lambda p, f: np.stack([p]),
    "float 0..1": lambda p, f: (p / 255).astype(np.float32),
    "float 0..255": lambda p, f: p.astype(float),
    "uint16": lambda p, f: p.astype(np.uint16) * 257,
    "BGRA": lambda p, f: np.dstack([p, np.full(p.shape[:2], 255, np.uint8)]),
    "a view": lambda p, f: p[:, ::-1][:, ::-1],
    "Pillow": lambda p, f: Image.open(f),
    "a path": lambda p, f: f,
    "a name": lambda p, f: str(f),
    "a list of names": lambda p, f: [str(f)],
    "a generator": lambda p, f: (x for x in [p]),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_head_is_the_same(pipeline, picture, portrait, head, way):
    heads = pipeline(WAYS[way](picture, portrait))
    (found,) = heads[0] if isinstance(heads[0], list) else heads
    assert found.box == pytest.approx(head.box, abs=0.01)
    assert (found.tilt, found.pan) == pytest.approx((head.tilt, head.pan), abs=0.01)


def test_rgb_is_said(pipeline, picture, head):
    (found,) = pipeline(picture[..., ::-1], rgb=True)
    assert found == head


def test_grey_is_found(pipeline, picture, head):
    (found,) = pipeline(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    assert found.box == pytest.approx(head.box, abs=20)
    assert found.pan == pytest.approx(head.pan, abs=5)


def test_twelve_bits_are_said(pipeline, picture, head):
    twelve = (picture.astype(np.uint32) * 4095 // 255).astype(np.uint16)
    with pytest.raises(PictureError, match="max_value=4095"):
        pipeline(twelve)
    (found,) = pipeline(twelve, max_value=4095)
    assert found.box == pytest.approx(head.box, abs=0.5)


def test_one_gives_heads_and_several_give_lists(pipeline, picture, head):
    assert pipeline(picture) == [head]
    assert pipeline([]) == []
    first, second = pipeline([picture, np.zeros((40, 30, 3), np.uint8)])
    assert (len(first), second) == (1, [])


@pytest.mark.parametrize("bad", [None, np.zeros((0, 5, 3), np.uint8), [None], 5])
def test_what_is_none_is_refused(pipeline, bad):
    with pytest.raises(PictureError):
        pipeline(bad)


@pytest.mark.parametrize("name", ["viola-jones", None])
def test_detectors_take_the_same(picture, name):
    from headpose.detection.loading import load_detector

    detector = load_detector(name) if name else HeadDetector.load(DEFAULT_DETECTOR)
    ((boxes, _),) = detector.detect([picture])
    ((others, _),) = detector.detect([picture / 255])
    np.testing.assert_array_equal(boxes, others)
    with pytest.raises(PictureError, match="in brackets"):
        detector.detect(picture)
