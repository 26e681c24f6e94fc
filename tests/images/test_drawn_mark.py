"""The mark in pictures that headpose drew on: it changes nothing that is seen."""

import io
import os

import cv2
import numpy as np
import pytest
from PIL import Image

from headpose.errors import PictureError
from headpose.images.drawn_mark import is_drawing, marked, read_photo, write_drawing
from headpose.images.pictures import read_image, write_image


@pytest.mark.parametrize("suffix", [".jpg", ".jfif", ".png", ".webp"])
def test_a_marked_picture_is_the_same_picture(tmp_path, noise_picture, suffix):
    for name, finish in (("plain", None), ("drawn", marked)):
        write_image(tmp_path / f"{name}{suffix}", noise_picture(60, 41), finish)
    plain, drawn = (tmp_path / f"{name}{suffix}" for name in ("plain", "drawn"))
    assert (is_drawing(plain), is_drawing(drawn)) == (False, True)
    np.testing.assert_array_equal(read_image(drawn), read_image(plain))
    np.testing.assert_array_equal(cv2.imread(str(drawn)), cv2.imread(str(plain)))
    with Image.open(drawn) as image:
        image.verify()  # the check sums of PNG
    with pytest.raises(PictureError, match="a drawing that headpose made of a photo"):
        read_photo(drawn)
    np.testing.assert_array_equal(read_photo(plain), read_image(plain))


def test_pillow_reads_the_mark_as_a_comment(noise_picture):
    for suffix in (".jpg", ".png"):
        encoded = marked(cv2.imencode(suffix, noise_picture(60, 41))[1].tobytes())
        with Image.open(io.BytesIO(encoded)) as image:
            comment = image.info.get("comment") or image.info["Comment"].encode()
        assert comment == b"drawn by headpose"


def test_other_formats_stay_as_they_are(noise_picture):
    encoded = cv2.imencode(".bmp", noise_picture(60, 41))[1].tobytes()
    assert marked(encoded) == encoded


def test_what_cannot_be_read_has_no_mark(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "empty.png").touch()
    for name in ("pipe.png", "empty.png", "nothing.png", "", "a\0.png"):
        assert not is_drawing(tmp_path / name)


def test_a_copy_on_which_nothing_is_drawn_has_no_mark(tmp_path, noise_picture):
    picture = noise_picture(60, 41)
    drawn = picture.copy()
    drawn[0, 0] += 1
    for name, shown in (("same", picture.copy()), ("drawn", drawn)):
        write_drawing(tmp_path / f"{name}.png", shown, picture)
    assert not is_drawing(tmp_path / "same.png")
    assert is_drawing(tmp_path / "drawn.png")


def test_words_of_another_text_are_no_mark(tmp_path, noise_picture):
    of = tmp_path / "a.jpg"
    write_image(of, noise_picture(40, 30))
    of.write_bytes(marked(of.read_bytes(), b"heads drawn by headpose, and why"))
    assert not is_drawing(of)
    of.write_bytes(marked(of.read_bytes()))
    assert is_drawing(of)
    png = tmp_path / "a.png"
    write_image(png, noise_picture(40, 30))
    png.write_bytes(marked(png.read_bytes(), b"drawn by headpose: no, an own photo"))
    assert not is_drawing(png)
