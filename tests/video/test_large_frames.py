"""Large frames are decoded once, and scaled once by whoever needs them smaller."""

import cv2
import numpy as np
import pytest
from fake_heads import FakeEstimator
from model_specs import BOXES
from videos import evenly, make_video

from headpose.detection.head_detector import HeadDetector
from headpose.models.network import Network
from headpose.pipeline import HeadPosePipeline
from headpose.video import file as video_file
from headpose.video.frames import Reading
from headpose.video.opening import open_source
from headpose.video.pipeline import VideoPipeline

SIZE = (3840, 2160)
FRAMES = 4


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    flat = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    path = tmp_path_factory.mktemp("large") / "clip.mp4"
    return make_video(path, evenly(FRAMES), lambda _: flat, codec="mpeg4")


def one_head(batch: np.ndarray) -> list[np.ndarray]:
    """Answers as a network that sees one head in the middle."""
    height, width = batch.shape[1:3]
    box = np.float32([0.4 * width, 0.3 * height, 0.5 * width, 0.5 * height])
    return [np.tile(box, (len(batch), 1, 1)), np.full((len(batch), 1), 0.9, np.float32)]


@pytest.mark.parametrize(
    ("max_size", "detect_every", "scaled"),
    [
        (None, 1, FRAMES),  # for the detector
        (1280, 1, FRAMES),  # as it is read; all else takes the smaller one
        # For the detector where it looks, and for the optical flow, which needs each.
        (None, 2, FRAMES // 2 + FRAMES),
    ],
)
def test_each_is_decoded_once_and_scaled_once_for_each_use(
    clip, monkeypatch, max_size, detect_every, scaled
):
    large, decoded, resize, picture_of = [], [], cv2.resize, video_file.picture_of

    def counted(picture, *arguments, **options):
        large.append(picture.shape[:2] == SIZE[::-1])
        return resize(picture, *arguments, **options)

    def counted_picture(*arguments):
        decoded.append(1)
        return picture_of(*arguments)

    monkeypatch.setattr(cv2, "resize", counted)
    monkeypatch.setattr(video_file, "picture_of", counted_picture)
    detector = HeadDetector(Network(BOXES, one_head, "none"))
    follow = VideoPipeline(HeadPosePipeline(detector, FakeEstimator()), detect_every)
    with open_source(str(clip), Reading(max_size=max_size)) as source:
        heads = [found for _, found in follow(source)]
    assert [len(found) for found in heads] == [1] * FRAMES
    assert sum(large) == scaled
    assert sum(decoded) == FRAMES
