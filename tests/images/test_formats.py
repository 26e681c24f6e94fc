"""Formats beyond the usual ones: what is found in folders, read, and kept."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from headpose.errors import PictureError
from headpose.images import heic
from headpose.images.listing import find_inputs
from headpose.images.pictures import decode_image, read_image, shown_size, write_image

RED = (200, 40, 20)
HEIC_START = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"


@pytest.mark.parametrize("suffix", [".avif", ".jfif", ".jp2", ".webp", ".JPE", ".pbm"])
def test_pictures_of_a_folder_are_found_and_read(tmp_path, suffix):
    kind = {".jfif": "JPEG", ".JPE": "JPEG", ".pbm": "PPM", ".jp2": "JPEG2000"}.get(suffix)
    mode, colour = ("1", 1) if suffix == ".pbm" else ("RGB", RED)
    Image.new(mode, (40, 30), colour).save(tmp_path / f"a{suffix}", format=kind)
    (file,) = find_inputs([str(tmp_path)]).files
    picture = read_image(file)
    assert picture.shape == (30, 40, 3)
    wanted = (255, 255, 255) if suffix == ".pbm" else RED[::-1]
    assert np.abs(picture.astype(int) - wanted).max() <= 12


@pytest.mark.parametrize(
    ("suffix", "kind"), [(".webp", "WEBP"), (".jfif", "JPEG"), (".png", "PNG"), (".JPG", "JPEG")]
)
def test_a_picture_is_written_as_its_suffix_says(tmp_path, suffix, kind):
    path = tmp_path / f"a{suffix}"
    write_image(path, np.full((30, 40, 3), RED[::-1], np.uint8))
    with Image.open(path) as image:
        assert image.format == kind
    assert np.abs(read_image(path).astype(int) - RED[::-1]).max() <= 6


def test_heic_without_its_package_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(heic, "is_available", lambda: False)
    (tmp_path / "a.heic").write_bytes(HEIC_START)
    (tmp_path / "b.jpg").write_bytes(HEIC_START)  # as some phones name it
    Image.new("RGB", (9, 9)).save(tmp_path / "c.png")
    found = find_inputs([str(tmp_path)])
    assert [file.name for file in found.files] == ["b.jpg", "c.png"]
    assert "left out 1 file HEIC" in found.left_out[0]
    assert "pip install 'headpose-toolkit[heic]'" in found.left_out[0]
    with pytest.raises(PictureError, match=r"pip install 'headpose-toolkit\[heic\]'"):
        read_image(tmp_path / "b.jpg")


def test_heic_is_read_with_its_package(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), RED)).save(tmp_path / "a.heic")
    (file,) = find_inputs([str(tmp_path)]).files
    picture = read_image(file)
    assert picture.shape == (48, 64, 3)
    assert np.abs(picture.astype(int) - RED[::-1]).max() <= 12


def test_what_cannot_be_looked_into_is_told(tmp_path):
    found = find_inputs(["", "x" * 5000, str(tmp_path / "none*.jpg"), str(tmp_path)])
    assert found.files == []
    assert len(found.problems) == 4


def test_a_name_that_is_too_long_for_any_file_costs_no_other(tmp_path):
    """In a list, which anybody may have written."""
    Image.new("RGB", (9, 9)).save(tmp_path / "c.png")
    (tmp_path / "list").write_text(f"{'a' * 300}.png\nc.png\n{'b/' * 3000}c.png\n")
    found = find_inputs([f"@{tmp_path / 'list'}"])
    assert found.files == [tmp_path / "c.png"]
    assert len(found.problems) == 2


def test_a_file_that_is_named_in_several_ways_is_found_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").touch()
    names = ["a.jpg", "./a.jpg", str(tmp_path / "a.jpg"), ".", "*.jpg"]
    assert find_inputs(names).files == [Path("a.jpg")]


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".png", ".webp"])
def test_of_several_pictures_the_first_is_taken_and_told_once(tmp_path, caplog, suffix):
    pages = [Image.new("RGB", (30, 20), (level, 0, 0)) for level in (200, 0, 90)]
    path = tmp_path / f"pages{suffix}"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    with caplog.at_level(logging.WARNING, "headpose"):
        for _ in range(2):
            assert read_image(path)[..., 2].mean() == pytest.approx(200, abs=6)
    told = f"{path}: several pictures in one file; the first is taken"
    assert [record.getMessage() for record in caplog.records] == [told]
    single = tmp_path / f"single{suffix}"
    pages[0].save(single)
    caplog.clear()
    read_image(single)
    assert not caplog.records


def test_a_tiff_of_floats_in_colour_is_told_as_that(tmp_path):
    path = tmp_path / "floats.tif"
    cv2.imwrite(str(path), np.full((20, 30, 3), 0.5, np.float32))
    with pytest.raises(PictureError, match=r"of a kind that is not read .*8 or 16 bits"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".dng", ".NEF", ".tif"])
def test_the_small_version_in_a_raw_file_is_not_taken_for_the_photo(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (160, 106)).save(path, "TIFF", tiffinfo={254: 1})  # TIFF's NewSubfileType
    for read in (read_image, shown_size, lambda path: decode_image(path.read_bytes(), str(path))):
        with pytest.raises(PictureError, match="a small version of 160x106 pixels"):
            read(path)
    Image.new("RGB", (160, 106)).save(path, "TIFF", tiffinfo={254: 0})
    assert read_image(path).shape == (106, 160, 3)
