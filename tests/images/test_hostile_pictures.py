"""Pictures of strangers: refused in a sentence or read right, in bounded time and memory."""

import os
import re
import struct
import time
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from headpose.errors import PictureError
from headpose.images import limits
from headpose.images.picture_names import find_pictures
from headpose.images.pictures import read_image

GHOSTSCRIPT = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 60 60
(MARKER) (w) file closefile
showpage
"""


def png_of(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    """Returns a PNG that claims a size and has next to no data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def refused(path) -> str:
    """Returns what reading a picture is refused with, and that it takes no time."""
    start = time.monotonic()
    with pytest.raises(PictureError) as told:
        read_image(path)
    assert time.monotonic() - start < 10
    text = str(told.value)
    assert str(path).replace("\0", "\\x00") in text
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (png_of(40_000, 40_000), "more than 500,000,000"),
        (png_of(2**31 - 1, 2**31 - 1), "more than 500,000,000"),
        (png_of(0, 5), "damaged|not a picture"),
        (png_of(100, 100), "damaged"),
        (b"BM" + b"\xff" * 60, "damaged|not a picture"),
        (b"P6 99999999 1 255\n", "damaged|memory"),
        (b"P6 -5 5 255\n", "damaged|not a picture"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miafMA1B" + b"\0" * 40, "damaged|not a picture"),
        (b"DDS " + b"\x7c\0\0\0" + b"\xff" * 200, "not a picture in a format that is read"),
        (GHOSTSCRIPT, "not a picture in a format that is read"),
        (b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 8, "damaged|not a picture"),
        (b"II*\0\x08\0\0\0\x01\0", "damaged|not a picture"),
        (b"GIF89a\xff\xff\xff\xff\0\0\0", "damaged|not a picture|more than"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\xff" * 50, "damaged|not a picture"),
    ],
)
def test_bombs_and_hollow_files_are_refused(tmp_path, content, told):
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    assert re.search(told, refused(path))


def test_no_program_of_a_stranger_is_started(tmp_path):
    """An EPS picture is a program; its marker must not appear, whatever the file is called."""
    for name in ("x.eps", "x.jpg", "x.png"):
        marker = tmp_path / f"{name}.ran"
        (tmp_path / name).write_bytes(GHOSTSCRIPT.replace(b"MARKER", bytes(marker)))
        refused(tmp_path / name)
        assert not marker.exists()


def test_pipes_devices_folders_and_links_are_told_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "no regular file" in refused(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    assert "it is a folder" in refused(tmp_path / "folder.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    assert "no regular file" in refused(tmp_path / "zero.jpg")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    assert "symbolic links" in refused(tmp_path / "loop.jpg")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    assert "no such file" in refused(tmp_path / "gone.jpg")
    assert "too long" in refused(tmp_path / ("a" * 300 + ".jpg"))
    assert "damaged" in refused(tmp_path / "nul\0.jpg")


def test_a_picture_larger_than_memory_is_refused(tmp_path, monkeypatch):
    Image.new("RGB", (1000, 1000)).save(tmp_path / "x.png")
    monkeypatch.setattr(limits, "available_memory", lambda: 8_000_000)
    assert "1000 x 1000 pixels need 0.0 GB" in refused(tmp_path / "x.png")
    monkeypatch.setattr(limits, "available_memory", lambda: 20_000_000)
    assert read_image(tmp_path / "x.png").shape == (1000, 1000, 3)


def test_available_memory_is_what_the_process_may_take():
    known = limits.available_memory()
    if known is not None:
        assert 0 < known < 1 << 46


def test_exif_that_lies_changes_nothing(tmp_path):
    picture = Image.new("RGB", (40, 20), (90, 90, 90))
    for number, exif in enumerate(
        [
            b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0",  # orientation 99
            b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 30,  # 65,535 entries
            b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\xff\xff\xff\x7f\x08\0\0\0",  # 2 GB text
            b"Exif\0\0garbage",
        ]
    ):
        path = tmp_path / f"{number}.jpg"
        picture.save(path, exif=exif)
        assert read_image(path).shape == (20, 40, 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (2, 60_000)])
def test_strips_are_pictures(tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "strip.png")
    assert read_image(tmp_path / "strip.png").shape == (size[1], size[0], 3)


@pytest.mark.parametrize("value", [40, 0x0FFF, 0x8000, 0xFFFF])
@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_16_bits_mean_the_same_whatever_else_is_in_the_picture(tmp_path, value, suffix):
    """One bright pixel must not change the others."""
    for bright in (value, 0xFFFF):
        deep = np.full((4, 6), value, np.uint16)
        deep[0, 0] = bright
        cv2.imwrite(str(tmp_path / f"deep.{suffix}"), deep)
        read = read_image(tmp_path / f"deep.{suffix}")
        assert abs(int(read[3, 3, 0]) - value * 255 / 65535) <= 0.51


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_a_tiff_that_declares_its_bits_is_as_bright_as_it_is(tmp_path, bits):
    full = 2**bits - 1
    tags = ImageFileDirectory_v2()
    tags[281] = full
    deep = np.array([[0, full // 2, full]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.tif", tiffinfo=tags)
    np.testing.assert_allclose(read_image(tmp_path / "deep.tif")[0, :, 0], [0, 127, 255], atol=1)


def test_12_bits_that_nobody_declares_are_told(tmp_path, caplog):
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((4, 6), 3000, np.uint16))
    assert read_image(tmp_path / "deep.png")[0, 0, 0] == round(3000 * 255 / 65535)
    assert "end at 3000" in caplog.text


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.full((4, 6), np.nan, np.float32), "no numbers"),
        (np.full((4, 6), np.inf, np.float32), "no numbers"),
        (np.full((4, 6), 128, np.float32), "must lie in 0..1"),
        (np.full((4, 6), -1, np.float32), "must lie in 0..1"),
        (np.full((4, 6), 70_000, np.int32), "32-bit numbers without a range"),
    ],
)
def test_values_without_a_range_are_refused(tmp_path, values, told):
    Image.fromarray(values).save(tmp_path / "x.tif")
    assert told in refused(tmp_path / "x.tif")


def test_floats_are_0_to_1(tmp_path):
    Image.fromarray(np.array([[0, 0.5, 1]], np.float32)).save(tmp_path / "x.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif")[0, :, 0], [0, 128, 255])


def test_names_that_no_file_can_have_are_told():
    names = ["", "a" * 300, "nul\0byte", "[", "caf\udce9.jpg"]
    found, problems = find_pictures(names)
    assert found == []
    assert len(problems) == len(names)


def test_bytes_that_are_no_characters_name_files_all_the_same(tmp_path):
    path = os.fsdecode(bytes(tmp_path) + b"/caf\xe9.png")
    Image.new("RGB", (4, 4)).save(path)
    found, problems = find_pictures([str(tmp_path)])
    assert (len(found), problems) == (1, [])
    assert read_image(found[0]).shape == (4, 4, 3)


def test_a_name_that_the_locale_lacks_is_told_as_that(monkeypatch):
    def opened(path):
        raise UnicodeEncodeError("ascii", str(path), 0, 1, "ordinal not in range(128)")

    monkeypatch.setattr("headpose.images.pictures._open_regular", opened)
    with pytest.raises(PictureError, match="encoding, ascii, has no such name; set PYTHONUTF8=1"):
        read_image("ф.jpg")
