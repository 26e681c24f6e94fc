"""Training examples whose answers are, in part, those of another estimator.

A teacher that is larger, or the mean of several networks, errs less than the labels of a
crop that was turned, covered and darkened, and knows the whole turn where a label tells
only the nose (Beyer et al. 2022, "Knowledge distillation: A good teacher is patient and
consistent": both see the very same crop).
"""

import numpy as np

from headpose.pose.estimator import PoseEstimator
from headpose.training.pose_examples import PoseExamples, rotation_targets


class TaughtExamples:
    """Draws what `PoseExamples` draws, with a teacher's rotations for some of the labels.

    Args:
        examples: Of targets of `headpose.pose.rotation.rotation_loss`.
        teacher: Estimates crops as the examples have them.
        share: Of the examples that get the teacher's answer, 0..1.
        seed: Of which ones.
    """

    def __init__(self, examples: PoseExamples, teacher: PoseEstimator, share: float, seed: int):
        self._examples, self._teacher = examples, teacher
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
        return crops, targets, weights
