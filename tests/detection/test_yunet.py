"""YuNet behind the detectors' common call, with faces that OpenCV's reader would give."""

import cv2
import numpy as np
import pytest

from headpose.detection import yunet
from headpose.detection.yunet import YuNet

SCORES = (0.9, 0.5, 0.2)
PICTURE = np.zeros((100, 200, 3), np.uint8)


class Reader:
    """What `cv2.FaceDetectorYN.create` returns: rows of box, landmarks and score."""

    def setInputSize(self, size):
        self.size = size

    def detect(self, picture):
        assert picture.shape[1::-1] == tuple(self.size)
        rows = np.zeros((len(SCORES), 15), np.float32)
        rows[:, :4] = (40, 20, 10, 10)
        rows[:, -1] = SCORES
        return 1, rows


@pytest.fixture
def detector(monkeypatch, tmp_path):
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: Reader())
    monkeypatch.setattr(yunet, "refuse_external_data", lambda path: None)
    return YuNet(tmp_path / "yunet.onnx", size=400, grow=False)


@pytest.mark.parametrize(
    ("confidence", "kept"), [(None, 1), (0.5, 1), (0.49, 2), (0.2, 2), (0, 3), (0.9, 0)]
)
def test_faces_are_kept_that_score_above_the_threshold(detector, confidence, kept):
    ((boxes, scores),) = detector.detect([PICTURE], confidence)
    assert scores.tolist() == [np.float32(score) for score in SCORES[:kept]]
    np.testing.assert_allclose(boxes, np.array([(20, 10, 25, 15)] * kept).reshape(-1, 4))
