"""How long and how fast a network learns, and the optimizer that does."""

import dataclasses
from typing import TYPE_CHECKING, Self

import keras

if TYPE_CHECKING:
    from headpose.training.classifier_config import ClassifierLearning
    from headpose.training.detection_config import DetectionLearning


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    Attributes:
        epochs: At most so many.
        steps: Batches an epoch.
        learning_rate: Largest, reached after a warm-up.
        weight_decay: Of AdamW.
        kind: `cosine` falls to 0 over all epochs; `plateau` halves the rate when the
            score has not improved for half of `patience` epochs (5, if that has no end).
        patience: Epochs without improvement after which training stops; 0 never stops.
        average: Momentum of the running mean of the weights that is measured and kept;
            0 keeps the weights themselves.
    """

    epochs: int
    steps: int
    learning_rate: float
    weight_decay: float = 1e-4
    kind: str = "cosine"
    patience: int = 0
    average: float = 0.998

    @classmethod
    def of(cls, learning: "ClassifierLearning | DetectionLearning") -> Self:
        """Returns the schedule that a configuration of learning asks for."""
        rates = learning.learning_rate, learning.weight_decay
        return cls(learning.epochs, learning.steps, *rates, average=learning.average)


def optimizer(schedule: Schedule) -> keras.optimizers.Optimizer:
    """Builds AdamW as the schedule says, with gradients clipped to a norm of 5."""
    rate: float | keras.optimizers.schedules.LearningRateSchedule = schedule.learning_rate
    if schedule.kind == "cosine":
        total = schedule.epochs * schedule.steps
        warm_up = min(300, max(1, total // 10))
        rate = keras.optimizers.schedules.CosineDecay(
            schedule.learning_rate * 0.02,
            max(1, total - warm_up),
            warmup_target=schedule.learning_rate,
            warmup_steps=warm_up,
        )
    return keras.optimizers.AdamW(
        rate,
        weight_decay=schedule.weight_decay,
        clipnorm=5.0,
        use_ema=schedule.average > 0,
        ema_momentum=schedule.average or 0.99,
    )
