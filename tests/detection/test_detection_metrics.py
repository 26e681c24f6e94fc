import numpy as np
import pytest

from headpose.detection.metrics import ALL, judge, ratios

A, B, C = (0, 0, 20, 20), (100, 0, 120, 20), (200, 200, 300, 300)


def found(*rows):
    boxes = np.float32([r[0] for r in rows]).reshape(-1, 4)
    return boxes, np.float32([r[1] for r in rows])


def test_average_precision_by_hand():
    """Right at .9, wrong at .8, right at .7, of three heads.

    Of the recalls 0, .01 ... 1 the 34 up to 1/3 have precision 1, the next 33 2/3.
    """
    detections = found((A, 0.9), ((400, 400, 430, 430), 0.8), (B, 0.7))
    judged = judge([detections], [np.float32([A, B, C])], [512])
    assert judged.average_precision == pytest.approx((34 + 33 * 2 / 3) / 101)
    np.testing.assert_allclose(judged.recall, [1 / 3, 1 / 3, 2 / 3])
    np.testing.assert_allclose(judged.precision, [1, 1 / 2, 2 / 3])


def test_scores_are_ordered_over_all_pictures():
    first, second = found((A, 0.5)), found(((0, 100, 20, 120), 0.9))
    judged = judge([first, second], [np.float32([A]), np.float32([A])], [512, 512])
    assert list(judged.true) == [False, True]


def test_a_head_is_found_once():
    judged = judge([found((A, 0.9), ((1, 0, 21, 20), 0.8))], [np.float32([A])], [512])
    assert list(judged.true) == [True, False]


def test_overlap_must_reach_one_half():
    shifted = (20 / 3, 0, 20 + 20 / 3, 20)  # IoU exactly 1/2
    assert judge([found((shifted, 1))], [np.float32([A])], [512]).true.all()
    assert not judge([found(((7, 0, 27, 20), 1))], [np.float32([A])], [512]).true.any()


def test_size_classes_leave_others_out():
    """A head of 20 px and one of 100: what finds the other class's head does not count."""
    detections = found((A, 0.9), (C, 0.8), ((400, 400, 420, 420), 0.7))
    truth = [np.float32([A, C])]
    small = judge([detections], truth, [512], (16, 32))
    assert small.heads == 1
    assert list(small.true) == [True, False]
    large = judge([detections], truth, [512], (64, np.inf))
    assert list(large.true) == [True]


def test_sizes_are_those_at_a_long_side_of_512():
    truth = [np.float32([A])]
    assert judge([found()], truth, [512], (16, 32)).heads == 1
    assert judge([found()], truth, [1024], (8, 16)).heads == 1
    assert judge([found()], truth, [2048], ALL).heads == 0


def test_recall_at_a_number_of_false_heads():
    wrong = (400, 400, 420, 420)
    detections = found((A, 0.9), (wrong, 0.8), (B, 0.7), ((0, 400, 20, 420), 0.6), (C, 0.5))
    judged = judge([detections], [np.float32([A, B, C])], [512])
    assert judged.recall_at(0) == pytest.approx(1 / 3)
    assert judged.recall_at(1) == pytest.approx(2 / 3)
    assert judged.recall_at(2) == pytest.approx(1)


def test_nothing_found_and_nothing_to_find():
    assert judge([found()], [np.float32([A])], [512]).average_precision == 0
    assert judge([found((A, 1))], [np.zeros((0, 4), np.float32)], [512]).average_precision == 0


def test_published_ratios():
    """Three heads, three detections above the threshold, two of them right."""
    detections = found((A, 0.9), (B, 0.8), ((400, 400, 420, 420), 0.7), (C, 0.2))
    t, f = ratios([detections], [np.float32([A, B, C])], 0.5)
    assert t == pytest.approx(2 / 3)
    assert f == pytest.approx(1 / 3)


def test_finds_in_ignored_boxes_do_not_count():
    """Half of a find must be inside; a head that is found there counts all the same."""
    detections = found((A, 0.9), ((110, 0, 130, 20), 0.8), ((111, 40, 131, 60), 0.7))
    left_out = [np.float32([(90, 0, 120, 100)])]
    judged = judge([detections], [np.float32([A])], [512], ignored=left_out)
    assert list(judged.true) == [True, False]
    assert judged.at(0.75) == (1, 0)
    assert judged.at(0.5) == (1, 1)
    assert ratios([detections], [np.float32([A])], 0.5, ignored=left_out) == (1, 0.5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", [ALL, (16, 32), (32, 64)])
def test_average_precision_agrees_with_pycocotools(seed, sizes):
    pytest.importorskip("pycocotools", reason="pip install pycocotools")
    rng = np.random.default_rng(seed)
    truth, ignored, detections = [], [], []
    for _ in range(30):
        low = rng.uniform(0, 400, (6, 2))
        boxes = np.concatenate([low, low + rng.uniform(10, 80, (6, 2))], axis=1)
        noisy = np.concatenate([boxes + rng.normal(0, 5, boxes.shape), boxes[:2] + 3])
        scores = rng.permutation(1000)[: len(noisy)] / 1000 + rng.uniform(0, 1e-4, len(noisy))
        truth.append(boxes[:5].astype(np.float32))
        ignored.append(boxes[5:].astype(np.float32))
        detections.append((noisy.astype(np.float32), scores.astype(np.float32)))
    ours = judge(detections, truth, [512] * 30, sizes, ignored=ignored)
    assert ours.average_precision == pytest.approx(
        _by_pycocotools(detections, truth, ignored, sizes), abs=1e-6
    )


def _by_pycocotools(detections, truth, ignored, sizes) -> float:
    import contextlib
    import io

    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def corners_and_extent(box):
        return [float(v) for v in (box[0], box[1], box[2] - box[0], box[3] - box[1])]

    notes, results = [], []
    for i, (heads, left_out) in enumerate(zip(truth, ignored, strict=True)):
        for crowd, boxes in enumerate((heads, left_out)):
            for box in boxes:
                x, y, w, h = corners_and_extent(box)
                notes.append(
                    {
                        "id": len(notes) + 1,
                        "image_id": i,
                        "category_id": 1,
                        "bbox": [x, y, w, h],
                        "area": w * h,
                        "iscrowd": crowd,
                    }
                )
        for box, score in zip(*detections[i], strict=True):
            results.append(
                {
                    "image_id": i,
                    "category_id": 1,
                    "bbox": corners_and_extent(box),
                    "score": float(score),
                }
            )
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i} for i in range(len(truth))],
        "annotations": notes,
        "categories": [{"id": 1}],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(results), "bbox")
        judge.params.iouThrs = np.array([0.5])
        judge.params.areaRng = [[sizes[0] ** 2, min(sizes[1], 1e5) ** 2]]
        judge.params.areaRngLbl = ["all"]
        judge.evaluate()
        judge.accumulate()
    return float(judge.eval["precision"][0, :, 0, 0, -1].mean())
