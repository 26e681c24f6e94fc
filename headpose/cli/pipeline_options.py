"""The options of scripts that find heads and their angles, and the pipeline they ask for."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.drawing_options import add_drawing_options
from headpose.detection.loading import DETECTOR_HELP, LARGEST_SIZE, SMALLEST_SIZE, VIOLA_JONES
from headpose.detection.tiles import SMALLEST_TILE, TILE
from headpose.errors import HeadposeError
from headpose.files import is_hdf5, is_regular
from headpose.geometry import angles
from headpose.models.backends import BACKENDS
from headpose.models.shipped import DETECTORS, ESTIMATORS, MODELS, OURS, named_model

SIGNS = f"{angles.SIGNS.capitalize()}."


def add_pipeline_options(
    parser: argparse.ArgumentParser, drawing: bool = True, photos: bool = True
) -> None:
    """Adds the options that `pipeline_from` reads, device and precision among them.

    Args:
        parser: Gets them.
        drawing: Whether the script draws heads and needs the option for how.
        photos: Whether pictures may come in any orientation, each in its own.
    """
    add = parser.add_argument
    add(
        "--detector",
        type=named_detector,
        help=f"{DETECTOR_HELP}; single-stage is ours without its second stage; fast takes a "
        "third of its computation and finds heads from about 16 pixels on, where the long side is "
        "512 (default: ours, which ships)",
    )
    add(
        "--detector-size",
        type=cl.in_range(SMALLEST_SIZE, LARGEST_SIZE, int),
        help="long side to detect at (default: detector's)",
    )
    add(
        "--tiles",
        type=cl.at_least(SMALLEST_TILE),
        nargs="?",
        const=TILE,
        metavar="PIXELS",
        help=f"search larger pictures in overlapping tiles of this side, too ({TILE} if none is "
        "given): for crowds in very large pictures",
    )
    if photos:
        add(
            "--any-rotation",
            action="store_true",
            help="photos may lie on their side or upside down: search each in four turns",
        )
    else:
        parser.set_defaults(any_rotation=False)
    add(
        "--estimator",
        type=named_estimator,
        help="a .keras, exported or published .h5 estimator, or one that ships: "
        "ours, the default, which evaluates each head twice (crop and mirror image); fast, once, "
        "in half the time; large, with a second network as well",
    )
    add("--confidence", type=cl.in_range(0, 1), help="threshold on scores (default: detector's)")
    add(
        "--max-error",
        type=cl.in_range(0, 180),
        metavar="DEGREES",
        help="leave angles out whose expected error is larger",
    )
    if drawing:
        add_drawing_options(parser)
    add_backend_option(parser)
    cl.add_device_options(parser)


def add_backend_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--backend`, which `backend_from` reads."""
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        help="what runs the networks; a .keras model is exported for it once (default: what "
        "the model's file is for; onnxruntime where an up-to-date .onnx stands beside a "
        ".keras file, as with those that ship)",
    )
    add_trust_option(parser)


def add_trust_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--trust-model`."""
    parser.add_argument(
        "--trust-model",
        action="store_true",
        help="open a model that is a program (TensorFlow's SavedModel): it can do anything",
    )


def backend_from(arguments: argparse.Namespace):
    """Returns the backend that the options ask for."""
    from headpose.models.backends import Backend

    return Backend(arguments.backend, arguments.device, arguments.precision, arguments.trust_model)


def check_models(*names: str | Path | None) -> None:
    """Makes sure that models are there, before anything is imported or opened.

    Args:
        names: Files and names of detectors; None is passed over.

    Raises:
        HeadposeError: If a file is missing.
    """
    for name in names:
        if name is None or str(name) in VIOLA_JONES:
            continue
        # A file or a SavedModel's folder; pathlib's `exists` raises for names that are too long.
        if not os.path.exists(name):  # noqa: PTH110
            raise HeadposeError(
                f"{name or repr(name)}: no such model file; name an existing .keras file"
            )
        if not os.path.isdir(name) and not is_regular(name):  # noqa: PTH112
            raise HeadposeError(f"{name}: no regular file (a pipe or a device), no model")
        if Path(name).suffix.lower() == ".keras" and Path(name).parent != MODELS:
            from headpose.models.keras_files import check_model

            check_model(name)
        if Path(name).suffix.lower() in (".h5", ".hdf5") and not is_hdf5(name):
            raise HeadposeError(f"{name}: not an HDF5 file (or a damaged one)")


def resolve_models(arguments: argparse.Namespace, **named: Mapping[str, Path]) -> None:
    """Replaces names of models that ship by their files, and makes sure that all are there.

    Args:
        arguments: What was read from the command line; changed in place.
        named: `DETECTORS` or `ESTIMATORS` for each option that names one model or several.

    Raises:
        HeadposeError: As `check_models`.
    """
    for option, files in named.items():
        given = getattr(arguments, option)
        several = isinstance(given, list | tuple)
        found = [named_model(name, files) for name in (given if several else [given])]
        check_models(*found)
        setattr(arguments, option, tuple(found) if several else found[0])


def named_detector(text: str) -> str:
    """Takes an option that names a detector."""
    return named_model(text, DETECTORS)


def named_estimator(text: str) -> str:
    """Takes an option that names an estimator."""
    return named_model(text, ESTIMATORS)


def model_for(name: str | Path, backend):
    """Returns what `load_detector` and `PoseEstimator.load` take, exported now if need be.

    Args:
        name: A file, or a detector's name.
        backend: A `headpose.models.backends.Backend`.
    """
    from headpose.models.exported import is_exported

    check_models(name)

    if backend.name in (None, "keras") or str(name) in VIOLA_JONES or is_exported(name):
        return name
    from headpose.export.cache import exported_for

    return exported_for(name, backend)


def pipeline_from(arguments: argparse.Namespace):
    """Loads the pipeline that the options ask for."""
    from headpose.pipeline import load_pipeline

    return load_pipeline(**pipeline_arguments(arguments))


def pipeline_arguments(arguments: argparse.Namespace) -> dict:
    """Returns what `load_pipeline` is given; models that `--backend` needs are exported."""
    backend = backend_from(arguments)
    check_models(arguments.detector, arguments.estimator)
    return {
        "detector": model_for(arguments.detector or DETECTORS[OURS], backend),
        "estimator": model_for(arguments.estimator or ESTIMATORS[OURS], backend),
        "confidence": arguments.confidence,
        "detector_size": arguments.detector_size,
        "max_error": arguments.max_error,
        "backend": backend,
        "tiles": arguments.tiles,
        "any_rotation": arguments.any_rotation,
    }
