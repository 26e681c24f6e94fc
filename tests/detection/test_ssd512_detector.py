"""HeadDetector with a network of SSD512's input and priors, and its suppression."""

import cv2
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headpose.detection import head_detector as module
from headpose.detection import networks as ssd_networks
from headpose.detection import ssd
from headpose.detection.head_detector import HeadDetector
from headpose.models.keras_files import save_model
from headpose.models.keras_setup import set_up
from headpose.models.suppression import OURS

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def model():
    """SSD512's input, heads and priors on averages of the picture instead of on VGG-16."""
    set_up("cpu", "float32")
    keras.utils.set_random_seed(3)
    image = keras.Input((512, 512, 3), name="image")
    x = keras.layers.Rescaling(1 / 50, -2.0)(image)
    features = [
        keras.layers.AveragePooling2D(level.stride, name=f"average{level.stride}")(x)
        for level in ssd_networks.ssd512_levels()
    ]
    network = ssd.detector(
        image,
        features,
        ssd_networks.ssd512_levels(),
        2,
        ssd_networks.SSD512_SOURCES,
        0.2,
        "averages",
    )
    for layer in network.layers:
        if layer.name.endswith("_mbox_conf"):
            layer.bias.assign(np.tile([2.5, 0.0], layer.filters // 2))
    return network


@pytest.fixture(scope="module")
def detector(model):
    return HeadDetector(model)


def plain_iou(a, b):
    """Intersection over union of two boxes, in Python's floats."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)]
    return shared / (areas[0] + areas[1] - shared)


def plain_selection(boxes, scores, confidence):
    """What the published detector keeps: rows of indices, best first."""
    order = [i for i in range(len(scores)) if scores[i] > 0.01]
    order.sort(key=lambda i: -scores[i])  # stable: of equal scores the earlier stays ahead
    kept = []
    for i in order:
        if len(kept) == 400:
            break
        if all(plain_iou(boxes[i], boxes[k]) <= 0.45 for k in kept):
            kept.append(i)
    return [i for i in kept[:200] if scores[i] > confidence]


def select(boxes, scores, confidence=0.0, factors=(1.0, 1.0)):
    return HeadDetector.select(
        np.asarray(boxes, np.float32).reshape(-1, 4),
        np.asarray(scores, np.float32),
        np.array(factors),
        confidence,
    )


def assert_same_rows(boxes, scores, confidence=0.0):
    expected = plain_selection(boxes, [float(np.float32(s)) for s in scores], confidence)
    found_boxes, found_scores = select(boxes, scores, confidence)
    assert found_boxes.tolist() == [[float(v) for v in boxes[i]] for i in expected]
    assert found_scores.tolist() == [np.float32(scores[i]) for i in expected]


# Whole numbers, so that both sides compute the same ratio; few scores, so that many tie.
boxes_with_scores = st.lists(
    st.tuples(
        st.integers(-20, 40),
        st.integers(-20, 40),
        st.integers(1, 40),
        st.integers(1, 40),
        st.sampled_from([0.0, 0.01, 0.02, 0.25, 0.5, 0.75, 1.0]),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(boxes_with_scores, st.sampled_from([0.0, 0.2, 0.5]))
def test_suppression_agrees_with_plain_loops(rows, confidence):
    boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in rows]
    assert_same_rows(boxes, [row[4] for row in rows], confidence)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 4, 16]))
def test_suppression_agrees_on_crowds_of_alike_boxes(seed, spread):
    random = np.random.default_rng(seed)
    corner = random.integers(0, 3, (60, 2)) * 11  # 29 wide and 11 apart: exactly 0.45
    size = 29 + random.integers(0, spread, (60, 2)) // 3
    boxes = np.concatenate([corner, corner + size], axis=1).tolist()
    assert_same_rows(boxes, random.integers(1, 8, 60) / 8)


# (w - s) / (w + s) = 0.45 for a box and its copy moved by s: w = 29, s = 11.
@pytest.mark.parametrize("unit", [1, 2, 16, 0.5])
@pytest.mark.parametrize("offset", [0, -30, 473])
@pytest.mark.parametrize("upright", [False, True])
def test_a_pair_at_exactly_the_threshold_both_stay(unit, offset, upright):
    def pair(shift):
        boxes = np.array([[0, 0, 29, 7], [shift, 0, 29 + shift, 7]]) * unit + offset
        return boxes[:, [1, 0, 3, 2]] if upright else boxes

    exact = pair(11)
    assert plain_iou(*exact) == 0.45
    boxes, scores = select(exact, [0.9, 0.8])
    assert boxes.tolist() == exact.tolist()
    assert scores == pytest.approx([0.9, 0.8])
    assert len(select(pair(10.99), [0.9, 0.8])[0]) == 1


def test_of_equal_scores_the_earlier_row_stays():
    boxes = [(0, 0, 10, 10), (1, 0, 11, 10), (100, 0, 110, 10), (99, 0, 109, 10)]
    found, _ = select(boxes, [0.5, 0.5, 0.5, 0.5])
    assert found.tolist() == [list(boxes[0]), list(boxes[2])]


def test_a_suppressed_box_suppresses_nothing():
    # A chain: neighbours overlap by 7 / 13, the ends by 4 / 16.
    found, _ = select([(0, 0, 10, 10), (3, 0, 13, 10), (6, 0, 16, 10)], [0.9, 0.8, 0.7])
    assert found[:, 0].tolist() == [0, 6]


def test_at_most_200_are_returned_the_best_first():
    boxes = [(20 * i, 0, 20 * i + 10, 10) for i in range(500)]
    scores = np.random.default_rng(0).permutation(500) / 600 + 0.1
    assert_same_rows(boxes, scores)
    found, found_scores = select(boxes, scores)
    assert len(found) == 200
    assert found_scores.tolist() == np.sort(scores.astype(np.float32))[::-1][:200].tolist()


def test_more_than_the_published_limit_is_told(caplog):
    boxes = [(20 * i, 0, 20 * i + 10, 10) for i in range(201)]
    select(boxes, [0.5] * 201)
    assert "201 heads in one picture; this detector's limit is 200" in caplog.text
    caplog.clear()
    found, _ = HeadDetector.select(
        np.float32(boxes), np.full(201, 0.5, np.float32), np.ones(2), 0.2, OURS
    )
    assert len(found) == 201
    assert not caplog.text


def test_candidates_must_score_more_than_a_hundredth():
    boxes = [(20 * i, 0, 20 * i + 10, 10) for i in range(3)]
    _, scores = select(boxes, np.float32([0.01, 0.0101, 0.0099]), confidence=0.0)
    assert scores.tolist() == [np.float32(0.0101)]


def test_heads_below_one_half_are_returned(detector):
    # Taking the larger of two classes first would lose every one of them.
    picture = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    _, scores = detector.detect([picture])[0]
    assert scores.min() > 0.2
    assert scores.min() < 0.5


def smooth(width, height, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize(("width", "height"), [(512, 512), (300, 400), (1024, 256), (64, 2000)])
def test_pictures_are_stretched_and_boxes_brought_back(model, detector, width, height):
    picture = smooth(width, height)
    square = cv2.resize(picture, (512, 512), interpolation=cv2.INTER_LINEAR)
    outputs = model.predict(square[None].astype("float32"), verbose=0)
    boxes, scores = outputs[0][0].astype(np.float64), outputs[1][0].astype(np.float64)
    rows = plain_selection(boxes.tolist(), scores.tolist(), 0.3)
    found, found_scores = detector.detect([picture], 0.3)[0]
    assert len(found) == len(rows) > 5
    assert found_scores == pytest.approx(scores[rows], abs=1e-5)
    back = boxes[rows] * np.array([width, height, width, height]) / 512
    assert np.abs(found - back).max() < 0.01 * max(width, height) / 512
    assert found.dtype == np.float32


def test_boxes_are_not_clipped(detector):
    found = [detector.detect([smooth(512, 512, seed)], 0.05)[0][0] for seed in range(4)]
    assert np.concatenate(found).min() < 0


def test_many_pictures_are_as_one_at_a_time(detector, monkeypatch):
    sizes = [(300, 200), (512, 512), (64, 64), (300, 200), (700, 500)] * 4
    pictures = [smooth(*size, seed) for seed, size in enumerate(sizes)]
    calls = []
    whole = detector.call
    monkeypatch.setattr(detector, "call", lambda x: calls.append(len(x)) or whole(x))
    together = detector.detect(pictures)
    # However many are given, memory for at most AT_ONCE is taken.
    assert sum(calls) == 20 and max(calls) == module.AT_ONCE and len(calls) == 3
    for picture, (boxes, scores) in zip(pictures, together, strict=True):
        alone_boxes, alone_scores = detector.detect([picture])[0]
        assert boxes.shape == alone_boxes.shape
        assert np.allclose(boxes, alone_boxes, atol=0.01)
        assert np.allclose(scores, alone_scores, atol=1e-5)
    assert detector.detect([]) == []


def test_the_default_confidence_is_the_model_s_own(model, detector, tmp_path):
    assert detector.confidence == 0.2
    path = tmp_path / "detector.keras"
    save_model(model, path)
    again = HeadDetector.load(path)
    assert again.confidence == 0.2
    picture = smooth(320, 240, 5)
    boxes, scores = again.detect([picture])[0]
    assert np.array_equal(boxes, detector.detect([picture], 0.2)[0][0])
    assert (scores > 0.2).all()
