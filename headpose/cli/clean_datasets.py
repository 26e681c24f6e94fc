"""The command lines of the cleaning scripts: which data sets each of them reads."""

import argparse

from headpose.cli import common as cl
from headpose.cli.cleaning import run_cleaning
from headpose.cli.cleaning_options import add_options
from headpose.detection.published import CLEAN_ALL_CONFIDENCE, CLEAN_CONFIDENCE

AFLW_HELP = "AFLW's folder, or its dataset_landmarks_and_pose_withfaceids.mat or aflw.sqlite"
POINTING04_HELP = "folder that holds Person01 to Person15"


def clean_aflw(about: str, output: str, **defaults) -> int:
    """Cleans AFLW as the command line says.

    Args:
        about: The script's description.
        output: Default clean folder.
        **defaults: Other defaults of options, see `headpose.cli.cleaning_options.add_options`.

    Returns:
        The exit status.
    """
    parser = cl.parser(about)
    parser.add_argument("data", type=cl.path, help=AFLW_HELP)
    _add_pictures(parser)
    add_options(parser, output, CLEAN_CONFIDENCE, **defaults)
    arguments = parser.parse_args()
    from headpose.datasets.aflw import read_aflw

    readers = [lambda: read_aflw(arguments.data, arguments.pictures)]
    return run_cleaning(parser, arguments, CLEAN_CONFIDENCE, [arguments.data], readers)


def clean_pointing04(about: str, output: str, **defaults) -> int:
    """Cleans Pointing'04 as the command line says; see `clean_aflw`."""
    parser = cl.parser(about)
    parser.add_argument("data", type=cl.path, help=POINTING04_HELP)
    add_options(parser, output, CLEAN_CONFIDENCE, **defaults)
    arguments = parser.parse_args()
    from headpose.datasets.pointing04 import read_pointing04

    readers = [lambda: read_pointing04(arguments.data)]
    return run_cleaning(parser, arguments, CLEAN_CONFIDENCE, [arguments.data], readers)


def clean_all(about: str, output: str, **defaults) -> int:
    """Cleans both data sets into one folder as the command line says; see `clean_aflw`."""
    parser = cl.parser(about)
    parser.add_argument("aflw", type=cl.path, help=AFLW_HELP)
    parser.add_argument("pointing04", type=cl.path, help=POINTING04_HELP)
    _add_pictures(parser)
    add_options(parser, output, CLEAN_ALL_CONFIDENCE, **defaults)
    arguments = parser.parse_args()
    from headpose.datasets.aflw import read_aflw
    from headpose.datasets.pointing04 import read_pointing04

    sources = [arguments.aflw, arguments.pointing04]
    readers = [
        lambda: read_aflw(arguments.aflw, arguments.pictures),
        lambda: read_pointing04(arguments.pointing04),
    ]
    return run_cleaning(parser, arguments, CLEAN_ALL_CONFIDENCE, sources, readers)


def _add_pictures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pictures",
        type=cl.path,
        help="folder that AFLW's picture names are relative to; if not given, found near them",
    )
