"""A training run of a pose estimator: `train.py` makes one, a sweep makes many."""

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headpose.errors import HeadposeError
from headpose.files import sole_user, writable_folder
from headpose.reporting import announce, logger
from headpose.training.fields import values
from headpose.training.model_contents import contents
from headpose.training.models_table import check_models_table, note_model
from headpose.training.pose_config import PoseTrainingConfig, check_use
from headpose.training.pose_network import check_options, misfit, start_network, with_others
from headpose.training.pose_sources import (
    TrainingSets,
    all_sources,
    crop_of,
    read_sets,
    warn_of_other_crops,
)
from headpose.training.run_folder import check_run, saving
from headpose.training.same_sources import TAKEN

if TYPE_CHECKING:
    import keras

    from headpose.datasets.head_sets import HeadSet
    from headpose.pose.estimator import PoseEstimator
    from headpose.training.pose_examples import PoseExamples
    from headpose.training.schedule import Schedule
    from headpose.training.teacher import TaughtExamples

OnEpoch = Callable[[int, dict[str, float]], bool]


def train_estimator(config: PoseTrainingConfig, on_epoch: OnEpoch | None = None) -> dict[str, Any]:
    """Trains a pose estimator and writes log, checkpoints and the best model.

    Args:
        config: All that defines the run.
        on_epoch: Told each epoch's number, from 0, and its log, in which `score` is the
            validation error in degrees; if it returns True, training stops there.

    Returns:
        The row for the table of models: options, parameters, seconds, errors in degrees.
        Seconds are None for a run that was gone on with: nothing tells those before.

    Raises:
        HeadposeError: If data or folders are not as they should be, or training diverges.
    """
    files = [config.network.start, config.learning.teacher, *config.average_with]
    inputs = [*config.sources.data, *files, config.crop.detector]
    check_run(config, inputs, [config.models_csv])
    check_use(config)
    named = all_sources(config.sources)
    read = [source.path for sources in named.values() for source in sources]
    check_run(config, read, [config.models_csv])
    check_models_table(models_table(config))
    folder = writable_folder(config.output)
    crop = crop_of(config.crop, named["train"])
    warn_of_other_crops(crop, [*named["validation"], *named["test"]])
    if reason := misfit(config.network, crop["size"]):
        raise HeadposeError(f"{reason}; take fewer --conv-blocks")
    if config.network.architecture:
        check_options(config, config.network.architecture)
    with sole_user(folder):
        # What is wrong with data is told before TensorFlow starts, which a detector or a
        # teacher may need.
        needed = config.crop.detector or config.learning.teacher
        early = None if needed else read_sets(config, named, crop)
        from headpose.models.keras_setup import divide_batches, set_up

        set_up(config.device, config.precision)
        divide_batches(config.learning.batch_size)
        teacher = _teacher(config, crop)
        sets = early or read_sets(config, named, crop, teacher.crop_options if teacher else None)
        from headpose.training import pose

        every = [*sets.training.items(), *sets.validation.items(), *sets.test.items()]
        announce(pose.describe(every))
        if sets.held_out:
            announce(f"held out for the expected error: {sum(map(len, sets.held_out))} heads")
        model = start_network(config, crop, sets.have_roll)
        seconds = _learn(config, model, sets, folder, on_epoch, teacher)
        return _keep_best(config, folder, sets, seconds)


def _teacher(config: PoseTrainingConfig, crop: dict[str, Any]) -> "PoseEstimator | None":
    """Returns the estimator to learn from besides the labels, if there is one."""
    from headpose.training.teacher import load_teacher

    return load_teacher(config.learning.teacher, crop) if config.learning.teacher else None


def _examples(
    config: PoseTrainingConfig,
    model: "keras.Model",
    sets: TrainingSets,
    teacher: "PoseEstimator | None",
) -> "PoseExamples | TaughtExamples":
    """Returns what training examples are drawn from; a teacher answers a part of them."""
    from headpose.training.pose_examples import PoseExamples
    from headpose.training.teacher import TaughtExamples

    learning, (_, size, _, channels) = config.learning, model.input_shape
    examples = PoseExamples(
        list(sets.training.values()),
        teacher.size if teacher else size,
        model.output_shape[1],
        config.augmentation,
        learning.seed,
        learning.balance,
    )
    if teacher is None:
        return examples
    share = learning.teacher_share
    return TaughtExamples(examples, teacher, size, channels == 1, share, learning.seed)


def _schedule(config: PoseTrainingConfig, heads: int) -> "Schedule":
    """Returns how long to learn; an epoch has all heads once unless it is told."""
    from headpose.training.schedule import Schedule

    learning = config.learning
    return Schedule(
        epochs=learning.epochs,
        steps=learning.steps or -(-heads // learning.batch_size),
        learning_rate=learning.learning_rate,
        weight_decay=learning.weight_decay,
        kind=learning.schedule,
        patience=learning.patience,
        average=learning.average,
    )


def _learn(
    config: PoseTrainingConfig,
    model: "keras.Model",
    sets: TrainingSets,
    folder: Path,
    on_epoch: OnEpoch | None,
    teacher: "PoseEstimator | None",
) -> int | None:
    """Trains a network, or goes on with it.

    Returns:
        How many seconds that took; None if a part of it was done earlier.
    """
    from headpose.images.figures import plot_log
    from headpose.models.keras_setup import jit_compile
    from headpose.pose import rotation
    from headpose.pose.estimator import PoseEstimator
    from headpose.training import loop, pose
    from headpose.training.callbacks import BestModel
    from headpose.training.run_folder import open_run
    from headpose.training.schedule import optimizer

    learner, loss = model, pose.angle_loss
    if _gives_rotations(model):
        learner, loss = rotation.raw_outputs(model), rotation.rotation_loss
    examples = _examples(config, model, sets, teacher)
    schedule = _schedule(config, sum(len(s) for s in sets.training.values()))
    learner.compile(optimizer(schedule), loss=loss, jit_compile=jit_compile())
    estimator = PoseEstimator(model)
    best = BestModel(
        model,
        lambda: pose.measure(estimator, sets.validation),
        "score",
        False,
        folder / "best.keras",
    )
    # Only now, when little else can be wrong, are earlier results touched.
    told = values(config, with_effect_only=True) | contents(config)
    told |= {TAKEN: sets.digest_of_taken()}
    earlier = open_run(folder, told, config.resume, config.overwrite, sets.digest())
    announce(f"steps an epoch: {schedule.steps}, each of {config.learning.batch_size} heads")
    best.begin_with(config.network.start)
    started = time.monotonic()
    given = loop.Batches(examples, config.learning.batch_size, config.workers)
    loop.fit(learner, given, schedule, best, folder, earlier, on_epoch)
    best.compare_with_start()
    plot_log(folder / "log.csv", folder / "curve.png", ["loss", "score"], "score: degrees")
    return None if earlier else round(time.monotonic() - started)


def _keep_best(
    config: PoseTrainingConfig, folder: Path, sets: TrainingSets, seconds: int | None
) -> dict[str, Any]:
    """Measures the best model, saves it where asked to and notes it in the table of models."""
    from headpose.models.keras_files import load_model, save_model
    from headpose.pose.estimator import PoseEstimator
    from headpose.training import pose
    from headpose.training.starting import freeze

    measured = sets.test or sets.validation
    kept = load_model(folder / "best.keras")
    freeze(kept, ())
    figures = pose.measure(PoseEstimator(kept), measured)
    for name in measured:
        announce(
            f"{name}: mean absolute error tilt {figures[f'{name} tilt']:.2f}, "
            f"pan {figures[f'{name} pan']:.2f}, mean {figures[f'{name} mean']:.2f} degrees"
        )
    row = {"run": named_run(config), **values(config, with_effect_only=True)}
    row |= {"parameters": kept.count_params(), "seconds": seconds, **figures}
    if config.save:
        with saving(config) as place:
            save_model(finished(config, kept, sets.held_out), place, half=True)
        twice = ", which asks twice: evaluate it for its own figures" if config.with_mirror else ""
        announce(f"wrote {place}{twice}")
    announce(f"best model: {folder / 'best.keras'}")
    try:
        note_model(models_table(config), row)
    except (HeadposeError, OSError, ValueError, csv.Error) as error:
        if config.models_csv:
            raise
        logger.warning("%s: this run is in no table; name one with --models-csv", error)
    return row


def _gives_rotations(model: "keras.Model") -> bool:
    from headpose.pose.estimator import MEASURES

    return model.output_shape[1] == len(MEASURES)


def finished(
    config: PoseTrainingConfig, kept: "keras.Model", held_out: list["HeadSet"]
) -> "keras.Model":
    """Returns a model as it is saved.

    Where that is asked for, it asks others as well, and all twice. The expected error of one
    that gives rotations is learned on the heads that were held out for it.
    """
    from headpose.pose.rotation import averaged_with_mirror
    from headpose.training.error_fitting import calibrate

    model = with_others(config, kept)
    model = averaged_with_mirror(model) if config.with_mirror else model
    if not any(heads.measurable.any() for heads in held_out) or not _gives_rotations(model):
        return model
    return calibrate(model, held_out, config.augmentation, config.learning.seed)


def named_run(config: PoseTrainingConfig) -> str:
    """Returns what the table of models calls a run.

    In a table that several folders share, "runs/pose" of each would be one and the same.
    """
    return str(config.output.absolute() if config.models_csv else config.output)


def models_table(config: PoseTrainingConfig) -> Path:
    """Returns the table that a run adds itself to."""
    return config.models_csv or config.output.parent / "models.csv"
