"""What defines a training run of a head classifier, the second stage of a detector.

The options of `headpose train-classifier` are made from these fields; their defaults,
limits and meanings stand here alone.
"""

import dataclasses
from pathlib import Path

from headpose.training.detection_config import BoxedSources
from headpose.training.fields import DEVICE, FREEZE, MAX_SEED, PRECISION, Checked, field

# As `headpose.training.detection_config.F1_TO_SPARE`; with a second stage F1 changes less over
# a range of thresholds in which false heads are a quarter fewer.
F1_TO_SPARE = 0.003


@dataclasses.dataclass(frozen=True)
class ClassifierSources(BoxedSources):
    """Where candidates come from: pictures with head boxes, and the detector that finds them."""

    validate_on: int = field(150, "pictures of each to measure each epoch", low=1)
    detector: str = field(
        "single-stage", "the first stage, a .keras file", metavar="FILE", model=True
    )
    others: tuple[str, ...] = field(
        (), "more detectors whose finds are learned from", metavar="DETECTOR", model=True
    )
    sizes: tuple[int, ...] = field(
        (512, 704), "long sides in pixels at which candidates are searched", low=64
    )


@dataclasses.dataclass(frozen=True)
class ClassifierNetwork(Checked):
    """Which network learns, see `headpose.detection.classifier`."""

    architecture: str = field(
        "residual",
        "the network; efficientnet is to --start from headpose convert-efficientnet",
        choices=("residual", "efficientnet"),
    )
    start: str | None = field(
        None,
        "classifier to go on from, whatever --architecture is, or a network whose weights to "
        "begin with, where they fit",
        metavar="FILE",
        model=True,
    )
    freeze: tuple[str, ...] = FREEZE


@dataclasses.dataclass(frozen=True)
class ClassifierLearning(Checked):
    """How long and how fast to learn, see `headpose.training.schedule.Schedule`."""

    epochs: int = field(12, "epochs", low=1)
    steps: int = field(250, "batches an epoch", low=1)
    batch_size: int = field(128, "crops a batch", low=1)
    learning_rate: float = field(2e-3, "largest, after warm-up", low=0, high=1)
    weight_decay: float = field(5e-3, "of AdamW", low=0, high=1)
    average: float = field(
        0.995, "momentum of the running mean of the weights that is kept", low=0, high=0.99999
    )
    lowest: float = field(
        0.2, "score of the first stage from which it will be asked", low=0.02, high=0.5
    )
    seed: int = field(0, "of weights and examples", low=0, high=MAX_SEED)


@dataclasses.dataclass(frozen=True)
class ClassifierTrainingConfig(Checked):
    """All that defines a run of `headpose.training.classifier_run.train_classifier`."""

    sources: ClassifierSources = ClassifierSources()
    output: Path = field(Path("runs/classifier"), "folder for all results", effect=False)
    save: Path | None = field(
        None,
        "also write the last weights here, in float16, with the scores set so that at 0.5 F1 "
        f"in --validation is best but for {F1_TO_SPARE}",
        metavar="FILE",
        effect=False,
    )
    resume: bool = field(False, "go on with the run in --output", effect=False)
    overwrite: bool = field(False, "start anew in a folder that has results", effect=False)
    strict: bool = field(False, "stop at the first fault in the data", effect=False)
    cache: float = field(6.0, "GiB of decoded pictures kept", low=0, high=1e4, effect=False)
    workers: int = field(2, "threads that make examples", low=1, effect=False)
    device: str = DEVICE
    precision: str = PRECISION
    network: ClassifierNetwork = ClassifierNetwork()
    learning: ClassifierLearning = ClassifierLearning()
