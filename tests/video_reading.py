"""Videos read in tests."""

from headpose.video.frames import Reading
from headpose.video.opening import open_source

UNEVEN = [0, 0.03, 0.05, 0.25, 0.3, 0.31, 0.6, 0.64, 0.9, 1.1, 1.12, 1.2, 1.5, 1.52]


def read(name, **options):
    with open_source(str(name), Reading(**options)) as source:
        return list(source), source
