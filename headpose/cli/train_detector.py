"""Trains a head detector from pictures with head boxes.

DATA is a CSV with a row for each head (file, xmin, ymin, xmax, ymax; a row without a box
names a picture without heads; a column ignore marks boxes that are neither head nor
background), a folder of VOC XML or YOLO text, COCO JSON, or CrowdHuman's odgt. "#PART"
takes the rows whose column part says so, or a class of boxes, "@SHARE" sets a source's
share of the examples: people.csv#train@0.2

A .toml names such sources for training and validation: models/head-detector.toml is the
one that the detector that ships was trained with.
"""

import argparse
import dataclasses
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.pipeline_options import check_models
from headpose.datasets.label_tables import SourceName, read_configuration
from headpose.errors import HeadposeError
from headpose.files import check_outputs, writable_folder
from headpose.reporting import report


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("data", nargs="+", help="files or folders of boxes, or a .toml that names them")
    add("--data-root", type=Path, metavar="DIR", help="what a .toml's paths start from")
    add("--validation", nargs="+", default=[], help="where to measure after each epoch")
    add("--validate-on", type=cl.at_least(1), default=120, help="pictures to measure each epoch")
    add(
        "--incomplete-labels",
        "--partial",
        dest="partial",
        nargs="*",
        default=[],
        help="data in which not every head is boxed",
    )
    add("--partial-share", type=cl.in_range(0, 1), default=0.15, help="their share of examples")
    add(
        "--partial-detector",
        nargs="*",
        default=[],
        metavar="DETECTOR",
        help="detectors whose other finds in them are ignored",
    )
    add(
        "--mine-with",
        metavar="DETECTOR",
        help="show more often what this detector takes for heads where no label has one",
    )
    add("--architecture", choices=("compact", "ssd512"), default="compact", help="the network")
    add("--start", metavar="FILE", help="detector to fine-tune, whatever --architecture is")
    add(
        "--freeze",
        nargs="*",
        default=[],
        metavar="NAME",
        help="layers to leave as they are, by the beginnings of their names",
    )
    add("--output", type=Path, default=Path("runs/detector"), help="folder for all results")
    add("--save", type=Path, metavar="FILE", help="also write the best detector here, in float16")
    add(
        "--uncalibrated",
        action="store_true",
        help="save scores as they are, not moved so that 0.5 has the best F1 in --validation",
    )
    add("--confidence", type=cl.in_range(0, 1), help="threshold to store, if --uncalibrated")
    add(
        "--keep",
        choices=("best", "last"),
        default="best",
        help="what --save takes: the epoch that measured best, or the last; where few pictures "
        "are measured, the last is the surer choice",
    )
    add("--epochs", type=cl.at_least(1), default=30, help="epochs")
    add("--steps", type=cl.at_least(1), default=300, help="batches an epoch")
    add("--batch-size", type=cl.at_least(1), default=24, help="crops a batch")
    add(
        "--size", type=cl.at_least(64), default=320, help="side of the crops, if the network allows"
    )
    add(
        "--large-size", type=cl.at_least(64), default=512, help="side of the crops of large batches"
    )
    add(
        "--large-every", type=cl.at_least(0), default=0, help="one batch in so many has large crops"
    )
    add("--learning-rate", type=cl.in_range(0, 1), default=2e-3, help="largest, after warm-up")
    add("--weight-decay", type=cl.in_range(0, 1), default=1e-4, help="of AdamW")
    add(
        "--average",
        type=cl.in_range(0, 0.99999),
        default=0.998,
        help="momentum of the running mean of the weights that is kept",
    )
    add("--seed", type=cl.at_least(0), default=0, help="of weights and examples")
    add("--cache", type=cl.in_range(0, 1e4), default=6, help="GiB of decoded pictures kept")
    add("--workers", type=cl.at_least(1), default=2, help="threads that make examples")
    add("--resume", action="store_true", help="go on with the run in --output")
    add("--overwrite", action="store_true", help="start anew in a folder that has results")
    add("--strict", action="store_true", help="stop at the first fault in the data")
    cl.add_device_options(parser)
    return parser


def named_sources(arguments: argparse.Namespace) -> tuple[list, list]:
    """Returns the sources to learn from and to measure on."""
    training, validation = [], []
    for name in arguments.data:
        if name.endswith(".toml"):
            named = read_configuration(Path(name), arguments.data_root)
            training += named["train"]
            validation += named["validation"]
        else:
            training.append(dataclasses.replace(SourceName.parse(name), mine=True))
    complete = sum(source.share for source in training)
    share = arguments.partial_share / max(1 - arguments.partial_share, 1e-6) * complete
    for name in arguments.partial:
        source = dataclasses.replace(SourceName.parse(name), incomplete=True)
        training.append(dataclasses.replace(source, share=share / len(arguments.partial)))
    if arguments.validation:
        validation = [SourceName.parse(name) for name in arguments.validation]
    if not validation:
        raise HeadposeError("name pictures to measure on with --validation")
    return training, validation


def read(source: SourceName, strict: bool) -> list:
    """Reads a source and reports what was left out."""
    from headpose.datasets.detection_annotations import read_boxed_pictures

    found, problems = read_boxed_pictures(source)
    report(source.path, problems, strict)
    empty = sum(not len(picture.boxes) for picture in found)
    heads = sum(len(picture.boxes) for picture in found)
    told = f", {empty} pictures without heads" if empty else ""
    print(f"{source.path}: {len(found)} pictures, {heads} heads{told}")
    return found


def thinned(sets: list[list], most: int) -> list:
    """Returns at most so many pictures, evenly from all sets together."""
    together = [picture for pictures in sets for picture in pictures]
    return together[:: -(-len(together) // most)]


def calibrate(detector, sets: dict, cache) -> None:
    """Moves a detector's scores so that 0.5 has the best F1 on all sets together."""
    from headpose.detection.calibration import best_threshold, shift_scores
    from headpose.detection.head_detector import HeadDetector
    from headpose.training.detection_evaluation import Finds

    finder, judged = HeadDetector(detector), {}
    for name, pictures in sets.items():
        finds = Finds(pictures)
        for item in cl.progress(pictures, "pictures"):
            finds.add(finder, cache.read(item.path))
        judged[name] = finds.judged()["all"]
        if judged[name].heads:
            at, f1 = best_threshold([judged[name]])
            print(f"{name.path}: best F1 {f1:.3f} at a score of {at:.3f}")
    threshold, f1 = best_threshold(list(judged.values()))
    print(f"all sources alike: best F1 {f1:.3f} at a score of {threshold:.3f}, which becomes 0.5")
    shift_scores(detector, threshold)


def main() -> None:
    parser = options()
    arguments = parser.parse_args()
    check_models(arguments.start, *arguments.partial_detector)
    check_outputs([arguments.save], [arguments.start])
    names, validation_names = named_sources(arguments)
    training = [read(name, arguments.strict) for name in names]
    validation = [read(name, arguments.strict) for name in validation_names]
    folder = writable_folder(arguments.output)

    from headpose.models.keras_setup import divide_batches, set_up

    set_up(arguments.device, arguments.precision)
    divide_batches(arguments.batch_size)
    import keras

    from headpose.detection import networks as ssd_networks
    from headpose.detection.head_detector import HeadDetector
    from headpose.detection.loading import load_detector
    from headpose.images.figures import plot_log
    from headpose.images.pictures import PictureCache
    from headpose.models.keras_files import load_model, save_model
    from headpose.training import detection as dt
    from headpose.training import loop
    from headpose.training.detection_examples import (
        DetectionExamples,
        Source,
        false_finds,
        with_unlabelled,
    )

    keras.utils.set_random_seed(arguments.seed)
    if arguments.start:
        detector = load_model(arguments.start)
    else:
        detector = ssd_networks.ARCHITECTURES[arguments.architecture]()
    dt.freeze(detector, arguments.freeze)
    finder = HeadDetector(detector, name=str(arguments.start))
    if arguments.confidence is not None:
        detector.get_layer("decode").confidence = arguments.confidence
    levels = detector.get_layer("decode").levels
    size = detector.input_shape[1] or arguments.size
    step = max(level.step for level in levels)
    sides = {"--size": size}
    sides |= {"--large-size": arguments.large_size} if arguments.large_every else {}
    for option, side in sides.items():
        if side % step:
            parser.error(f"{option} must be a multiple of {step}")
    if arguments.large_every and detector.input_shape[1]:
        parser.error("--large-every is for networks that take any size")
    if arguments.large_every and arguments.steps % arguments.large_every:
        parser.error("--steps must be a multiple of --large-every")
    cache = PictureCache(int(arguments.cache * 2**30))
    others = [load_detector(name) for name in arguments.partial_detector]
    mistaken = load_detector(arguments.mine_with) if arguments.mine_with else None
    sources = []
    for name, pictures in zip(names, training, strict=True):
        false = []
        if name.incomplete:
            pictures = with_unlabelled(pictures, others, cache)
        elif name.mine and mistaken is not None:
            false = false_finds(pictures, mistaken, cache)
            print(f"{name.path}: {sum(map(len, false))} false finds")
        sources.append(Source(pictures, name.share, false))
    examples = DetectionExamples(
        sources,
        levels,
        size,
        arguments.seed,
        cache,
        arguments.large_size,
        arguments.large_every,
    )

    model = dt.DetectorTraining(detector)
    model.build((None, size, size, 3))
    schedule = loop.Schedule(
        arguments.epochs,
        arguments.steps,
        arguments.learning_rate,
        arguments.weight_decay,
        average=arguments.average,
    )
    model.compile(loop.optimizer(schedule))
    measured = thinned(validation, arguments.validate_on)
    # Only now, when nothing else can be wrong, are earlier results touched.
    earlier = loop.open_run(folder, vars(arguments), arguments.resume, arguments.overwrite)
    best = loop.BestModel(
        detector,
        lambda: dt.measure(finder, measured, cache),
        "ap mean",
        True,
        folder / "best.keras",
    )
    loop.fit(
        model,
        lambda first: loop.batches(examples, first, arguments.batch_size, arguments.workers),
        schedule,
        best,
        loop.Patience("ap mean", True, schedule),
        folder,
        earlier,
    )
    if len(earlier) < schedule.epochs:
        save_model(detector, folder / "last.keras")
    plot_log(
        folder / "log.csv",
        folder / "curve.png",
        ["ap 8-16", "ap 16-32", "ap 32-64", "ap over 64"],
        "average precision",
    )
    if arguments.save:
        kept = load_model(folder / f"{arguments.keep}.keras")
        dt.freeze(kept, [])
        if not arguments.uncalibrated:
            calibrate(kept, dict(zip(validation_names, validation, strict=True)), cache)
        save_model(kept, arguments.save, half=True)
        print(f"wrote {arguments.save}")
    print(f"best detector: {folder / 'best.keras'}")
