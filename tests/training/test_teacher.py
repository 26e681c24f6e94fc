"""Learning from another estimator's answers."""

import dataclasses

import numpy as np
import pytest
from posed_heads import arrow_heads

from headpose.datasets.head_sets import HeadSet
from headpose.geometry.angles import whole_turn_angles
from headpose.pose.rotation import AWAY, ROTATION
from headpose.training.pose_config import Augmentation
from headpose.training.pose_examples import PoseExamples
from headpose.training.teacher import TaughtExamples

ANSWER = (12.0, -110.0, 30.0)  # degrees


class Teacher:
    """Answers with a turn that no label has, and keeps what it was asked."""

    def __init__(self):
        self.crops = []

    def estimate_all(self, crops):
        self.crops.append(crops)
        return np.tile(np.float32([*ANSWER, 0, 0, 5]), (len(crops), 1))


@pytest.fixture
def heads() -> HeadSet:
    """A head of which only that it is turned away is known, and half of that trusted."""
    one = arrow_heads()
    one.away[:], one.angles[:], one.weights[:] = True, np.nan, 0.5
    return one


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_share_of_the_examples_gets_the_teachers_answer(heads, share):
    examples, teacher = PoseExamples([heads], 64, 6, Augmentation(), 3), Teacher()
    crops, targets, weights = TaughtExamples(examples, teacher, 64, True, share, 3).batch(2, 200)
    plain, labelled, _ = examples.batch(2, 200)
    np.testing.assert_array_equal(crops, plain)
    taught = targets[:, 9] == ROTATION
    # A binomial of 200 draws at .4 has a standard deviation of 7.
    assert taught.sum() == pytest.approx(200 * share, abs=28 if 0 < share < 1 else 0)
    matrices = targets[taught, :9].reshape(-1, 3, 3).transpose(0, 2, 1)
    if len(matrices):
        np.testing.assert_allclose(whole_turn_angles(matrices), [ANSWER] * len(matrices), atol=1e-3)
        # It is asked about the very crops that are learned from.
        np.testing.assert_array_equal(np.concatenate(teacher.crops), crops[taught])
    np.testing.assert_array_equal(targets[~taught], labelled[~taught])
    assert (targets[~taught, 9] == AWAY).all()
    np.testing.assert_array_equal(weights, np.where(taught, 1.0, 0.5))


def test_who_is_taught_follows_from_seed_and_number(heads):
    def kinds(seed: int, step: int) -> list[float]:
        examples = PoseExamples([heads], 64, 6, dataclasses.replace(Augmentation()), 0)
        return (
            TaughtExamples(examples, Teacher(), 64, True, 0.5, seed)
            .batch(step, 40)[1][:, 9]
            .tolist()
        )

    assert kinds(1, 5) == kinds(1, 5)
    assert kinds(1, 5) != kinds(1, 6)
    assert kinds(1, 5) != kinds(2, 5)


@pytest.mark.parametrize(("size", "grey"), [(64, True), (48, True), (32, False), (64, False)])
def test_a_teacher_may_see_more_of_the_very_crop(size, grey):
    """Means of squares of pixels, weighed as OpenCV weighs colours, are what the pupil gets."""
    picture = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.float32)

    class Examples:
        def batch(self, step, count):
            return picture.copy(), np.zeros((2, 10), np.float32), np.zeros(2, np.float32)

    teacher = Teacher()
    crops, targets, _ = TaughtExamples(Examples(), teacher, size, grey, 1.0, 0).batch(0, 2)
    np.testing.assert_array_equal(teacher.crops[0], picture)
    assert crops.shape == (2, size, size, 1 if grey else 3)
    assert (targets[:, 9] == ROTATION).all()
    if 64 % size == 0:
        seen = picture @ np.float32([[0.114], [0.587], [0.299]]) if grey else picture
        parts = seen.reshape(2, size, 64 // size, size, 64 // size, -1)
        np.testing.assert_allclose(crops, parts.mean(axis=(2, 4)), atol=0.51)


def test_heads_are_reduced_for_who_sees_less_of_them(noise_picture):
    """Examples of reduced heads are the examples of whole ones, reduced."""
    import cv2

    smooth = cv2.GaussianBlur(noise_picture(224, 224, 1)[..., 0], (0, 0), 6)
    one = np.ones(1)
    heads = HeadSet(
        smooth[None, 48:176, 48:176], smooth[None], 128 * one, np.zeros((1, 3)), one, one > 1
    )
    small = heads.reduced(64, grey=True)
    assert (small.crops.shape, small.patches.shape) == ((1, 64, 64), (1, 112, 112))
    assert small.sides == 64
    still = {f.name: 0.0 for f in dataclasses.fields(Augmentation)}
    still = Augmentation(**still | {"brightness": (1.0, 1.0), "contrast": (1.0, 1.0)})
    (large,), _, _ = PoseExamples([heads], 128, 6, still, 5).batch(0, 1)
    (drawn,), _, _ = PoseExamples([small], 64, 6, still, 5).batch(0, 1)
    halved = large.reshape(64, 2, 64, 2).mean(axis=(1, 3))
    assert np.abs(drawn[..., 0] - halved).max() < 2
    assert np.ptp(halved) > 20


def options(folder, rows: str, output, teacher) -> list:
    (folder / "turn.csv").write_text(rows)
    data = [folder / "turn.csv", "--validation", folder / "turn.csv", "--side", "long"]
    short = ["--epochs", "1", "--steps", "2", "--batch-size", "4", "--learning-rate", "0.001"]
    return ["train.py", *data, "--output", output, *short, "--device", "cpu", "--teacher", teacher]


@pytest.fixture
def rows(tmp_path, noise_picture) -> str:
    import cv2

    cv2.imwrite(str(tmp_path / "0.png"), noise_picture(300, 200, 0))
    boxes = "".join(f"0.png,{x},50,{x + 60},120,0,{x / 5},0\n" for x in (20, 90, 170))
    return "file,xmin,ymin,xmax,ymax,tilt,pan,roll\n" + boxes


@pytest.mark.parametrize(
    ("teacher", "more", "wanted"),
    [
        ("fast", [], "crops are cut otherwise"),
        ("fast", ["--margin", "0.9", "--size", "80"], "sees smaller crops than the network"),
        ("fast", ["--margin", "0.9", "--colour"], "none in colour"),
        ("TINY", ["--margin", "1"], "a --teacher must tell rotations"),
        ("nobody.keras", [], "nobody.keras: no such model file"),
        ("fast", ["--architecture", "compact"], "--teacher is for --architecture rotation"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(
    run_script, tmp_path, rows, tiny_estimator, teacher, more, wanted
):
    teacher = tiny_estimator if teacher == "TINY" else teacher
    done = run_script(*options(tmp_path, rows, tmp_path / "run", teacher), *more)
    assert done.status == 1
    assert wanted in done.err
    assert not (tmp_path / "run" / "log.csv").exists()
