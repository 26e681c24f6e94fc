"""Distillation: training examples whose answers are, in part, those of another estimator.

A teacher that is larger, or the mean of several networks, errs less than the labels of a
crop that was turned, covered and darkened, and knows the whole turn where a label tells
only the nose (Beyer et al. 2022, "Knowledge distillation: A good teacher is patient and
consistent": both see the very same crop). A teacher may see that crop larger and in colour.
"""

from typing import Any

import numpy as np

from headpose.datasets.crop_dataset import fitted
from headpose.errors import HeadposeError
from headpose.pose.estimator import MEASURES, PoseEstimator
from headpose.training.pose_examples import PoseExamples, rotation_targets


class TaughtExamples:
    """Draws what `PoseExamples` draws, with a teacher's rotations for some of the labels.

    Args:
        examples: Of targets of `headpose.pose.rotation.rotation_loss`, drawn as the teacher's
            crops are.
        teacher: Estimates crops as the examples have them.
        size: Side of the learning network's crops, pixels, at most the teacher's.
        grey: Whether that network takes grey crops.
        share: Of the examples that get the teacher's answer, 0..1.
        seed: Of which ones.
    """

    def __init__(
        self,
        examples: PoseExamples,
        teacher: PoseEstimator,
        size: int,
        grey: bool,
        share: float,
        seed: int,
    ):
        self._examples, self._teacher = examples, teacher
        self._size, self._grey = size, grey
        self._share, self._seed = share, seed

    def batch(self, step: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns crops, targets and weights, see `PoseExamples.batch`.

        What the teacher tells has a weight of 1.
        """
        crops, targets, weights = self._examples.batch(step, count)
        rng = np.random.default_rng((self._seed, step))
        taught = rng.random(count) < self._share
        if taught.any():
            angles = self._teacher.estimate_all(crops[taught])[:, :3]
            none = np.zeros(len(angles), bool)  # is turned away, turned or mirrored after that
            targets[taught] = rotation_targets(angles, none, np.zeros(len(angles)), none)
            weights[taught] = 1.0
        crops = crops[..., 0] if crops.shape[3] == 1 else crops
        crops = np.rint(fitted(crops, self._size, self._grey))
        return crops if crops.ndim == 4 else crops[..., None], targets, weights


def load_teacher(path: str, crop: dict[str, Any]) -> PoseEstimator:
    """Loads an estimator that can teach a network.

    Args:
        path: Its file.
        crop: How the network's own crops are cut, see `headpose.training.pose_sources.crop_of`.

    Raises:
        HeadposeError: If the file is missing or damaged, or it tells no rotations, or sees less
            of a head or another part of it.
    """
    teacher = PoseEstimator.load(path)
    if teacher.outputs != len(MEASURES):
        raise HeadposeError(f"{path}: a --teacher must tell rotations")
    if (teacher.side, teacher.margin) != (crop["side"], crop["margin"]):
        raise HeadposeError(f"{path}: the --teacher's crops are cut otherwise than the network's")
    if teacher.size < crop["size"] or (teacher.grey and not crop["grey"]):
        raise HeadposeError(
            f"{path}: the --teacher sees smaller crops than the network, or none in colour"
        )
    return teacher
