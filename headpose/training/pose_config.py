"""What defines a training run of a pose estimator.

The options of `headpose train` are made from these fields; their defaults, limits and
meanings stand here alone.
"""

import dataclasses
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.geometry.crops import OLD_SIDES, SIDES
from headpose.training.fields import DEVICE, FREEZE, MAX_SEED, PRECISION, Checked, field

ROTATIONS = ("rotation", "efficientnet")  # those that tell the whole turn
ARCHITECTURES = (*ROTATIONS, "compact", "patacchiola")


@dataclasses.dataclass(frozen=True)
class Sources(Checked):
    """Where labelled heads come from, see `headpose.datasets.pose_data.read_heads`."""

    data: tuple[str, ...] = field(
        (),
        "clean folders, tables, data sets as NAME:PATH, or a .toml that names them",
        positional=True,
    )
    data_root: Path | None = field(
        None, "what a .toml's paths start from", metavar="DIR", effect=False
    )
    validation: tuple[str, ...] = field((), "where to measure after each epoch")
    test: tuple[str, ...] = field((), "where to measure at the end")


@dataclasses.dataclass(frozen=True)
class Crop(Checked):
    """How heads are cut from pictures, see `headpose.geometry.crops.head_crops`."""

    detector: str | None = field(
        None, "crop heads in pictures at this detector's boxes, not the labelled", model=True
    )
    side: str | None = field(
        None, "of the box, see headpose clean --help (default: short)", choices=SIDES, old=OLD_SIDES
    )
    margin: float | None = field(None, "factor on that side (default: 1)", low=0.1, high=10)
    size: int | None = field(None, "pixels of a crop's side (default: 64)", low=16, high=512)
    colour: bool = field(False, "crops in colour; rotation and efficientnet only")


@dataclasses.dataclass(frozen=True)
class Network(Checked):
    """Which network is built, see `headpose.pose.networks`."""

    architecture: str | None = field(
        None,
        "rotation tells the whole turn and its expected error, and so does efficientnet, to "
        "--start from headpose convert-efficientnet (default: that of --start where it tells the "
        "whole turn; else rotation if labels have roll, or compact)",
        choices=ARCHITECTURES,
    )
    start: str | None = field(
        None, "estimator whose weights to begin with, where they fit", metavar="FILE", model=True
    )
    freeze: tuple[str, ...] = FREEZE
    outputs: int | None = field(
        None,
        "3 adds roll (default: 3 for compact if labels have roll, else 2; not for rotation)",
        low=2,
        high=3,
    )
    conv_blocks: int = field(6, "patacchiola only", low=1, high=6)
    filters: int = field(32, "of the first block; patacchiola only", low=1)
    dense_layers: int = field(1, "patacchiola only", low=0)
    dense_size: int = field(512, "patacchiola only", low=1)
    dropout: float = field(0.2, "before the output", low=0, high=0.95)


@dataclasses.dataclass(frozen=True)
class Learning(Checked):
    """How long and how fast to learn, see `headpose.training.schedule.Schedule`."""

    batch_size: int = field(128, "crops a batch", low=1)
    epochs: int = field(500, "at most so many epochs", low=1)
    steps: int | None = field(None, "batches an epoch (default: all heads once)", low=1)
    patience: int = field(10, "epochs without gain; 0 never stops", low=0)
    schedule: str = field("plateau", "of the rate", choices=("plateau", "cosine"))
    learning_rate: float = field(1.2e-3, "largest", low=0, high=1)
    weight_decay: float = field(2e-3, "of AdamW", low=0, high=1)
    average: float = field(
        0.0, "momentum of a running mean of the weights; for long runs", low=0, high=0.99999
    )
    hold_out: float = field(
        0.0,
        "share of persons, or pictures, kept from the angles, to learn the expected error",
        low=0,
        high=0.5,
    )
    balance: float = field(0.5, "1 draws all poses equally often", low=0, high=1)
    teacher: str | None = field(
        None,
        "estimator to learn from besides the labels; rotations only",
        metavar="FILE",
        model=True,
    )
    teacher_share: float = field(
        0.7, "share of the examples that get the teacher's answer", low=0, high=1
    )
    seed: int = field(0, "of weights and examples", low=0, high=MAX_SEED)


@dataclasses.dataclass(frozen=True)
class Augmentation(Checked):
    """How training crops are changed; deviations are of normal distributions."""

    mirror: float = field(0.5, "probability of a mirror image", low=0, high=1)
    shift: float = field(0.05, "deviation of the box's centre, of its side", low=0, high=1)
    zoom: float = field(0.09, "deviation of the log of the box's side", low=0, high=1)
    roll: float = field(9.0, "deviation of the turn, degrees", low=0, high=90)
    brightness: tuple[float, float] = field((0.6, 1.35), "range of factors", low=0, high=10)
    contrast: tuple[float, float] = field((0.5, 1.4), "range of factors", low=0, high=10)
    blur: float = field(0.25, "probability", low=0, high=1)
    noise: float = field(0.3, "probability", low=0, high=1)
    low_resolution: float = field(0.4, "probability", low=0, high=1)
    occlusion: float = field(0.2, "probability of a grey patch", low=0, high=1)
    shading: float = field(0.3, "probability of a ramp of light", low=0, high=1)
    any_roll: float = field(0.06, "probability of a turn by any angle", low=0, high=1)
    cut: float = field(0.1, "probability that the border cuts the head", low=0, high=1)
    cover: float = field(0.2, "probability of a hat, mask, hand, …", low=0, high=1)
    dark: float = field(0.06, "probability of hardly any light", low=0, high=1)
    colourless: float = field(0.3, "probability of no colour; with --colour", low=0, high=1)
    out_of_plane: float = field(
        0.0, "probability of a turn out of the plane; rotation only", low=0, high=1
    )
    turn_pan: float = field(30.0, "largest such turn to a side, degrees", low=0, high=45)
    turn_tilt: float = field(10.0, "largest such turn up or down, degrees", low=0, high=45)


@dataclasses.dataclass(frozen=True)
class PoseTrainingConfig(Checked):
    """All that defines a run of `headpose.training.pose_run.train_estimator`."""

    sources: Sources = Sources()
    output: Path = field(Path("runs/pose"), "folder for all results", effect=False)
    save: Path | None = field(
        None, "also write the best model here, in float16", metavar="FILE", effect=False
    )
    with_mirror: bool = field(
        False,
        "let the saved model ask itself twice, for a crop and its mirror image, and average",
        effect=False,
    )
    average_with: tuple[str, ...] = field(
        (),
        "let the saved model ask these estimators as well, and average; rotations only",
        metavar="FILE",
        effect=False,
    )
    models_csv: Path | None = field(
        None, "table of runs to add to (default: beside --output)", effect=False
    )
    resume: bool = field(False, "go on with the run in --output", effect=False)
    overwrite: bool = field(
        False,
        "start anew in a folder that has results (not with --resume); --save may replace a file",
        effect=False,
    )
    workers: int = field(1, "threads that make examples", low=1, effect=False)
    device: str = DEVICE
    precision: str = PRECISION
    crop: Crop = Crop()
    network: Network = Network()
    learning: Learning = Learning()
    augmentation: Augmentation = Augmentation()


def check_use(config: PoseTrainingConfig) -> None:
    """Refuses options that only change what is saved where nothing is to be saved.

    Raises:
        HeadposeError: If there is one.
    """
    asked = {"--with-mirror": config.with_mirror, "--average-with": config.average_with}
    for option, given in asked.items():
        if given and not config.save:
            raise HeadposeError(f"{option} is for the model that --save writes; name its file")
