#!/usr/bin/env python3
"""Annotates a photo the way a variant of `run.py` works; to be timed from outside.

Its arguments are the variant, the photo, the annotated photo, the detector and the
estimator's files.
"""

import sys
from pathlib import Path

import measuring  # noqa: F401 - finds headpose
from variants import VARIANTS, Models, load

from headpose.files import atomic_write
from headpose.images.drawing import draw_heads
from headpose.images.pictures import read_image, write_image

variant, photo, target, detector, *estimator = sys.argv[1:]
pipeline = load(VARIANTS[variant], Models(detector, tuple(estimator)))
picture = read_image(photo)
with atomic_write(Path(target)) as temporary:
    write_image(temporary, draw_heads(picture, pipeline([picture])[0]))
