"""What defines a training run of a head detector.

The options of `headpose train-detector` are made from these fields; their defaults,
limits and meanings stand here alone.
"""

import dataclasses
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.training.fields import DEVICE, FREEZE, MAX_SEED, PRECISION, Checked, field

# How much less than the best F1 a threshold may have: over a wide range of thresholds F1 moves
# by less than that on some thousand pictures, and the highest of them has the fewest false heads.
F1_TO_SPARE = 0.002
COLOURLESS = 0.4  # share of a detector's examples


@dataclasses.dataclass(frozen=True)
class BoxedSources(Checked):
    """Where pictures with head boxes come from, see `headpose.datasets.detection_annotations`."""

    data: tuple[str, ...] = field(
        (), "files or folders of boxes, or a .toml that names them", positional=True
    )
    data_root: Path | None = field(
        None, "what a .toml's paths start from", metavar="DIR", effect=False
    )
    validation: tuple[str, ...] = field((), "where to measure after each epoch")


@dataclasses.dataclass(frozen=True)
class DetectionSources(BoxedSources):
    """Where pictures for a detector come from, also such that have boxes for some heads only."""

    validate_on: int = field(120, "pictures to measure each epoch", low=1)
    incomplete_labels: tuple[str, ...] = field((), "data in which not every head is boxed")
    incomplete_share: float = field(0.15, "their share of examples", low=0, high=1)
    incomplete_detector: tuple[str, ...] = field(
        (), "detectors whose other finds in them are ignored", metavar="DETECTOR", model=True
    )
    mine_with: str | None = field(
        None,
        "show more often what this detector takes for heads where no label has one",
        metavar="DETECTOR",
        model=True,
    )


@dataclasses.dataclass(frozen=True)
class DetectionNetwork(Checked):
    """Which network learns, see `headpose.detection.networks`."""

    architecture: str = field("compact", "the network", choices=("compact", "fast", "ssd512"))
    start: str | None = field(
        None, "detector to fine-tune, whatever --architecture is", metavar="FILE", model=True
    )
    pruned_from: str | None = field(
        None,
        "begin with the strongest channels of this wider detector",
        metavar="FILE",
        model=True,
    )
    freeze: tuple[str, ...] = FREEZE
    confidence: float | None = field(None, "threshold to store, if --uncalibrated", low=0, high=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start and self.pruned_from:
            raise HeadposeError("weights come from --start or --pruned-from; give one of them")


@dataclasses.dataclass(frozen=True)
class DetectionLearning(Checked):
    """How long and how fast to learn, see `headpose.training.schedule.Schedule`."""

    epochs: int = field(30, "epochs", low=1)
    steps: int = field(300, "batches an epoch", low=1)
    teacher: str | None = field(
        None,
        "learn from this detector's answers for the same crops as well",
        metavar="FILE",
        model=True,
    )
    batch_size: int = field(24, "crops a batch", low=1)
    colourless: float = field(COLOURLESS, "probability of a crop without colour", low=0, high=1)
    size: int = field(320, "side of the crops, if the network allows", low=64)
    large_size: int = field(512, "side of the crops of large batches", low=64)
    large_every: int = field(0, "one batch in so many has large crops", low=0)
    learning_rate: float = field(2e-3, "largest, after warm-up", low=0, high=1)
    weight_decay: float = field(1e-4, "of AdamW", low=0, high=1)
    average: float = field(
        0.998, "momentum of the running mean of the weights that is kept", low=0, high=0.99999
    )
    seed: int = field(0, "of weights and examples", low=0, high=MAX_SEED)


@dataclasses.dataclass(frozen=True)
class DetectionTrainingConfig(Checked):
    """All that defines a run of `headpose.training.detection_run.train_detector`."""

    sources: DetectionSources = DetectionSources()
    output: Path = field(Path("runs/detector"), "folder for all results", effect=False)
    save: Path | None = field(
        None, "also write the best detector here, in float16", metavar="FILE", effect=False
    )
    uncalibrated: bool = field(
        False,
        "save scores as they are, not moved so that at 0.5 F1 in --validation is best but for "
        f"{F1_TO_SPARE}",
        effect=False,
    )
    keep: str = field(
        "best",
        "what --save takes: the epoch that measured best, or the last; where few pictures "
        "are measured, the last is the surer choice",
        choices=("best", "last"),
        effect=False,
    )
    resume: bool = field(False, "go on with the run in --output", effect=False)
    overwrite: bool = field(
        False,
        "start anew in a folder that has results (not with --resume); --save may replace a file",
        effect=False,
    )
    strict: bool = field(False, "stop at the first fault in the data", effect=False)
    cache: float = field(6.0, "GiB of decoded pictures kept", low=0, high=1e4, effect=False)
    workers: int = field(2, "threads that make examples", low=1, effect=False)
    device: str = DEVICE
    precision: str = PRECISION
    network: DetectionNetwork = DetectionNetwork()
    learning: DetectionLearning = DetectionLearning()
