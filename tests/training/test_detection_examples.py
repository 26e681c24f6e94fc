import cv2
import numpy as np
import pytest

from headpose.datasets.detection_annotations import DetectionAnnotation
from headpose.detection import networks as ssd_networks
from headpose.detection import ssd
from headpose.geometry import boxes as box
from headpose.images.picture_cache import PictureCache
from headpose.training import detection_examples as detection_data
from headpose.training import detection_windows
from headpose.training.detection_examples import (
    DetectionExamples,
    Source,
    false_finds,
    with_unlabelled,
)
from headpose.training.detection_targets import assign_targets

SIZE = 128
LEVELS = ssd_networks.compact_levels()


@pytest.fixture(scope="module")
def prior_corners():
    priors = np.array(ssd.priors(LEVELS, SIZE, SIZE))
    return np.concatenate(
        [priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2], axis=1
    )


def some_heads(seed, count):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 100, (count, 2))
    return np.concatenate([low, low + rng.uniform(8, 60, (count, 2))], axis=1).astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_targets_agree_with_the_whole_matrix_of_overlaps(prior_corners, seed):
    heads, ignored = some_heads(seed, 6), some_heads(seed + 100, 2)
    targets = assign_targets(heads, ignored, LEVELS, SIZE, SIZE)
    overlap = box.iou(prior_corners, np.concatenate([heads, ignored]))
    # Pairs of very different area are left out by design; they overlap less than it counts.
    winner, best = overlap.argmax(axis=1), overlap.max(axis=1)
    # Of several equally good priors of a head any one may be the forced one.
    forced = [
        np.flatnonzero(overlap[:, h] > overlap[:, h].max() - 1e-5)
        for h in range(6)
        if overlap[:, h].max() >= 0.2
    ]
    assert all((targets[ties, 4] == 1).any() for ties in forced)
    for i, target in enumerate(targets):
        if any(i in ties for ties in forced):
            continue
        if best[i] >= 0.45 and winner[i] < 6:
            assert target[4] == 1
            np.testing.assert_allclose(target[:4], heads[winner[i]])
        elif best[i] >= 0.35:
            assert target[4] == -1
        else:
            assert target[4] == 0


def test_every_head_has_a_prior():
    heads = some_heads(9, 8)
    targets = assign_targets(heads, box.as_boxes([]), LEVELS, SIZE, SIZE)
    taken = {tuple(t[:4]) for t in targets[targets[:, 4] == 1]}
    assert {tuple(h) for h in heads} <= taken


def test_without_heads_all_is_background():
    none = box.as_boxes([])
    targets = assign_targets(none, none, LEVELS, SIZE, SIZE)
    assert targets.shape == (len(ssd.priors(LEVELS, SIZE, SIZE)), 5)
    assert (targets == 0).all()


@pytest.fixture
def marked(tmp_path):
    """A black picture whose heads are white, and nothing else is."""
    picture = np.zeros((200, 300, 3), np.uint8)
    heads = np.float32([(40, 30, 80, 80), (200, 100, 260, 170)])
    for x0, y0, x1, y1 in heads.astype(int):
        picture[y0:y1, x0:x1] = 255
    cv2.imwrite(str(tmp_path / "marked.png"), picture)
    return DetectionAnnotation(tmp_path / "marked.png", heads)


def test_boxes_move_with_the_pixels(marked, monkeypatch):
    monkeypatch.setattr(detection_data, "TEXTURE_SHARE", 0)
    monkeypatch.setattr(detection_data.augment, "photometric", lambda rng, picture, grey: picture)
    examples = DetectionExamples([Source([marked], 1.0)], LEVELS, SIZE, 3, PictureCache())
    seen = 0
    for number in range(40):
        picture, heads, ignored = examples.example(number)
        assert picture.shape == (SIZE, SIZE, 3)
        assert not len(ignored) or box.area(ignored).min() > 0
        for x0, y0, x1, y1 in heads:
            assert 0 <= x0 < x1 <= SIZE
            assert 0 <= y0 < y1 <= SIZE
            inner = picture[round(y0) + 4 : round(y1) - 4, round(x0) + 4 : round(x1) - 4]
            if inner.size:
                assert inner.min() > 200
                seen += 1
    assert seen > 20


def test_batches_depend_on_seed_and_number_alone(marked):
    make = lambda seed: DetectionExamples(  # noqa: E731
        [Source([marked], 1.0)], LEVELS, SIZE, seed, PictureCache()
    )
    first, again, other = make(1), make(1), make(2)
    first.batch(0, 2)
    for a, b in zip(first.batch(5, 2), again.batch(5, 2), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first.batch(5, 2)[0] != other.batch(5, 2)[0]).any()


@pytest.mark.parametrize(("colourless", "expected"), [(0.0, 0.0), (1.0, 1.0), (0.5, 0.5)])
def test_so_many_crops_have_no_colour(marked, colourless, expected):
    examples = DetectionExamples(
        [Source([marked], 1.0)], LEVELS, SIZE, 4, PictureCache(), colourless=colourless
    )
    crops = examples.batch(0, 60)[0]
    grey = (np.ptp(crops, axis=-1) == 0).all(axis=(1, 2))
    assert grey.mean() == pytest.approx(expected, abs=0.15)


class Sees:
    """A detector that finds a labelled head, and something beside it."""

    def detect(self, pictures, confidence):
        boxes = np.float32([(41, 31, 79, 79), (120, 20, 150, 60)])
        return [(boxes, np.ones(2, np.float32))]


def test_heads_that_labels_leave_out_are_ignored(marked):
    (more,) = with_unlabelled([marked], [Sees()], PictureCache())
    np.testing.assert_array_equal(more.ignored, [(120, 20, 150, 60)])
    (same,) = with_unlabelled([marked], [], PictureCache())
    assert len(same.ignored) == 0


def test_false_finds_make_pictures_more_frequent_and_are_shown(marked, monkeypatch):
    (false,) = false_finds([marked], Sees(), PictureCache())
    np.testing.assert_array_equal(false, [(120, 20, 150, 60)])
    nobody = DetectionAnnotation(marked.path, box.as_boxes([]))
    source = Source([nobody, nobody], 1.0, [false, box.as_boxes([])])
    np.testing.assert_allclose(source.odds, [2 / 3, 1 / 3])
    shown = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        window = detection_windows.choose_window(
            rng, nobody.boxes, false, np.array([300.0, 200.0]), SIZE
        )
        inside = box.intersection([window], false)[0, 0] / box.area(false)[0]
        shown += inside > 0.9
    assert shown > 30


def test_pictures_without_heads_are_background(marked, monkeypatch):
    monkeypatch.setattr(detection_data, "TEXTURE_SHARE", 0)
    nobody = DetectionAnnotation(marked.path, box.as_boxes([]))
    examples = DetectionExamples([Source([nobody], 1.0)], LEVELS, SIZE, 3, PictureCache())
    pictures, targets = examples.batch(0, 6)
    assert (targets == 0).all()
    assert (pictures.max(axis=(1, 2, 3)) > 0).all()


def test_ignored_boxes_are_neither_heads_nor_background(marked, monkeypatch):
    monkeypatch.setattr(detection_data, "TEXTURE_SHARE", 0)
    item = DetectionAnnotation(marked.path, marked.boxes[:1], marked.boxes[1:])
    examples = DetectionExamples([Source([item], 1.0)], LEVELS, SIZE, 3, PictureCache())
    seen = 0
    for number in range(30):
        _, heads, ignored = examples.example(number)
        assert len(heads) <= 1
        seen += len(ignored)
    assert seen > 5


def test_large_batches_have_fewer_crops(marked):
    examples = DetectionExamples(
        [Source([marked], 1.0)], LEVELS, 64, 3, PictureCache(), large_size=128, large_every=2
    )
    assert [examples.batch(i, 8)[0].shape for i in (0, 1)] == [(2, 128, 128, 3), (8, 64, 64, 3)]


def test_close_ups_show_a_head_that_fills_the_picture(marked):
    """However small a part of it is left, the head counts and reaches the borders shown."""
    bounds = np.array([0, 0, 300, 200], np.float64)
    shares = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        part = detection_windows.close_up(rng, marked.boxes[1], bounds)
        window = detection_windows.letterbox(rng, part, SIZE)
        heads, _ = detection_windows.visible_boxes(window, part, marked.boxes, SIZE)
        shown = detection_windows.to_crop(window, [part], SIZE)
        assert 0.7 * SIZE <= (shown[0, 2:] - shown[0, :2]).max() <= SIZE + 0.01
        if len(heads):
            shares.append(box.area(heads[:1])[0] / box.area(shown)[0])
    assert len(shares) == 80
    assert max(shares) == pytest.approx(1)
    assert min(shares) < 0.6


def test_close_ups_where_no_head_is_show_what_was_taken_for_one(tmp_path, monkeypatch):
    """Else whatever fills its picture would be a head."""
    monkeypatch.setattr(detection_data, "CLOSE_UPS", 1.0)
    monkeypatch.setattr(detection_data, "TEXTURE_SHARE", 0.0)
    monkeypatch.setattr(detection_data.distractors, "SHARE", 0.0)
    picture = np.zeros((600, 600, 3), np.uint8)
    picture[300:350, 100:150] = 255
    cv2.imwrite(str(tmp_path / "none.png"), picture)
    none = box.as_boxes([])
    item = DetectionAnnotation(tmp_path / "none.png", none, none)
    taken = Source([item], 1.0, [np.float32([(100, 300, 150, 350)])])
    shares = []
    for source in (taken, Source([item], 1.0)):
        examples = DetectionExamples([source], LEVELS, SIZE, 3, PictureCache())
        _, targets, plain = examples.batch_and_plain(0, 40)
        assert not (targets[..., 4] == 1).any()
        shares.append((plain > 200).all(axis=-1).mean(axis=(1, 2)))
    # Of the close-ups' sides, from 0.5 to 1.6 times the thing's, and of the crop's.
    assert shares[0].min() > 0.1
    assert np.median(shares[0]) > 0.3
    assert shares[1].min() == 0  # any part of the picture


def test_turned_crops_keep_their_boxes(marked):
    picture = np.zeros((SIZE, SIZE, 3), np.uint8)
    picture[20:60, 30:50] = 255
    boxes = np.float32([(30, 20, 50, 60)])
    shapes = set()
    for seed in range(60):
        crop, moved = detection_windows.flip_or_turn(np.random.default_rng(seed), picture, boxes)
        x0, y0, x1, y1 = moved[0].astype(int)
        assert crop[y0:y1, x0:x1].min() == 255
        assert (crop > 0).sum() == 3 * 800
        shapes.add((x1 - x0, y1 - y0))
    assert shapes == {(20, 40), (40, 20)}
