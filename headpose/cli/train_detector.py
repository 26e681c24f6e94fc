"""Trains a head detector from pictures with head boxes."""

import argparse
from pathlib import Path

from headpose.cli import common as cl
from headpose.files import writable_folder
from headpose.reporting import report


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("data", nargs="+", help="CSV of boxes (file,xmin,ymin,xmax,ymax) or folder of VOC XML")
    add("--validation", required=True, help="the same, for the validation part")
    add("--validate-on", type=cl.at_least(1), default=120, help="pictures to measure each epoch")
    add("--partial", nargs="*", default=[], help="data in which not every head is boxed")
    add("--partial-share", type=cl.in_range(0, 1), default=0.15, help="their share of examples")
    add(
        "--partial-detector",
        nargs="*",
        default=[],
        metavar="DETECTOR",
        help="detectors whose other finds in them are ignored",
    )
    add("--architecture", choices=("compact", "ssd512"), default="compact", help="the network")
    add("--start", metavar="FILE", help="detector to fine-tune, whatever --architecture is")
    add("--output", type=Path, default=Path("runs/detector"), help="folder for all results")
    add("--save", type=Path, metavar="FILE", help="also write the best detector here, in float16")
    add("--confidence", type=cl.in_range(0, 1), help="threshold to store in the model")
    add("--epochs", type=cl.at_least(1), default=30, help="epochs")
    add("--steps", type=cl.at_least(1), default=300, help="batches an epoch")
    add("--batch-size", type=cl.at_least(1), default=24, help="crops a batch")
    add(
        "--size", type=cl.at_least(64), default=320, help="side of the crops, if the network allows"
    )
    add("--learning-rate", type=cl.in_range(0, 1), default=2e-3, help="largest, after warm-up")
    add("--weight-decay", type=cl.in_range(0, 1), default=1e-4, help="of AdamW")
    add("--seed", type=cl.at_least(0), default=0, help="of weights and examples")
    add("--cache", type=cl.in_range(0, 1e4), default=6, help="GiB of decoded pictures kept")
    add("--workers", type=cl.at_least(1), default=2, help="threads that make examples")
    add("--resume", action="store_true", help="go on with the run in --output")
    add("--overwrite", action="store_true", help="start anew in a folder that has results")
    add("--strict", action="store_true", help="stop at the first fault in the data")
    cl.add_device_options(parser)
    return parser


def read(sources: list[str], strict: bool) -> list:
    """Reads and joins sources and reports what was left out."""
    from headpose.datasets.detection_annotations import read_boxed_pictures

    pictures = []
    for source in sources:
        found, problems = read_boxed_pictures(source)
        report(source, problems, strict)
        print(f"{source}: {len(found)} pictures, {sum(len(p.boxes) for p in found)} heads")
        pictures += found
    return pictures


def main() -> None:
    parser = options()
    arguments = parser.parse_args()
    training = read(arguments.data, arguments.strict)
    partial = read(arguments.partial, arguments.strict)
    validation = read([arguments.validation], arguments.strict)
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
    from headpose.training.detection_examples import DetectionExamples, Source, unlabelled

    keras.utils.set_random_seed(arguments.seed)
    if arguments.start:
        detector = load_model(arguments.start)
    else:
        detector = ssd_networks.ARCHITECTURES[arguments.architecture]()
    finder = HeadDetector(detector, name=str(arguments.start))
    if arguments.confidence is not None:
        detector.get_layer("decode").confidence = arguments.confidence
    levels = detector.get_layer("decode").levels
    size = detector.input_shape[1] or arguments.size
    step = max(level.step for level in levels)
    if size % step:
        parser.error(f"--size must be a multiple of {step}")
    cache = PictureCache(int(arguments.cache * 2**30))
    sources = [Source(training, 1 - arguments.partial_share if partial else 1)]
    if partial:
        others = [load_detector(name) for name in arguments.partial_detector]
        ignored = unlabelled(partial, others, cache)
        sources.append(Source(partial, arguments.partial_share, ignored))
    examples = DetectionExamples(sources, levels, size, arguments.seed, cache)

    model = dt.DetectorTraining(detector)
    model.build((None, size, size, 3))
    schedule = loop.Schedule(
        arguments.epochs, arguments.steps, arguments.learning_rate, arguments.weight_decay
    )
    model.compile(loop.optimizer(schedule))
    measured = validation[:: -(-len(validation) // arguments.validate_on)]
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
    plot_log(
        folder / "log.csv",
        folder / "curve.png",
        ["ap 8-16", "ap 16-32", "ap 32-64", "ap over 64"],
        "average precision",
    )
    if arguments.save:
        save_model(load_model(folder / "best.keras"), arguments.save, half=True)
        print(f"wrote {arguments.save}")
    print(f"best detector: {folder / 'best.keras'}")
