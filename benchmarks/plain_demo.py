#!/usr/bin/env python3
"""Annotates one photo the way a variant of `run.py` works; to be timed from outside."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from variants import VARIANTS, Models

from headpose.cli import common as cl
from headpose.files import atomic_write


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    parser.add_argument("variant", metavar="VARIANT", choices=VARIANTS, help="see run.py --help")
    parser.add_argument("detector", help="its model file, or viola-jones")
    parser.add_argument("estimator", nargs="+", help="its model files")
    parser.add_argument("--picture", required=True, help="the photo")
    parser.add_argument("--output", type=Path, required=True, help="the annotated photo")
    return parser


def main() -> None:
    arguments = options().parse_args()
    from variant_models import load

    from headpose.images.drawing import draw_heads
    from headpose.images.pictures import read_image, write_image

    models = Models(arguments.detector, tuple(arguments.estimator), 0)
    pipeline = load(VARIANTS[arguments.variant], models)
    picture = read_image(arguments.picture)
    drawn = draw_heads(picture, pipeline([picture])[0])
    with atomic_write(arguments.output) as temporary:
        write_image(temporary, drawn)


if __name__ == "__main__":
    cl.run(main)
