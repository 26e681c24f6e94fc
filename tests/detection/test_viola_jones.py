import cv2
import numpy as np
import pytest

from headpose.detection import viola_jones
from headpose.detection.loading import load_detector
from headpose.detection.viola_jones import ViolaJones, merged
from headpose.geometry.boxes import iou
from headpose.images.pictures import read_image
from headpose.models.backends import Backend

# Where the face is in the portrait (512 x 600), read off the picture by eye.
FACE = (155, 60, 355, 310)


@pytest.fixture(scope="module")
def picture(portrait):
    return read_image(portrait)


def test_it_finds_the_portrait_once(picture):
    ((boxes, scores),) = ViolaJones().detect([picture])
    assert len(boxes) == 1
    assert iou(boxes, [FACE])[0, 0] > 0.5
    assert 0.8 <= scores[0] <= 1


@pytest.mark.parametrize("turn", [25, -25])
def test_turned_faces_come_back_in_the_picture_s_pixels(picture, turn):
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 0.7)
    turned = cv2.warpAffine(picture, matrix, (width, height))
    middle = matrix @ [(FACE[0] + FACE[2]) / 2, (FACE[1] + FACE[3]) / 2, 1]
    ((boxes, _),) = ViolaJones(turned=True).detect([turned])
    off = np.linalg.norm((boxes[:, :2] + boxes[:, 2:]) / 2 - middle, axis=1)
    assert off.min() < 40


def test_a_mirrored_profile_comes_back_mirrored(monkeypatch):
    """The right profile is looked for in the mirror image; its box is mapped back."""

    class OneHit:
        def __init__(self, *_):
            pass

        def detectMultiScale2(self, grey, *_):
            x = int(np.argmax(grey.max(axis=0)))  # the bright column's place
            return np.array([[x, 5, 30, 30]]), np.array([4])

    class Nothing(OneHit):
        def detectMultiScale2(self, grey, *_):
            return (), ()

    makers = {viola_jones.FRONTAL: Nothing, viola_jones.PROFILE: OneHit}
    monkeypatch.setattr(viola_jones, "load_cascade", lambda name: makers[name]())
    picture = np.zeros((60, 200, 3), np.uint8)
    picture[:, 20] = 255
    ((boxes, _),) = ViolaJones(grow=False, size=None).detect([picture])
    # As it stands: starts at 20. Mirrored: the column is at 179, the box 179..209 there,
    # which is 200 - 209 = -9 to 200 - 179 = 21 here.
    np.testing.assert_array_equal(sorted(boxes[:, 0]), [-9, 20])
    np.testing.assert_array_equal(sorted(boxes[:, 2]), [21, 50])


def test_finds_that_overlap_become_one_weighted_by_hits():
    boxes = [(0, 0, 10, 10), (1, 0, 11, 10), (50, 50, 60, 60)]
    faces, hits = merged(np.float32(boxes), np.float32([3, 1, 9]))
    np.testing.assert_allclose(faces, [(50, 50, 60, 60), (0.25, 0, 10.25, 10)])
    np.testing.assert_array_equal(hits, [9, 4])


def test_a_precision_that_it_does_not_have_is_told(caplog):
    load_detector("viola-jones", backend=Backend(precision="int8"))
    assert "viola-jones: computes as its file says, not in int8" in caplog.text
    caplog.clear()
    load_detector("viola-jones", backend=Backend(precision="auto"))
    assert not caplog.records


@pytest.mark.parametrize(
    ("backend", "told"),
    [
        (
            Backend("openvino", "gpu"),
            ["in OpenCV, not in openvino", "on the processor, not on a GPU"],
        ),
        (Backend("keras", "cpu"), ["in OpenCV, not in keras"]),
        (Backend("opencv", "cpu", "float32"), []),
        (Backend(), []),
    ],
)
def test_a_backend_and_a_device_that_it_does_not_have_are_told(caplog, backend, told):
    load_detector("viola-jones-turned", backend=backend)
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [f"viola-jones-turned: runs {text}" for text in told]


def test_no_face_is_no_error():
    ((boxes, scores),) = ViolaJones().detect([np.full((80, 90, 3), 50, np.uint8)])
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)
