"""The pictures of a folder as a video."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from headpose.errors import HeadposeError, PictureError
from headpose.images.drawn_mark import is_drawing
from headpose.images.picture_names import find_pictures
from headpose.images.pictures import read_image
from headpose.reporting import logger
from headpose.video.frames import EVERYTHING, Frame, Reading, Shaper


class PictureFolder:
    """The pictures of a folder as a video; see `headpose.video.frames.Source`.

    Raises:
        HeadposeError: If there are none.
    """

    live, bt709 = False, False
    sound: str | None = None

    def __init__(self, folder: str, reading: Reading = EVERYTHING):
        files, told = find_pictures([folder])
        if not files:
            raise HeadposeError(told[0])
        self.name = folder
        self.problems: list[str] = []
        self._files = sorted(files, key=_natural)
        self._reading = reading
        self.rate = reading.rate / reading.every
        self.time_base = 1 / reading.rate
        # Of a time such as 0.28 s times the rate, 7.0000001 is meant to be 7.
        first = math.ceil(reading.start * reading.rate - 1e-6)
        end = min(len(files), math.ceil(min(reading.end * reading.rate, 1e9) - 1e-6))
        self._indices = range(first, end, reading.every)
        self.total: int | None = len(self._indices)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        shape, bad, drawings = Shaper(self._reading), [], 0
        for index in self._indices:
            try:
                picture = read_image(self._files[index])
            except PictureError as error:
                bad.append(str(error))
                continue
            drawings += is_drawing(self._files[index])
            next_index = min(index + self._reading.every, self._indices.stop)
            times = float(index * self.time_base), float(next_index * self.time_base)
            yield Frame(index, times[0], times[1] - times[0], shape(picture))
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        self.problems += [f"left out {bad[0]}{more}"] if bad else []
        if drawings:
            told = "%s: headpose drew on %d of its pictures before; what was drawn may hide heads"
            logger.warning(told, self.name, drawings)


def _natural(path: Path) -> list:
    """Returns a key that sorts numbers in names by value."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]
