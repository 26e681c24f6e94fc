import cv2
import numpy as np
import pytest
from PIL import Image

from headpose.images.picture_cache import PictureCache
from headpose.images.picture_names import find_pictures
from headpose.images.pictures import (
    PictureError,
    read_image,
    sample_portrait,
)

RED = (255, 0, 0)


def corner_picture(mode="RGB"):
    """A grey picture, wider than high, with a red upper left corner."""
    picture = Image.new("RGB", (40, 20), (90, 90, 90))
    picture.paste(RED, (0, 0, 10, 10))
    return picture.convert(mode)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("RGB", "png"),
        ("RGB", "jpg"),
        ("RGB", "webp"),
        ("RGB", "bmp"),
        ("P", "png"),
        ("CMYK", "tif"),
        ("CMYK", "jpg"),
        ("RGBA", "png"),
    ],
)
def test_every_format_comes_as_bgr(tmp_path, mode, suffix):
    file = tmp_path / f"picture.{suffix}"
    corner_picture(mode).save(file)
    picture = read_image(file)
    assert picture.shape == (20, 40, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_allclose(picture[5, 5], (0, 0, 255), atol=40)
    np.testing.assert_allclose(picture[15, 30], (90, 90, 90), atol=15)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_keeps_its_high_byte(tmp_path, suffix):
    file = tmp_path / f"deep.{suffix}"
    cv2.imwrite(str(file), np.full((4, 6), 0x8000, np.uint16))
    np.testing.assert_array_equal(read_image(file), np.full((4, 6, 3), 128))


def test_16_bit_colour_keeps_its_high_byte(tmp_path):
    file = tmp_path / "deep.png"
    cv2.imwrite(str(file), np.full((4, 6, 3), (0x1000, 0x8000, 0xF000), np.uint16))
    np.testing.assert_allclose(read_image(file)[0, 0], (0x10, 0x80, 0xF0), atol=1)


def test_transparency_lies_over_white(tmp_path):
    file = tmp_path / "clear.png"
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(file)
    assert (read_image(file) == 255).all()


@pytest.mark.parametrize(
    ("orientation", "shape", "corner"),
    [
        (1, (20, 40), (5, 5)),
        (3, (20, 40), (15, 35)),
        (6, (40, 20), (5, 15)),
        (8, (40, 20), (35, 5)),
    ],
)
def test_exif_orientation_is_applied(tmp_path, orientation, shape, corner):
    picture = corner_picture()
    exif = picture.getexif()
    exif[0x0112] = orientation
    file = tmp_path / "turned.jpg"
    picture.save(file, exif=exif, quality=95)
    read = read_image(file)
    assert read.shape[:2] == shape
    np.testing.assert_allclose(read[corner], (0, 0, 255), atol=40)


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "no such file"), (b"", "empty"), (b"hello, I am text", "not a picture")],
)
def test_what_is_no_picture_is_told_in_a_line(tmp_path, content, told):
    file = tmp_path / "wrong.jpg"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PictureError, match=told) as error:
        read_image(file)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_truncated_picture_is_not_read_half(tmp_path, suffix, noise_picture):
    file = tmp_path / f"cut.{suffix}"
    cv2.imwrite(str(file), noise_picture(200, 200))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(PictureError, match=r"damaged|not a picture"):
        read_image(file)


def test_the_cache_stops_at_its_limit(tmp_path):
    files = []
    for i in range(3):
        files.append(tmp_path / f"{i}.png")
        corner_picture().save(files[-1])
    cache = PictureCache(limit=20 * 40 * 3 * 2)
    first = [cache.read(f) for f in files]
    again = [cache.read(f) for f in files]
    assert [a is b for a, b in zip(first, again, strict=True)] == [True, True, False]


def test_find_pictures_expands_folders_and_patterns(tmp_path):
    for name in ("b.jpg", "a.PNG", "notes.txt", "deep/er/c.webp"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "none").mkdir()
    names = [tmp_path, tmp_path / "**" / "*.webp", tmp_path / "b.jpg", tmp_path / "none"]
    found, problems = find_pictures([*map(str, names), str(tmp_path / "*.gif"), "nothing.jpg"])
    assert [f.name for f in found] == ["a.PNG", "b.jpg", "c.webp"]
    assert [p.split(": ")[1] for p in problems] == [
        "no pictures in this folder",
        "no pictures match",
        "no such file",
    ]


def test_the_portrait_is_the_one_that_matplotlib_ships():
    cbook = pytest.importorskip("matplotlib.cbook")
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        assert sample_portrait().read_bytes() == file.read()
