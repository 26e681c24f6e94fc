"""Candidates that a head classifier learns from."""

import cv2
import numpy as np
import pytest
from model_specs import CLASSES

from headpose.datasets.detection_annotations import DetectionAnnotation
from headpose.images.picture_cache import PictureCache
from headpose.training.candidates import CandidateExamples, Candidates, find_candidates

HEAD, IGNORED = (10, 10, 40, 50), (80, 80, 120, 120)
FINDS = {
    (11, 11, 40, 50): (0.9, "head"),
    (100, 0, 140, 40): (0.5, "other"),
    (60, 0, 100, 40): (0.3, "other"),
    (80, 80, 121, 120): (0.6, "nothing"),  # to be ignored
    (10, 30, 40, 70): (0.4, "nothing"),  # half a head: neither
    (0, 60, 40, 110): (0.95, "nothing"),  # so sure that a label may be missing
}


class Finder:
    def detect(self, pictures, confidence):
        scores = np.array([score for score, _ in FINDS.values()], np.float32)
        return [(np.array(list(FINDS), np.float32), scores)] * len(pictures)


@pytest.fixture
def item(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.random.default_rng(1).integers(0, 256, (160, 160, 3), np.uint8))
    boxes = np.array([HEAD], np.float32)
    return DetectionAnnotation(path, boxes, np.array([IGNORED], np.float32))


def test_finds_are_heads_others_or_neither(item):
    found = find_candidates([item], 1.0, [Finder(), Finder()], PictureCache())
    heads = {tuple(map(int, box)) for box in found.boxes[found.heads]}
    others = {tuple(map(int, box)) for box in found.boxes[~found.heads]}
    assert heads == {(11, 11, 40, 50), HEAD}  # the find, and the label itself
    assert others == {box for box, (_, kind) in FINDS.items() if kind == "other"}
    # The surer a mistake, the oftener it is shown.
    odds = {tuple(map(int, b)): o for b, o in zip(found.boxes, found.odds, strict=True)}
    assert odds[(100, 0, 140, 40)] > odds[(60, 0, 100, 40)]


def test_where_nobody_is_even_the_surest_find_is_none(item):
    nobody = DetectionAnnotation(item.path, np.zeros((0, 4), np.float32))
    found = find_candidates([nobody], 1.0, [Finder()], PictureCache())
    assert not found.heads.any()
    assert (0, 60, 40, 110) in {tuple(map(int, box)) for box in found.boxes}


@pytest.fixture
def examples(item):
    found = find_candidates([item], 0.5, [Finder()], PictureCache())
    nobody = DetectionAnnotation(item.path, np.zeros((0, 4), np.float32))
    none = find_candidates([nobody], 0.5, [Finder()], PictureCache())
    return CandidateExamples([found, none], CLASSES, 3, PictureCache())


def test_an_example_follows_from_seed_and_number(examples):
    crops, heads = examples.batch(2, 4)
    assert crops.shape == (4, CLASSES.size, CLASSES.size, 3)
    assert crops.dtype == np.uint8
    for i in range(4):
        crop, is_head = examples.example(8 + i)
        np.testing.assert_array_equal(crop, crops[i])
        assert is_head == heads[i, 0]
    assert not np.array_equal(crops[0], crops[1])


def test_shares_are_kept(examples):
    _, heads = examples.batch(0, 600)
    # Half of the examples are from pictures with heads, of which 0.55 are heads: 165 of 600,
    # with a standard deviation of 11.
    assert 120 < heads.sum() < 210


def test_a_source_with_heads_alone_gives_heads(item):
    boxes = np.array([HEAD], np.float32)
    one = np.ones(1)
    source = Candidates([item], 1.0, boxes, np.zeros(1, int), np.ones(1, bool), one)
    assert CandidateExamples([source], CLASSES, 0, PictureCache()).batch(0, 5)[1].all()


def test_tiny_heads_are_learned_beside_the_others(item):
    """Of a picture with a long side of 160: 5 of 512 are 1.6 pixels, 9 are 2.8."""
    boxes = np.array([(0, 0, 1.5, 1.5), (5, 5, 7, 7), (9, 9, 14, 14)], np.float32)
    labelled = DetectionAnnotation(item.path, boxes)
    found = find_candidates([labelled], 1.0, [Finder()], PictureCache())
    heads = {tuple(map(int, box)) for box in found.boxes[found.heads]}
    assert heads == {(5, 5, 7, 7), (9, 9, 14, 14)}


def test_large_heads_are_shown_in_pictures_that_they_fill_as_well(item):
    """A picture that ends at the box has its last line of pixels repeated around it."""
    sharp = np.array([(40, 40, 100, 100), (40, 40, 80, 80)], np.float32)  # and one that is not
    edges = []
    for box in sharp:
        source = Candidates([item], 1.0, box[None], np.zeros(1, int), np.ones(1, bool), np.ones(1))
        crops, _ = CandidateExamples([source], CLASSES, 0, PictureCache()).batch(0, 120)
        outer = crops[:, :2].astype(int)
        edges.append((np.abs(outer[:, 0] - outer[:, 1]).mean(axis=(1, 2)) < 0.5).mean())
    assert edges[0] > edges[1] + 0.05
