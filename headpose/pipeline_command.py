"""The options of scripts that find heads and their angles, and the pipeline they ask for."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from headpose import commandline as cl
from headpose.detectors import DETECTOR_HELP
from headpose.drawing import STYLES
from headpose.runtimes import RUNTIMES

SIGNS = (
    "Tilt and elevation > 0 are up, pan and azimuth > 0 toward the image's left, "
    "roll > 0 leaning clockwise."
)


def add_pipeline_options(parser: argparse.ArgumentParser, drawing: bool = True) -> None:
    """Adds the options that `pipeline_from` reads, device and precision among them.

    Args:
        parser: Gets them.
        drawing: Whether the script draws heads and needs the option for how.
    """
    add = parser.add_argument
    add("--detector", help=f"{DETECTOR_HELP} (default: the one that ships)")
    add(
        "--detector-size", type=cl.at_least(64), help="long side to detect at (default: detector's)"
    )
    add(
        "--estimator",
        help="a .keras, exported or published .h5 estimator (default: the one that ships)",
    )
    add("--confidence", type=cl.in_range(0, 1), help="threshold on scores (default: detector's)")
    add(
        "--min-certainty",
        type=cl.in_range(0, 180),
        metavar="DEGREES",
        help="leave angles out whose expected error is larger",
    )
    if drawing:
        add("--draw", choices=STYLES, default="arrow", help="the nose's direction, or three axes")
    add_runtime_option(parser)
    cl.add_device_options(parser)


def add_runtime_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--runtime`, which `runtime_from` reads."""
    parser.add_argument(
        "--runtime",
        choices=RUNTIMES,
        help="what runs the networks; a .keras model is exported for it once (default: what "
        "the model's file is for; onnxruntime where an up-to-date .onnx stands beside a "
        ".keras file, as with those that ship, and no GPU is used)",
    )


def runtime_from(arguments: argparse.Namespace, names: Sequence):
    """Returns the runtime that the options ask for, and sets Keras up if it is needed.

    Args:
        arguments: With `runtime`, `device` and `precision`.
        names: The detectors and estimators that will be loaded.
    """
    from headpose.detectors import needs_keras
    from headpose.runtimes import Runtime

    runtime = Runtime(arguments.runtime, arguments.device, arguments.precision)
    if any(needs_keras(name, runtime) for name in names):
        from headpose.runtime import set_up

        set_up(arguments.device, arguments.precision)
    return runtime


def pipeline_from(arguments: argparse.Namespace):
    """Loads the pipeline that the options ask for."""
    from headpose.pipeline import load_pipeline

    runtime = runtime_from(arguments, _models(arguments))
    return load_pipeline(
        arguments.detector,
        arguments.estimator,
        arguments.confidence,
        arguments.detector_size,
        arguments.min_certainty,
        runtime,
    )


def export_ahead(arguments: argparse.Namespace) -> None:
    """Exports what `--runtime` needs, so that not every worker process does it by itself."""
    from headpose.detectors import VIOLA_JONES
    from headpose.exported import is_exported
    from headpose.stand_ins import stand_in

    if arguments.runtime in (None, "keras"):
        return
    for name in _models(arguments):
        if str(name) not in VIOLA_JONES and not is_exported(name):
            stand_in(Path(name), arguments.runtime)


def _models(arguments: argparse.Namespace) -> tuple:
    """Names the detector and the estimator that the options ask for."""
    from headpose.model_files import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR

    return arguments.detector or DEFAULT_DETECTOR, arguments.estimator or DEFAULT_ESTIMATOR


def check_display(show: bool) -> None:
    """Stops where a window is asked for and none can be opened.

    Raises:
        Failure: If `show` and there is no display.
    """
    linux = sys.platform.startswith("linux")
    display = not linux or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if show and not display:
        raise cl.Failure("--show needs a display; leave it out and look at the output instead")
