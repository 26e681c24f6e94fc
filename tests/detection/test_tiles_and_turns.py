"""Large pictures in tiles, and pictures that lie on their side."""

import itertools

import numpy as np
import pytest

from headpose.detection.orientation import best_turn, boxes_turned_back, quarter_turns
from headpose.detection.tiles import TiledDetector, tiles
from headpose.pipeline import Head, HeadPosePipeline


class WhiteSpots:
    """Finds white rectangles whose short side is at least 4 pixels when scaled to 512."""

    confidence = 0.5

    def detect(self, pictures, confidence=None):
        import cv2

        results = []
        for picture in pictures:
            scale = min(1.0, 512 / max(picture.shape[:2]))
            white = (picture[..., 0] > 128).astype(np.uint8)
            _, _, rows, _ = cv2.connectedComponentsWithStats(white)
            spots = [(x, y, x + w, y + h) for x, y, w, h, _ in rows[1:]]
            seen = [s for s in spots if min(s[2] - s[0], s[3] - s[1]) * scale >= 4]
            boxes = np.float32(seen).reshape(-1, 4)
            results.append((boxes, np.full(len(boxes), 0.9, np.float32)))
        return results


def picture_of(boxes, width, height):
    picture = np.zeros((height, width, 3), np.uint8)
    for x0, y0, x1, y1 in boxes:
        picture[y0:y1, x0:x1] = 255
    return picture


@pytest.mark.parametrize(
    ("width", "height"), [(300, 200), (1024, 1024), (1025, 300), (4000, 2900), (8000, 1)]
)
def test_tiles_cover_a_picture_and_overlap(width, height):
    covered = np.zeros((height, width), np.uint8)
    parts = list(tiles(width, height, 1024))
    for x0, y0, x1, y1 in parts:
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        covered[y0:y1, x0:x1] = 1
    assert covered.all()
    starts = sorted({x0 for x0, *_ in parts})
    assert all(after - before <= 768 for before, after in itertools.pairwise(starts))


def test_small_heads_of_a_large_picture_are_found_once_and_whole():
    """One over two tiles' border, one in their overlap, one as large as a tile."""
    boxes = [(1000, 1010, 1030, 1040), (800, 100, 820, 130), (2000, 600, 3200, 1900)]
    picture = picture_of(boxes, 4000, 3000)
    plain, tiled = WhiteSpots(), TiledDetector(WhiteSpots(), 1024)
    assert len(plain.detect([picture])[0][0]) == 1
    (found, scores), (same, _) = tiled.detect([picture, picture_of([(5, 5, 50, 60)], 600, 400)])
    assert sorted(map(tuple, found.astype(int).tolist())) == sorted(boxes)
    assert len(scores) == 3
    assert same.tolist() == [[5, 5, 50, 60]]


class TakenIn(WhiteSpots):
    """Takes much of whatever is shown in a tile for a head, as well."""

    def detect(self, pictures, confidence=None):
        results = super().detect(pictures)
        for i, picture in enumerate(pictures):
            if max(picture.shape[:2]) <= 1024:
                boxes, _ = results[i]
                boxes = np.concatenate([boxes, np.float32([[200, 200, 200 + 800, 900]])])
                results[i] = boxes, np.full(len(boxes), 0.8, np.float32)
        return results


def test_what_only_a_tile_takes_for_a_large_head_is_none():
    boxes = [(1000, 1010, 1030, 1040), (2000, 600, 3200, 1900)]
    found, _ = TiledDetector(TakenIn(), 1024).detect([picture_of(boxes, 4000, 3000)])[0]
    assert sorted(map(tuple, found.astype(int).tolist())) == sorted(boxes)


@pytest.mark.parametrize("turns", range(4))
def test_boxes_turn_back_with_the_pixels(turns):
    boxes = [(10, 20, 40, 80), (100, 5, 190, 25)]
    picture = picture_of(boxes, 200, 120)
    turned = quarter_turns(picture, turns)
    found = WhiteSpots().detect([turned])[0][0]
    back = boxes_turned_back(found, turns, 200, 120)
    assert sorted(map(tuple, back.astype(int).tolist())) == sorted(boxes)


class Upright(WhiteSpots):
    """Sees only heads that are taller than wide, and brightest at the top."""

    def detect(self, pictures, confidence=None):
        results = []
        for picture, (boxes, scores) in zip(pictures, super().detect(pictures), strict=True):
            kept = [
                y1 - y0 > x1 - x0
                and picture[int(y0) + 2, int(x0) + 5, 0] > picture[int(y1) - 2, int(x0) + 5, 0]
                for x0, y0, x1, y1 in boxes
            ]
            results.append((boxes[kept], scores[kept]))
        return results


class Frontal:
    """Tells every head the same upright angles."""

    def __init__(self):
        self.crop_options = {"size": 8, "side": "short", "margin": 1.0, "grey": True}

    def measures(self, crops):
        return np.tile(np.float32([0, 30, 0, 30, 0, 5]), (len(crops), 1))


@pytest.fixture
def upright():
    picture = np.zeros((120, 200, 3), np.uint8)
    picture[20:80, 10:40] = 140
    picture[20:50, 10:40] = 255
    return picture


@pytest.mark.parametrize("turns", range(4))
def test_the_turn_with_the_surest_heads_is_taken(upright, turns):
    shown = quarter_turns(upright, turns)
    best, (boxes, _) = best_turn(Upright(), shown)
    assert best == (4 - turns) % 4
    assert boxes.astype(int).tolist() == [[10, 20, 40, 80]]


def test_without_heads_a_picture_stays_as_it_is():
    assert best_turn(Upright(), np.zeros((50, 60, 3), np.uint8))[0] == 0


@pytest.mark.parametrize(
    ("turns", "roll", "nose"),
    [(0, 0, (30, 0)), (1, -90, (0, -30)), (2, 180, (-30, 0)), (3, 90, (0, 30))],
)
def test_heads_of_a_turned_photo_are_told_as_they_lie(upright, turns, roll, nose):
    """A nose toward the image's left points down once the photo is turned against the clock."""
    shown = quarter_turns(upright, turns)
    pipeline = HeadPosePipeline(Upright(), Frontal(), any_rotation=True)
    ((head,),) = pipeline([shown])
    assert isinstance(head, Head)
    x0, y0, x1, y1 = (int(v) for v in head.box)
    assert (shown[y0:y1, x0:x1] > 100).all()
    assert (x1 - x0) * (y1 - y0) == 30 * 60
    assert (head.azimuth, head.elevation) == pytest.approx(nose, abs=1e-3)
    assert abs(head.roll - roll) % 360 == pytest.approx(0, abs=1e-3)
