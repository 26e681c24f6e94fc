"""Pictures of a folder that have not all the shape of the first."""

import cv2
import numpy as np
import pytest

from headpose.video.frames import Reading
from headpose.video.opening import open_source


def write(folder, name: str, width: int, height: int) -> None:
    cv2.imwrite(str(folder / name), np.full((height, width, 3), 200, np.uint8))


@pytest.mark.parametrize(
    ("size", "inner"),
    [
        ((80, 100), (0, 0, 80, 100)),  # as the first: all of it
        ((160, 200), (0, 0, 80, 100)),
        ((160, 100), (0, 25, 80, 75)),  # half as high, with bars above and below
        ((40, 100), (20, 0, 60, 100)),
        ((40, 20), (0, 30, 80, 70)),
    ],
)
def test_they_keep_their_shape(tmp_path, caplog, size, inner):
    write(tmp_path, "1.png", 80, 100)
    write(tmp_path, "2.png", *size)
    write(tmp_path, "3.png", *size)
    with open_source(str(tmp_path), Reading()) as source:
        first, *others = [frame.picture for frame in source]
    assert first.min() == 200
    wanted = np.zeros((100, 80, 3), np.uint8)
    wanted[inner[1] : inner[3], inner[0] : inner[2]] = 200
    for picture in others:
        np.testing.assert_array_equal(picture, wanted)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == (inner != (0, 0, 80, 100))  # once
    assert all("not all pictures have the shape of the first, 80x100" in line for line in told)


def test_a_pixel_of_rounding_makes_no_bars(tmp_path, caplog):
    write(tmp_path, "1.png", 99, 66)
    write(tmp_path, "2.png", 50, 33)
    with open_source(str(tmp_path), Reading()) as source:
        assert all(frame.picture.min() == 200 for frame in source)
    assert not caplog.records
