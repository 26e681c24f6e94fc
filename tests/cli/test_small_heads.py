"""What is said of photos with many small heads."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from headpose.cli.small_heads import SmallHeads, searched_size
from headpose.detection.loading import load_detector
from headpose.models.shipped import DETECTORS, OURS, SINGLE_STAGE
from headpose.pipeline import Head


def heads(count: int, side: float) -> list[Head]:
    return [Head((0, 0, side, side), 0.9, 0.0, 0.0)] * count


@pytest.mark.parametrize(
    ("found", "size", "told"),
    [
        (heads(10, 23), (768, 432), True),  # 23 * 512 / 768 is 15.3
        (heads(10, 25), (768, 432), False),  # 16.7
        (heads(10, 25), (432, 900), True),  # the long side counts
        (heads(9, 10), (768, 432), False),
        (heads(10, 10) + heads(10, 90), (768, 432), True),
        (heads(10, 10) + heads(11, 90), (768, 432), False),
        ([], (768, 432), False),
    ],
)
def test_many_small_heads_are_told(found, size, told):
    small = SmallHeads(512)
    small.note("class.jpg", size, found)
    assert (small.advice() is not None) == told


def test_one_line_tells_all_photos_and_options_that_suit_the_smallest():
    small = SmallHeads(512)
    for name, size in (("b.jpg", (3000, 2000)), ("a.jpg", (700, 768)), ("c.jpg", (900, 800))):
        small.note(name, size, heads(20, 10))
    line = small.advice()
    assert line.startswith("a.jpg and 2 more photos: ")
    assert "--detector-size 768 or --tiles 256 " in line


def test_what_cannot_be_searched_closer_is_not_told():
    assert searched_size(SimpleNamespace(size=512, fixed_size=None)) == 512
    assert searched_size(SimpleNamespace(size=512, fixed_size=(512, 512))) is None
    assert searched_size(SimpleNamespace()) is None


@pytest.mark.parametrize("name", [OURS, SINGLE_STAGE])
def test_the_detectors_that_ship_tell_the_size_that_they_search(name):
    assert searched_size(load_detector(DETECTORS[name], 640)) == 640
    small = SmallHeads(None)
    small.note("a.jpg", (768, 432), heads(20, 10))
    assert small.advice() is None


@pytest.mark.parametrize("small", [True, False])
def test_the_command_says_it_once_after_all_photos(
    run_script, detector, tiny_estimator, tmp_path, monkeypatch, small
):
    monkeypatch.setattr(detector, "size", 512, raising=False)
    picture = np.full((480, 640, 3), 128, np.uint8)
    for i in range(12):
        x, y = 20 + 150 * (i % 4), 20 + 150 * (i // 4)
        side = 12 if small else 60
        cv2.rectangle(picture, (x, y), (x + side, y + side), (40, 40, 230), cv2.FILLED)
    photos = [tmp_path / "a.png", tmp_path / "b.png"]
    for photo in photos:
        cv2.imwrite(str(photo), picture)
    done = run_script(
        "demo_image.py", *photos, "--output", tmp_path / "out", "--estimator", tiny_estimator
    )
    assert done.status == 0, done.err
    told = [line for line in done.err.splitlines() if "are under" in line]
    assert len(told) == small
    if small:
        assert told[0].startswith("demo_image.py: warning: ")
        assert "a.png and 1 more photo: " in told[0]
        assert "--tiles 214 " in told[0]
