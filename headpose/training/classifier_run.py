"""A training run of a head classifier, from sources of boxes to a calibrated second stage."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headpose.errors import HeadposeError
from headpose.files import sole_user, writable_folder
from headpose.images.picture_cache import PictureCache
from headpose.models.formats import digest
from headpose.reporting import announce
from headpose.training.classifier_config import F1_TO_SPARE, ClassifierTrainingConfig
from headpose.training.detection_run import common_threshold
from headpose.training.detection_sources import (
    Pictures,
    check_heads,
    digests,
    named_sources,
    read_all,
    thinned,
    warn_of_shared,
)
from headpose.training.fields import values
from headpose.training.model_contents import contents
from headpose.training.run_folder import check_run, saving

if TYPE_CHECKING:
    import keras

    from headpose.detection.head_detector import HeadDetector

SMOOTHING = 0.02  # of labels: some are wrong


def train_classifier(config: ClassifierTrainingConfig) -> Path:
    """Trains the second stage of a detector and writes log, checkpoints and models.

    Args:
        config: All that defines the run.

    Returns:
        The best model's file; `save` gets the last weights, with the scores calibrated.

    Raises:
        HeadposeError: If data, options or folders are not as they should be.
    """
    sources = config.sources
    names, validation_names = named_sources(sources)
    read_from = [str(source.path) for source in (*names, *validation_names)]
    asked = [sources.detector, *sources.others, config.network.start]
    check_run(config, [*sources.data, *read_from, *asked])
    complete = [name for name in names if not name.incomplete]
    if not complete:
        raise HeadposeError("name pictures in which every head is labelled to learn from")
    training = read_all(complete, config.strict)
    validation = read_all(validation_names, config.strict)
    warn_of_shared(training, validation)
    thin = [thinned(pictures, sources.validate_on) for _, pictures in validation]
    check_heads([picture for pictures in thin for picture in pictures])
    folder = writable_folder(config.output)
    with sole_user(folder):
        from headpose.detection.head_detector import HeadDetector
        from headpose.models.keras_setup import divide_batches, set_up

        set_up(config.device, config.precision)
        divide_batches(config.learning.batch_size)
        detectors = [HeadDetector.load(sources.detector, size) for size in sources.sizes]
        model = _start(config)
        cache = PictureCache(int(config.cache * 2**30))
        best = _learn(config, model, detectors, training, validation, cache, folder)
        if config.save:
            with saving(config) as place:
                _save(folder / "last.keras", place, detectors[0], validation, cache)
    announce(f"best classifier: {best}")
    return best


def _start(config: ClassifierTrainingConfig) -> "keras.Model":
    """Builds or loads the classifier that learns, for the detector that it is for."""
    import keras

    from headpose.detection.classifier import ARCHITECTURES, SecondStage, with_settings
    from headpose.models.keras_files import load_model
    from headpose.training.starting import freeze, take_weights

    learning, network, detector = config.learning, config.network, Path(config.sources.detector)
    keras.utils.set_random_seed(learning.seed)
    start = load_model(network.start) if network.start else None
    if start is not None and isinstance(start.layers[-1], SecondStage):
        model = start
    else:
        model = ARCHITECTURES[network.architecture]()
        if start is not None:
            take_weights(model, start, str(network.start))
    freeze(model, network.freeze)
    return with_settings(
        model, lowest=learning.lowest, detector=detector.stem, digest=digest(detector)
    )


def _learn(
    config: ClassifierTrainingConfig,
    classifier: "keras.Model",
    detectors: Sequence["HeadDetector"],
    training: Pictures,
    validation: Pictures,
    cache: PictureCache,
    folder: Path,
) -> Path:
    """Trains a classifier, or goes on with it; returns the best model's file."""
    import keras

    from headpose.detection.loading import load_detector
    from headpose.detection.second_stage import TwoStageDetector
    from headpose.images.figures import plot_log
    from headpose.models.keras_files import save_model
    from headpose.models.keras_setup import jit_compile
    from headpose.training import classifier_fitting as fitting
    from headpose.training import loop
    from headpose.training.callbacks import BestModel
    from headpose.training.candidates import CandidateExamples, find_candidates
    from headpose.training.run_folder import open_run, to_go_on
    from headpose.training.schedule import Schedule, optimizer

    learning = config.learning
    schedule = Schedule.of(learning)
    finders = [*detectors, *(load_detector(name) for name in config.sources.others)]
    candidates = []
    for name, pictures in training:
        found = find_candidates(pictures, name.share, finders, cache)
        announce(f"{name.path}: {int(found.heads.sum())} heads, {int((~found.heads).sum())} others")
        candidates.append(found)
    detector = TwoStageDetector(detectors[0], classifier)
    examples = CandidateExamples(candidates, detector.classifier_spec, learning.seed, cache)
    measured = [
        fitting.search(detector, thinned(pictures, config.sources.validate_on), cache)
        for _, pictures in validation
    ]

    fitting.check_both(measured)

    def measure() -> dict[str, float]:
        told = [fitting.logits(detector, found, cache) for found in measured]
        return fitting.separation(measured, told)

    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=SMOOTHING)
    classifier.compile(optimizer(schedule), loss, jit_compile=jit_compile())
    # Only now, when nothing else can be wrong, are earlier results touched.
    told = values(config, with_effect_only=True) | contents(config)
    told |= digests([*training, *validation])
    earlier = open_run(folder, told, config.resume, config.overwrite)
    earlier = to_go_on(folder, earlier, schedule.epochs)
    best = folder / "best.keras"
    kept = BestModel(classifier, measure, "separation", True, best)
    given = loop.Batches(examples, learning.batch_size, config.workers)
    loop.fit(classifier, given, schedule, kept, folder, earlier)
    if len(earlier) < schedule.epochs:
        save_model(classifier, folder / "last.keras")
    plot_log(folder / "log.csv", folder / "curve.png", ["separation"], "area under ROC")
    return best


def _save(
    file: Path, path: Path, detector: "HeadDetector", validation: Pictures, cache: PictureCache
) -> None:
    """Saves a run's model in float16 with the weights of both stages, fitted and calibrated."""
    from headpose.detection.classifier import with_settings
    from headpose.detection.second_stage import TwoStageDetector, logit
    from headpose.models.keras_files import load_model, save_model
    from headpose.training import classifier_fitting as fitting
    from headpose.training.starting import freeze

    model = load_model(file)
    freeze(model, ())
    both = TwoStageDetector(detector, model)
    found = [fitting.search(both, pictures, cache) for _, pictures in validation]
    a, b, c = fitting.fit_weights(found, [fitting.logits(both, each, cache) for each in found])
    model = with_settings(model, weights=(a, b, c))
    threshold = common_threshold(TwoStageDetector(detector, model), validation, cache, F1_TO_SPARE)
    c -= float(logit(np.array([threshold]))[0])  # it becomes 0.5
    announce(f"score = sigmoid({a:.3f} logit(first stage) + {b:.3f} logit(classifier) + {c:.3f})")
    save_model(with_settings(model, weights=(a, b, c)), path, half=True)
    announce(f"wrote {path}")
