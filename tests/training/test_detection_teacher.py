"""Detectors that learn from another detector's answers."""

import numpy as np
import pytest
from drawn_heads import disc_pictures
from small_models import LEVELS, saved, small_detector

from headpose.datasets.detection_annotations import read_detection_annotations
from headpose.datasets.label_tables import SourceName
from headpose.detection import ssd
from headpose.detection.head_detector import HeadDetector
from headpose.detection.networks import build_compact, build_fast, compact_levels
from headpose.detection.second_stage import TwoStageDetector
from headpose.errors import HeadposeError
from headpose.images.picture_cache import PictureCache
from headpose.models.specs import PUBLISHED, ClassifierSpec
from headpose.training.detection import detection_loss, taught_loss
from headpose.training.detection_examples import DetectionExamples, Source
from headpose.training.detection_teacher import TaughtDetection, load_teacher


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return disc_pictures(tmp_path_factory.mktemp("discs"), 4, 2)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    return saved(build_compact(), tmp_path_factory.mktemp("wide") / "wide.keras")


def sources(data) -> list[Source]:
    return [Source(read_detection_annotations(SourceName.parse(str(data)))[0], 1.0)]


def test_the_answers_stand_beside_the_targets_of_the_same_priors(data, tmp_path):
    """A teacher with a level more: its answers are those of the levels that both have."""
    network = small_detector()
    teacher = load_teacher(str(saved(network, tmp_path / "teacher.keras")), LEVELS[1:])
    examples = DetectionExamples(sources(data), LEVELS[1:], 64, 5, PictureCache(2**20))
    crops, targets = TaughtDetection(examples, teacher, LEVELS[1:]).batch(3, 2)
    plain, labelled = examples.batch(3, 2)
    np.testing.assert_array_equal(crops, plain)
    np.testing.assert_array_equal(targets[..., :5], labelled)
    in_their_light = examples.batch_and_plain(3, 2)[2]
    assert not np.array_equal(in_their_light, crops)
    boxes, scores = network.predict(in_their_light.astype(np.float32), verbose=0)
    first = 8 * 8 * 2  # places of stride 8 in 64 pixels, two priors each
    np.testing.assert_allclose(targets[..., 5:9], boxes[:, first:], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(targets[..., 9], scores[:, first:], atol=1e-5)


def test_a_second_stage_answers_for_all_priors_of_a_head(data):
    """Two priors of one head, one of another, one below 20 pixels, one that is unlikely."""

    class FirstStage(HeadDetector):
        def __init__(self):
            self.suppression = PUBLISHED

    class Second(TwoStageDetector):
        def __init__(self):
            self.detector = FirstStage()
            self.classifier_spec = ClassifierSpec(
                64, "long", 1.6, 0.2, (2.0, 1.0, -0.5), "first", ""
            )

        def logits(self, picture, boxes):
            asked.append(boxes)
            return np.float32([3, -4])

    asked: list = []
    boxes = np.float32(
        [[0, 0, 40, 40], [2, 0, 42, 40], [80, 80, 120, 120], [60, 0, 70, 10], [0, 80, 40, 120]]
    )
    scores = np.float32([0.5, 0.7, 0.6, 0.9, 0.1])
    teacher = TaughtDetection(None, Second(), [])
    found = teacher._rescored(np.zeros((128, 128, 3), np.uint8), boxes, scores)
    np.testing.assert_array_equal(asked[0], boxes[[1, 2]])
    logits = 2 * np.log(scores / (1 - scores)) + np.float32([3, 3, -4, 0, 0]) - 0.5
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits)), rtol=1e-4)


def test_the_loss_is_that_of_the_papers():
    """Against a computation prior by prior."""
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 2, (1, 6)).astype(np.float32)
    score = np.float32([0.9, 0.05, 0.6, 0.2, 0.5, 0.0])
    label = np.float32([1, 0, 0, -1, 1, 0])
    taught = np.tile(np.float32([0, 0, 10, 10]), (6, 1))
    boxes = np.tile(np.float32([5, 0, 15, 10]), (1, 6, 1))
    targets = np.zeros((1, 6, 10), np.float32)
    targets[0, :, 4], targets[0, :, 5:9], targets[0, :, 9] = label, taught, score
    focal = overlap = count = 0.0
    for i in range(6):
        if label[i] == 0 and score[i] > 0.35:
            continue  # the teacher takes something for a head
        p = 1 / (1 + np.exp(-float(logits[0, i])))
        entropy = -(score[i] * np.log(p) + (1 - score[i]) * np.log(1 - p))
        focal += (score[i] - p) ** 2 * entropy
        if score[i] > 0.1:
            # IoU 50 / 150, and the smallest box around both is their union.
            overlap += score[i] * (1 - 1 / 3)
        count += score[i]
    wanted = (2 * focal + 2 * overlap) / count
    assert float(taught_loss(boxes, logits, targets)) == pytest.approx(wanted, rel=1e-5)


def test_a_detector_that_answers_as_its_teacher_has_nothing_to_learn():
    logits = np.linspace(-5, 5, 12, dtype=np.float32)[None]
    boxes = np.tile(np.float32([3, 4, 20, 30]), (1, 12, 1))
    score = 1 / (1 + np.exp(-logits[..., None]))
    targets = np.concatenate([boxes, np.full((1, 12, 1), -1.0), boxes, score], axis=2)
    assert float(taught_loss(boxes, logits, targets.astype(np.float32))) < 1e-6
    assert float(detection_loss(boxes, logits, targets[..., :5].astype(np.float32))) == 0


def test_a_fast_detector_is_pruned_and_taught(run_script, data, wide, tmp_path):
    done = run_script(
        "train-detector", data, "--validation", data, "--architecture", "fast",
        "--pruned-from", wide, "--teacher", wide, "--epochs", "1", "--steps", "1",
        "--batch-size", "2", "--size", "64", "--device", "cpu", "--output", tmp_path / "run",
    )  # fmt: skip
    assert done.status == 0, done.err
    fast = build_fast().count_params()
    assert HeadDetector.load(tmp_path / "run" / "best.keras").model.count_params() == fast
    assert f"{fast} of its {build_compact().count_params()} weights are taken" in done.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--pruned-from", "none.keras"], "none.keras: no such model file"),
        (["--teacher", "none.keras"], "none.keras: no such model file"),
        (["--teacher", "small.keras"], "the --teacher lacks priors of the network that learns"),
        (["--pruned-from", "small.keras"], "is no wider form of this network"),
        (["--pruned-from", "small.keras", "--start", "small.keras"], "--start or --pruned-from"),
    ],
)
def test_what_cannot_teach_is_told(run_script, data, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    saved(small_detector(), tmp_path / "small.keras")
    done = run_script("train-detector", data, "--validation", data, "--device", "cpu", *arguments)
    assert done.status == 1
    assert told in done.err.splitlines()[-1]


def test_a_teacher_has_all_priors(tmp_path):
    teacher = str(saved(small_detector(), tmp_path / "small.keras"))
    with pytest.raises(HeadposeError, match="lacks priors"):
        load_teacher(teacher, compact_levels())
    assert len(load_teacher(teacher, [ssd.AnchorLevel(8, LEVELS[0].shapes)]).levels) == 2
