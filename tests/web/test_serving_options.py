"""What the options of `headpose web` and `headpose serve` change in all that is answered."""

import dataclasses

import cv2
import numpy as np
import pytest
from web_fakes import Detector, Estimator

from headpose.cli import serve, serving, web
from headpose.images.blurring import blur_heads
from headpose.images.drawing import draw_heads
from headpose.images.pictures import read_image, write_image
from headpose.pipeline import HeadPosePipeline
from headpose.web.answers import answer_photo


@pytest.fixture
def noise(tmp_path):
    """A picture of which hiding heads leaves something else."""
    pixels = np.random.default_rng(3).integers(0, 256, (200, 300, 3), np.uint8)
    write_image(tmp_path / "noise.png", cv2.GaussianBlur(pixels, (0, 0), 2))
    return tmp_path / "noise.png"


@pytest.fixture(params=[web, serve], ids=["web", "serve"])
def loaded(request, monkeypatch):
    def pipeline_from(arguments):
        rotated = arguments.any_rotation
        return HeadPosePipeline(Detector(), Estimator(), any_rotation=rotated)

    monkeypatch.setattr(serving, "pipeline_from", pipeline_from)
    return lambda *given: serving.loaded(request.param.options().parse_args(given))


def test_blurred_heads_are_seen_by_nobody(loaded, noise, tmp_path):
    pipeline, settings = loaded("--blur", "--draw", "none")
    answer = answer_photo(pipeline, noise, "noise.png", settings, tmp_path)
    picture = read_image(noise)
    boxes = [head.box for head in pipeline.heads(picture, settings)]
    assert len(boxes) == 2
    np.testing.assert_array_equal(read_image(answer.picture), blur_heads(picture, boxes))
    assert pipeline.blur  # of videos
    # Heads that a visitor does not want to be told of are not to be seen either.
    surer = dataclasses.replace(settings, confidence=0.99)
    assert len(pipeline.heads(picture, surer)) == 2
    assert pipeline.for_video(surer).confidence == settings.confidence


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), {}),
        (("--labels", "none"), {"labels": "none"}),
        (("--labels", "short", "--roll"), {"labels": "short", "roll": True}),
        (("--unsure-above", "3"), {"unsure_above": 3.0}),
        (("--draw", "cube"), {"style": "cube"}),
    ],
)
def test_drawings_are_made_as_the_options_say(loaded, noise, given, expected):
    pipeline, settings = loaded(*given)
    picture = read_image(noise)
    heads = pipeline.heads(picture, settings)
    wanted = draw_heads(picture, heads, names=["#1", "#2"], **expected)
    np.testing.assert_array_equal(pipeline.drawn(picture, heads, settings.style), wanted)
    in_video = draw_heads(picture, heads, **expected)
    np.testing.assert_array_equal(pipeline.drawing(settings.style)(picture, heads), in_video)


@pytest.mark.parametrize(("given", "turns"), [((), 1), (("--any-rotation",), 4)])
def test_photos_are_searched_in_as_many_turns_as_asked(loaded, noise, monkeypatch, given, turns):
    searched = []
    find = Detector.detect

    def detect(self, pictures, confidence=None):
        searched.extend(pictures)
        return find(self, pictures, confidence)

    monkeypatch.setattr(Detector, "detect", detect)
    pipeline, settings = loaded(*given)
    searched.clear()
    pipeline.heads(read_image(noise), settings)
    assert len(searched) == turns
