"""A training run of a pose estimator: its options, and the run itself.

`train.py` makes one run, a sweep makes many.
"""

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from headpose.cli import common as cl
from headpose.errors import HeadposeError
from headpose.files import atomic_write, writable_folder
from headpose.reporting import report


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Adds all options that define a run; `train_estimator` takes what they parse to."""
    add = parser.add_argument
    add("data", nargs="+", help="clean folders, tables, or a .toml that names them")
    add("--data-root", type=Path, metavar="DIR", help="what a .toml's paths start from")
    add("--validation", nargs="+", default=[], help="where to measure after each epoch")
    add("--test", nargs="+", default=[], help="where to measure at the end")
    add("--detector", help="crop heads in pictures at this detector's boxes, not the labelled")
    add("--side", choices=("small", "large"), help="of the box, see clean_aflw.py (default: small)")
    add("--margin", type=cl.in_range(0.1, 10), help="factor on that side (default: 1)")
    add("--output", type=Path, default=Path("runs/pose"), help="folder for all results")
    add("--save", type=Path, metavar="FILE", help="also write the best model here, in float16")
    add(
        "--with-mirror",
        action="store_true",
        help="let the saved model ask itself twice, for a crop and its mirror image, and average",
    )
    add("--models-csv", type=Path, help="table of runs to add to (default: beside --output)")

    net = parser.add_argument_group("network")
    add = net.add_argument
    add(
        "--architecture",
        choices=("rotation", "compact", "patacchiola"),
        help="rotation tells the whole turn and its expected error (default: rotation if labels "
        "have roll, else compact)",
    )
    add("--start", metavar="FILE", help="estimator whose weights to begin with, where they fit")
    add(
        "--outputs",
        type=int,
        choices=(2, 3),
        help="3 adds roll (default: 3 for compact if labels have roll, else 2; not for rotation)",
    )
    add("--conv-blocks", type=cl.in_range(1, 6, int), default=6, help="patacchiola only")
    add("--filters", type=cl.at_least(1), default=32, help="of the first block; patacchiola only")
    add("--dense-layers", type=cl.at_least(0), default=1, help="patacchiola only")
    add("--dense-size", type=cl.at_least(1), default=512, help="patacchiola only")
    add("--dropout", type=cl.in_range(0, 0.95), default=0.2, help="before the output")

    learn = parser.add_argument_group("learning")
    add = learn.add_argument
    add("--batch-size", type=cl.at_least(1), default=128, help="crops a batch")
    add("--epochs", type=cl.at_least(1), default=500, help="at most so many epochs")
    add("--steps", type=cl.at_least(1), help="batches an epoch (default: all heads once)")
    add("--patience", type=cl.at_least(0), default=10, help="epochs without gain; 0 never stops")
    add("--schedule", choices=("plateau", "cosine"), default="plateau", help="of the rate")
    add("--learning-rate", type=cl.in_range(0, 1), default=1.2e-3, help="largest")
    add("--weight-decay", type=cl.in_range(0, 1), default=2e-3, help="of AdamW")
    add(
        "--average",
        type=cl.in_range(0, 0.99999),
        default=0.0,
        help="momentum of a running mean of the weights; for long runs",
    )
    add(
        "--hold-out",
        type=cl.in_range(0, 0.5),
        default=0.0,
        help="share of persons, or pictures, kept from the angles, to learn the expected error",
    )
    add("--balance", type=cl.in_range(0, 1), default=0.5, help="1 draws all poses equally often")
    add("--seed", type=cl.at_least(0), default=0, help="of weights and examples")
    add("--workers", type=cl.at_least(1), default=1, help="threads that make examples")
    add("--resume", action="store_true", help="go on with the run in --output")
    add("--overwrite", action="store_true", help="start anew in a folder that has results")
    cl.add_device_options(parser)

    change = parser.add_argument_group("augmentation")
    add = change.add_argument
    chance, anything = cl.in_range(0, 1), cl.in_range(0, 10)
    add("--mirror", type=chance, default=0.5, help="probability of a mirror image")
    add("--shift", type=chance, default=0.05, help="deviation of the box's centre, of its side")
    add("--zoom", type=chance, default=0.09, help="deviation of the log of the box's side")
    add("--roll", type=cl.in_range(0, 90), default=9.0, help="deviation of the turn, degrees")
    add("--brightness", type=anything, nargs=2, default=[0.6, 1.35], help="range of factors")
    add("--contrast", type=anything, nargs=2, default=[0.5, 1.4], help="range of factors")
    add("--blur", type=chance, default=0.25, help="probability")
    add("--noise", type=chance, default=0.3, help="probability")
    add("--low-resolution", type=chance, default=0.4, help="probability")
    add("--occlusion", type=chance, default=0.2, help="probability of a grey patch")
    add("--shading", type=chance, default=0.3, help="probability of a ramp of light")
    add("--any-roll", type=chance, default=0.06, help="probability of a turn by any angle")
    add("--cut", type=chance, default=0.1, help="probability that the border cuts the head")
    add("--cover", type=chance, default=0.2, help="probability of a hat, mask, hand, …")
    add("--dark", type=chance, default=0.06, help="probability of hardly any light")


def _read(sources: list, whole_turn: bool, crop: dict, detector) -> dict:
    """Reads sources of heads, named for the log by their folder, and reports what was left out."""
    from headpose.datasets.pose_data import read_heads

    sets = {}
    for source in sources:
        heads, problems = read_heads(source, detector=detector, whole_turn=whole_turn, **crop)
        report(source.path, problems)
        folder = source.path if source.path.is_dir() else source.path.resolve().parent
        name = f"{folder.name}#{source.part}" if source.part else folder.name
        sets[name if name not in sets else f"{name} {len(sets) + 1}"] = heads
    return sets


def _has_rows(source) -> bool:
    """Tells whether a part of a clean folder has any crop; a small set may have no test part."""
    from headpose.datasets.crop_dataset import read_table, table_path

    return len(read_table(table_path(source.path, source.part))) > 0


def misfit(arguments: argparse.Namespace, size: int) -> str | None:
    """Returns why there is no network of the options for crops of a size, if there is none."""
    if arguments.architecture == "patacchiola" and 2**arguments.conv_blocks > size:
        return f"{arguments.conv_blocks} poolings leave nothing of crops of {size} pixels"
    return None


def crop_of(arguments: argparse.Namespace, sources: list) -> dict:
    """Returns how the crops of training sources are cut, see `crop_dataset.crop_recipe`."""
    from headpose.datasets.crop_dataset import crop_recipe

    folders = [source.path for source in sources if source.path.is_dir()]
    return crop_recipe(folders, arguments.side, arguments.margin)


def _build(arguments: argparse.Namespace, architecture: str, crop: dict, rolls: bool):
    """Builds the network that the options ask for."""
    from headpose.pose import networks as architectures

    if architecture == "rotation":
        return architectures.build_rotation(
            crop["size"], arguments.dropout, crop["side"], crop["margin"]
        )
    if architecture == "compact":
        outputs = arguments.outputs or (3 if rolls else 2)
        return architectures.build_compact(
            crop["size"], arguments.dropout, outputs, crop["side"], crop["margin"]
        )
    return architectures.build_patacchiola(
        in_size=crop["size"],
        num_conv_blocks=arguments.conv_blocks,
        num_filters_start=arguments.filters,
        num_dense_layers=arguments.dense_layers,
        dense_layer_size=arguments.dense_size,
        dropout_rate=arguments.dropout,
        outputs=arguments.outputs or 2,
        side=crop["side"],
        margin=crop["margin"],
    )


def _take_weights(model, path: str) -> None:
    """Takes over the weights of all layers that an estimator has by the same name and shape."""
    from headpose.models.keras_files import load_model
    from headpose.pose.rotation import all_layers

    theirs = {layer.name: layer.get_weights() for layer in all_layers(load_model(path))}
    fitting = [
        layer
        for layer in model.layers
        if layer.weights
        and [w.shape for w in theirs.get(layer.name, [])] == [w.shape for w in layer.weights]
    ]
    if not fitting:
        raise HeadposeError(f"{path}: none of its layers fits this network; leave out --start")
    for layer in fitting:
        layer.set_weights(theirs[layer.name])
    weighted = sum(bool(layer.weights) for layer in model.layers)
    print(f"{path}: {len(fitting)} of {weighted} layers take its weights")


def _note_model(path: Path, row: dict) -> None:
    """Adds a run to the table of models; a run that is there already is replaced."""
    rows = []
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            rows = [r for r in csv.DictReader(file) if r.get("run") != row["run"]]
    names = list(dict.fromkeys(key for r in [*rows, row] for key in r))
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows([*rows, row])


def named_sources(arguments: argparse.Namespace) -> dict[str, list]:
    """Returns the sources that the options name for `train`, `validation` and `test`."""
    from headpose.datasets.label_tables import SourceName, read_configuration

    named = {"train": [], "validation": [], "test": []}
    for name in arguments.data:
        if name.endswith(".toml"):
            for part, more in read_configuration(Path(name), arguments.data_root).items():
                named[part] += more
        else:
            named["train"].append(SourceName.parse(name))
    for part in ("validation", "test"):
        if given := getattr(arguments, part):
            named[part] = [SourceName.parse(name) for name in given]
    return named


def _sources(arguments: argparse.Namespace) -> tuple[list, list, list]:
    """Returns the sources to learn from, to measure on after each epoch, and at the end."""
    named = named_sources(arguments)
    folders = [s for s in named["train"] if s.path.is_dir()]
    named["validation"] = named["validation"] or folders
    named["test"] = named["test"] or [s for s in folders if _has_rows(s.with_part("test"))]
    if not named["validation"]:
        raise HeadposeError("tables of heads need --validation, to see when to stop")
    return named["train"], named["validation"], named["test"]


def train_estimator(
    arguments: argparse.Namespace,
    on_epoch: Callable[[int, dict[str, float]], bool] | None = None,
) -> dict:
    """Trains a pose estimator and writes log, checkpoints and the best model.

    Args:
        arguments: As `add_training_options` parses them.
        on_epoch: Told each epoch's number, from 0, and its log, in which `score` is the
            validation error in degrees; if it returns True, training stops there.

    Returns:
        The row for the table of models: options, parameters, seconds, errors in degrees.

    Raises:
        HeadposeError: If data or folders are not as they should be, or training diverges.
    """
    folder = writable_folder(arguments.output)
    sources, validation_names, test_names = _sources(arguments)
    crop = crop_of(arguments, sources)
    if reason := misfit(arguments, crop["size"]):
        raise HeadposeError(f"{reason}; take fewer --conv-blocks")

    from headpose.models.keras_setup import divide_batches, set_up

    set_up(arguments.device, arguments.precision)
    divide_batches(arguments.batch_size)
    from headpose.datasets.pose_data import divide
    from headpose.detection.loading import load_detector

    detector = load_detector(arguments.detector) if arguments.detector else None
    whole_turn = arguments.architecture in (None, "rotation")
    training, validation, test = (
        _read(
            [s.with_part(part) if s.path.is_dir() else s for s in names], whole_turn, crop, detector
        )
        for names, part in (
            (sources, "train"),
            (validation_names, "validation"),
            (test_names, "test"),
        )
    )
    divided = {name: divide(s, arguments.hold_out) for name, s in training.items()}
    training = {name: learned for name, (learned, _) in divided.items()}
    held_out = [rest for _, rest in divided.values() if len(rest)]
    rolls = any(np.isfinite(heads.angles[:, 2]).any() for heads in training.values())
    architecture = arguments.architecture or ("rotation" if rolls else "compact")
    import keras

    from headpose.images.figures import plot_log
    from headpose.models.keras_files import load_model, save_model
    from headpose.pose import rotation as rotations
    from headpose.pose.estimator import PoseEstimator
    from headpose.training import loop
    from headpose.training import pose as pose_training
    from headpose.training.error_fitting import calibrate
    from headpose.training.pose_examples import Augmentation, PoseExamples

    print(pose_training.describe([*training.items(), *validation.items(), *test.items()]))
    keras.utils.set_random_seed(arguments.seed)
    model = _build(arguments, architecture, crop, rolls)
    if arguments.start:
        _take_weights(model, arguments.start)
    if arguments.with_mirror and architecture != "rotation":
        raise HeadposeError("--with-mirror is for --architecture rotation; leave it out")
    # Only now, when little else can be wrong, are earlier results touched.
    earlier = loop.open_run(folder, vars(arguments), arguments.resume, arguments.overwrite)
    learner, loss = model, pose_training.angle_loss
    if architecture == "rotation":
        learner, loss = rotations.raw_outputs(model), rotations.rotation_loss
    augmentation = Augmentation(
        **{k: getattr(arguments, k) for k in Augmentation.__dataclass_fields__}
    )
    examples = PoseExamples(
        list(training.values()),
        model.input_shape[1],
        model.output_shape[1],
        augmentation,
        arguments.seed,
        arguments.balance,
    )
    heads = sum(len(s) for s in training.values())
    schedule = loop.Schedule(
        epochs=arguments.epochs,
        steps=arguments.steps or -(-heads // arguments.batch_size),
        learning_rate=arguments.learning_rate,
        weight_decay=arguments.weight_decay,
        kind=arguments.schedule,
        patience=arguments.patience,
        average=arguments.average,
    )
    learner.compile(loop.optimizer(schedule), loss=loss)
    estimator = PoseEstimator(model)
    best = loop.BestModel(
        model,
        lambda: pose_training.measure(estimator, validation),
        "score",
        False,
        folder / "best.keras",
    )
    started = time.monotonic()
    loop.fit(
        learner,
        lambda first: loop.batches(examples, first, arguments.batch_size, arguments.workers),
        schedule,
        best,
        loop.Patience("score", False, schedule),
        folder,
        earlier,
        on_epoch,
    )
    plot_log(folder / "log.csv", folder / "curve.png", ["loss", "score"], "degrees")
    kept = load_model(folder / "best.keras")
    figures = pose_training.measure(PoseEstimator(kept), test or validation)
    for name in test or validation:
        print(
            f"{name}: mean absolute error tilt {figures[f'{name} tilt']:.2f}, "
            f"pan {figures[f'{name} pan']:.2f}, mean {figures[f'{name} mean']:.2f} degrees"
        )
    row = {"run": str(folder), **loop.what_matters(vars(arguments))}
    row |= {"parameters": kept.count_params(), "seconds": round(time.monotonic() - started)}
    row |= figures
    _note_model(arguments.models_csv or folder.parent / "models.csv", row)
    if arguments.save:
        saved = kept
        if arguments.with_mirror:
            saved = rotations.averaged_with_mirror(kept)
            if held_out:
                saved = calibrate(saved, held_out, augmentation, arguments.seed)
        save_model(saved, arguments.save, half=True)
        print(f"wrote {arguments.save}")
    print(f"best model: {folder / 'best.keras'}")
    return row
