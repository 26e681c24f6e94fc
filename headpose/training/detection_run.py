"""A training run of a head detector, from sources of boxes to a calibrated model."""

from pathlib import Path
from typing import TYPE_CHECKING

from headpose.datasets.label_tables import SourceName
from headpose.errors import HeadposeError
from headpose.files import sole_user, writable_folder
from headpose.images.picture_cache import PictureCache
from headpose.reporting import announce, progress
from headpose.training.detection_config import (
    F1_TO_SPARE,
    DetectionLearning,
    DetectionNetwork,
    DetectionTrainingConfig,
)
from headpose.training.detection_sources import (
    Pictures,
    digests,
    each_epoch,
    named_sources,
    read_all,
    warn_of_shared,
)
from headpose.training.fields import values, warn_of_idle
from headpose.training.model_contents import contents
from headpose.training.run_folder import check_run, saving

if TYPE_CHECKING:
    import keras

    from headpose.detection.loading import Detector
    from headpose.training.detection_examples import DetectionExamples
    from headpose.training.detection_teacher import TaughtDetection


def train_detector(config: DetectionTrainingConfig) -> Path:
    """Trains a head detector and writes log, checkpoints and the best model.

    Args:
        config: All that defines the run.

    Returns:
        The best model's file.

    Raises:
        HeadposeError: If data, options or folders are not as they should be.
    """
    names, validation_names = named_sources(config.sources)
    read_from = [str(source.path) for source in (*names, *validation_names)]
    asked = [*config.sources.incomplete_detector, config.sources.mine_with]
    asked += [config.network.start, config.network.pruned_from, config.learning.teacher]
    check_run(config, [*config.sources.data, *read_from, *asked])
    _warn_of_idle(config, names)
    training = read_all(names, config.strict)
    validation = read_all(validation_names, config.strict)
    warn_of_shared(training, validation)
    each_epoch(validation, config.sources.validate_on)  # tells what is wrong with it
    folder = writable_folder(config.output)
    with sole_user(folder):
        from headpose.models.keras_setup import divide_batches, set_up

        set_up(config.device, config.precision)
        divide_batches(config.learning.batch_size)
        detector = _start_network(config.network, config.learning.seed)
        size = _crop_size(detector, config.learning)
        cache = PictureCache(int(config.cache * 2**30))
        examples = _examples(config, detector, size, training, cache)
        noted = digests([*training, *validation])
        best = _learn(config, detector, size, examples, validation, cache, folder, noted)
        if config.save:
            kept = best.with_name(f"{config.keep}.keras")
            with saving(config) as place:
                _save(kept, place, [] if config.uncalibrated else validation, cache)
    announce(f"best detector: {best}")
    return best


def _warn_of_idle(config: DetectionTrainingConfig, names: list[SourceName]) -> None:
    """Warns of options that change nothing for want of others."""
    sources, learning = config.sources, config.learning
    if not sources.incomplete_labels:
        warn_of_idle(sources, ("incomplete_share",), "without --incomplete-labels")
    if not any(name.incomplete for name in names):
        told = "where every source says that each head is boxed (see --incomplete-labels)"
        warn_of_idle(sources, ("incomplete_detector",), told)
    if not any(name.mine for name in names):
        warn_of_idle(sources, ("mine_with",), "where no source says mine = true")
    if not learning.large_every:
        warn_of_idle(learning, ("large_size",), "without --large-every")
    if not config.save:
        warn_of_idle(config, ("keep", "uncalibrated"), "without --save")
    if not config.uncalibrated:
        warn_of_idle(config.network, ("confidence",), "without --uncalibrated")


def _start_network(network: DetectionNetwork, seed: int) -> "keras.Model":
    """Builds or loads the detector that learns."""
    import keras

    from headpose.detection.head_detector import HeadDetector
    from headpose.detection.networks import ARCHITECTURES
    from headpose.models.keras_files import load_model
    from headpose.training.pruning import take_strongest
    from headpose.training.starting import freeze

    keras.utils.set_random_seed(seed)
    if network.start:
        detector = load_model(network.start)
        HeadDetector(detector, name=network.start)  # refuses what is no detector
    else:
        detector = ARCHITECTURES[network.architecture]()
        if network.pruned_from:
            take_strongest(detector, load_model(network.pruned_from), network.pruned_from)
    freeze(detector, network.freeze)
    if network.confidence is not None:
        detector.get_layer("decode").confidence = network.confidence
    return detector


def _crop_size(detector: "keras.Model", learning: DetectionLearning) -> int:
    """Returns the side of the crops in pixels.

    Raises:
        HeadposeError: If the network cannot have crops of the sizes that are asked for.
    """
    size = detector.input_shape[1] or learning.size
    stride = max(level.stride for level in detector.get_layer("decode").levels)
    sides = {"--size": size}
    sides |= {"--large-size": learning.large_size} if learning.large_every else {}
    for option, side in sides.items():
        if side % stride:
            raise HeadposeError(f"{option} must be a multiple of {stride}")
    if learning.large_every and detector.input_shape[1]:
        raise HeadposeError("--large-every is for networks that take any size")
    if learning.large_every and learning.steps % learning.large_every:
        raise HeadposeError("--steps must be a multiple of --large-every")
    return size


def _examples(
    config: DetectionTrainingConfig,
    detector: "keras.Model",
    size: int,
    training: Pictures,
    cache: PictureCache,
) -> "DetectionExamples | TaughtDetection":
    """Returns what training examples are drawn from."""
    from headpose.detection.loading import load_detector
    from headpose.training.detection_examples import (
        DetectionExamples,
        Source,
        false_finds,
        with_unlabelled,
    )
    from headpose.training.detection_teacher import TaughtDetection, load_teacher

    sources, learning = config.sources, config.learning
    others = [load_detector(name) for name in sources.incomplete_detector]
    mistaken = load_detector(sources.mine_with) if sources.mine_with else None
    drawn = []
    for name, pictures in training:
        false = []
        if name.incomplete:
            pictures = with_unlabelled(pictures, others, cache)
        elif name.mine and mistaken is not None:
            false = false_finds(pictures, mistaken, cache)
            announce(f"{name.path}: {sum(map(len, false))} false finds")
        drawn.append(Source(pictures, name.share, false))
    levels = detector.get_layer("decode").levels
    further = learning.large_size, learning.large_every, learning.colourless
    examples = DetectionExamples(drawn, levels, size, learning.seed, cache, *further)
    if not learning.teacher:
        return examples
    return TaughtDetection(examples, load_teacher(learning.teacher, levels), levels)


def _learn(
    config: DetectionTrainingConfig,
    detector: "keras.Model",
    size: int,
    examples: "DetectionExamples | TaughtDetection",
    validation: Pictures,
    cache: PictureCache,
    folder: Path,
    noted: dict[str, str],
) -> Path:
    """Trains a detector, or goes on with it; returns the best model's file."""
    from headpose.detection.head_detector import HeadDetector
    from headpose.images.figures import plot_log
    from headpose.models.keras_files import save_model
    from headpose.models.keras_setup import jit_compile
    from headpose.training import detection, loop
    from headpose.training.callbacks import BestModel
    from headpose.training.run_folder import open_run, to_go_on
    from headpose.training.schedule import Schedule, optimizer

    learning = config.learning
    model = detection.DetectorTraining(detector)
    model.build((None, size, size, 3))
    schedule = Schedule.of(learning)
    model.compile(optimizer(schedule), jit_compile=jit_compile())
    measured = each_epoch(validation, config.sources.validate_on)
    finder = HeadDetector(detector, name=str(config.network.start))
    best = folder / "best.keras"
    # Only now, when nothing else can be wrong, are earlier results touched.
    told = values(config, with_effect_only=True) | contents(config) | noted
    earlier = open_run(folder, told, config.resume, config.overwrite)
    earlier = to_go_on(folder, earlier, schedule.epochs)
    kept = BestModel(
        detector, lambda: detection.measure(finder, measured, cache), "ap mean", True, best
    )
    kept.begin_with(config.network.start)
    given = loop.Batches(examples, learning.batch_size, config.workers)
    loop.fit(model, given, schedule, kept, folder, earlier)
    kept.compare_with_start()
    if len(earlier) < schedule.epochs:
        save_model(detector, folder / "last.keras")
    sizes = ["ap 8-16", "ap 16-32", "ap 32-64", "ap over 64"]
    plot_log(folder / "log.csv", folder / "curve.png", sizes, "average precision")
    return best


def _save(file: Path, path: Path, validation: Pictures, cache: PictureCache) -> None:
    """Saves a run's model in float16, calibrated on pictures if there are any."""
    from headpose.models.keras_files import load_model, save_model
    from headpose.training.starting import freeze

    kept = load_model(file)
    freeze(kept, [])
    if validation:
        calibrate(kept, validation, cache)
    save_model(kept, path, half=True)
    announce(f"wrote {path}")


def calibrate(detector: "keras.Model", sets: Pictures, cache: PictureCache) -> None:
    """Moves a detector's scores so that 0.5 is its threshold, see `common_threshold`."""
    from headpose.detection.calibration import shift_scores
    from headpose.detection.head_detector import HeadDetector

    shift_scores(detector, common_threshold(HeadDetector(detector), sets, cache))


def common_threshold(
    detector: "Detector", sets: Pictures, cache: PictureCache, spare: float = F1_TO_SPARE
) -> float:
    """Returns the score that becomes a detector's threshold, by F1 on all sets; tells it.

    The highest one whose F1 is less than the best by at most `spare`.
    """
    from headpose.detection.calibration import best_threshold
    from headpose.training.detection_evaluation import Finds

    judged = []
    for name, pictures in sets:
        finds = Finds(pictures)
        for item in progress(pictures, "pictures"):
            finds.add(detector, cache.read(item.path))
        judged.append(finds.judged()["all"])
        if judged[-1].heads:
            at, f1 = best_threshold(judged[-1:])
            announce(f"{name.path}: best F1 {f1:.3f} at a score of {at:.3f}")
    threshold, f1 = best_threshold(judged, spare)
    announce(f"all sources alike: F1 {f1:.3f} at a score of {threshold:.3f}, which becomes 0.5")
    return threshold
