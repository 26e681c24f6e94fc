"""Pictures of a folder that have not all the shape of the first."""

from fractions import Fraction

import av
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
    told = [line for line in told if "much smaller than others" not in line]
    assert len(told) == (inner != (0, 0, 80, 100))  # once
    assert all("not all pictures have the shape of the first, 80x100" in line for line in told)


def broadcast(path, width: int, aspect: int) -> bytes:
    """Writes eight frames with a light square in the middle, which is half as wide as they are."""
    picture = np.zeros((120, width, 3), np.uint8)
    picture[30:90, width // 4 : 3 * width // 4] = 200
    with av.open(str(path), "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, 120, "yuv420p"
        stream.bit_rate = 4_000_000
        stream.codec_context.sample_aspect_ratio = Fraction(aspect)
        for _ in range(8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path.read_bytes()


@pytest.mark.parametrize("turned", [False, True])
def test_pixels_may_change_their_shape_midway(tmp_path, caplog, turned):
    """Broadcasts switch between widths of one picture, as players show it."""
    parts = [broadcast(tmp_path / "a.ts", 160, 1), broadcast(tmp_path / "b.ts", 80, 2)]
    (tmp_path / "both.ts").write_bytes(b"".join(reversed(parts) if turned else parts))
    with open_source(str(tmp_path / "both.ts"), Reading()) as source:
        pictures = [frame.picture for frame in source]
    assert len(pictures) >= 15
    for picture in pictures:
        assert picture.shape == (120, 160, 3)
        assert (picture[60, :, 0] > 100).sum() == pytest.approx(80, abs=6)
    assert "black bars" not in caplog.text


def test_a_pixel_of_rounding_makes_no_bars(tmp_path, caplog):
    write(tmp_path, "1.png", 99, 66)
    write(tmp_path, "2.png", 50, 33)
    with open_source(str(tmp_path), Reading()) as source:
        assert all(frame.picture.min() == 200 for frame in source)
    assert not caplog.records


def test_a_first_picture_that_is_much_smaller_is_told(tmp_path, caplog):
    write(tmp_path, "1.png", 64, 30)
    for name in ("2.png", "3.png"):
        write(tmp_path, name, 640, 300)
    with open_source(str(tmp_path), Reading()) as source:
        assert {frame.picture.shape for frame in source} == {(30, 64, 3)}
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert "64 pixels wide, is much smaller than others" in told[0]
