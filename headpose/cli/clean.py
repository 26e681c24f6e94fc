"""Cuts head crops with angles from a published data set, by its name.

The options are those of clean-aflw and clean-pointing04; docs/benchmarks.md says what to
name as DATA.
"""

from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.cleaning import run_cleaning
from headpose.cli.cleaning_options import add_options
from headpose.detection.published import CLEAN_CONFIDENCE

OUTPUT = Path("clean")


def main() -> int:
    from headpose.datasets.registry import DATASETS, read_dataset

    parser = cl.parser(__doc__)
    parser.add_argument("dataset", choices=list(DATASETS), metavar="NAME", help=", ".join(DATASETS))
    parser.add_argument("data", type=cl.path, help="where it is")
    add_options(parser, str(OUTPUT), CLEAN_CONFIDENCE)
    arguments = parser.parse_args()
    if arguments.output == OUTPUT:
        arguments.output = OUTPUT / arguments.dataset
    readers = [lambda: read_dataset(arguments.dataset, arguments.data)]
    return run_cleaning(parser, arguments, CLEAN_CONFIDENCE, [arguments.data], readers)
