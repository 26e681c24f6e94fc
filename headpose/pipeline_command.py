"""The options of scripts that find heads and their angles, and the pipeline they ask for."""

import argparse
import os
import sys

from headpose import commandline as cl
from headpose.detectors import DETECTOR_HELP
from headpose.drawing import STYLES

SIGNS = (
    "Tilt and elevation > 0 are up, pan and azimuth > 0 toward the image's left, "
    "roll > 0 leaning clockwise."
)


def add_pipeline_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `pipeline_from` reads, device and precision among them."""
    add = parser.add_argument
    add("--detector", help=f"{DETECTOR_HELP} (default: the one that ships)")
    add(
        "--detector-size", type=cl.at_least(64), help="long side to detect at (default: detector's)"
    )
    add("--estimator", help="a .keras or published .h5 estimator (default: the one that ships)")
    add("--confidence", type=cl.in_range(0, 1), help="threshold on scores (default: detector's)")
    add(
        "--min-certainty",
        type=cl.in_range(0, 180),
        metavar="DEGREES",
        help="leave angles out whose expected error is larger",
    )
    add("--draw", choices=STYLES, default="arrow", help="the nose's direction, or three axes")
    cl.add_device_options(parser)


def pipeline_from(arguments: argparse.Namespace):
    """Loads the pipeline that the options ask for."""
    from headpose.pipeline import load_pipeline
    from headpose.runtime import set_up

    set_up(arguments.device, arguments.precision)
    return load_pipeline(
        arguments.detector,
        arguments.estimator,
        arguments.confidence,
        arguments.detector_size,
        arguments.min_certainty,
    )


def check_display(show: bool) -> None:
    """Stops where a window is asked for and none can be opened.

    Raises:
        Failure: If `show` and there is no display.
    """
    linux = sys.platform.startswith("linux")
    display = not linux or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if show and not display:
        raise cl.Failure("--show needs a display; leave it out and look at the output instead")
