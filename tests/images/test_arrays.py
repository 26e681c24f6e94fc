"""What callers pass as pictures, and what it is taken for."""

import numpy as np
import pytest
from PIL import Image

from headpose.errors import HeadposeError, PictureError
from headpose.images.arrays import as_picture, as_pictures, is_one

# Values of every height, black and white among them: rows, columns, blue-green-red.
BGR = np.array(
    [[[0, 1, 2], [255, 128, 64]], [[10, 20, 30], [200, 100, 50]], [[5, 250, 77], [254, 3, 129]]],
    np.uint8,
)
GREY = BGR[..., 1]
OPAQUE = np.full((3, 2, 1), 255, np.uint8)


def grey(values):
    return np.repeat(values[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (BGR, BGR),
        (GREY, grey(GREY)),
        (GREY[..., None], grey(GREY)),
        (np.dstack([BGR, OPAQUE]), BGR),
        (np.dstack([GREY, OPAQUE]), grey(GREY)),
        ((BGR / 255).astype(np.float32), BGR),
        ((BGR / 255).astype(np.float16), BGR),
        (BGR / 255, BGR),
        (BGR.astype(np.float32), BGR),
        (BGR + 0.3, BGR),
        (GREY / 255, grey(GREY)),
        (BGR.astype(np.uint16) * 257, BGR),
        (BGR.astype(">u2") * 257, BGR),
        (GREY > 100, grey(np.where(GREY > 100, 255, 0).astype(np.uint8))),
        (BGR[:, ::-1][:, ::-1], BGR),
        (np.asfortranarray(BGR), BGR),
        (np.zeros((2, 3), np.uint16), np.zeros((2, 3, 3), np.uint8)),
        (np.zeros((2, 3, 3)), np.zeros((2, 3, 3), np.uint8)),
        (np.ones((2, 3, 3)), np.full((2, 3, 3), 255, np.uint8)),
        (np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)),
    ],
)
def test_arrays_are_converted(given, expected):
    # Where 0.3 passes white, it is cut off.
    picture = as_picture(np.minimum(given, 255) if given.dtype.kind == "f" else given)
    assert picture.dtype == np.uint8
    assert picture.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(picture, expected)


def test_what_is_a_picture_already_is_not_copied():
    assert as_picture(BGR) is BGR


@pytest.mark.parametrize("channels", [3, 4])
def test_rgb_is_turned_to_opencv_s_order(channels):
    given = np.dstack([BGR[..., ::-1], OPAQUE])[..., :channels]
    np.testing.assert_array_equal(as_picture(given, rgb=True), BGR)
    np.testing.assert_array_equal(as_picture(GREY, rgb=True), grey(GREY))


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [(255, (10, 20, 30)), (0, (255, 255, 255)), (51, (206, 208, 210))],  # 0.2 x 10 + 0.8 x 255
)
def test_transparency_is_laid_over_white(alpha, expected):
    given = np.array([[[10, 20, 30, alpha]]], np.uint8)
    assert as_picture(given)[0, 0].tolist() == list(expected)
    assert as_picture(given / 255)[0, 0].tolist() == list(expected)


@pytest.mark.parametrize(
    ("given", "max_value", "expected"),
    [
        (np.array([[0, 4095, 2048]], np.uint16), 4095, [0, 255, 128]),
        (np.array([[0, 1023, 2000]], np.uint16), 1023, [0, 255, 255]),
        (np.array([[0, 200, 255]], np.uint16), 255, [0, 200, 255]),
        (np.array([[0, 15]], np.uint8), 15, [0, 255]),
        (np.array([[-0.2, 0.5, 1.4]]), 1, [0, 128, 255]),
        (np.array([[0.5, 1.0]]), 255, [0, 1]),
        (np.array([[0.0, 50.0, 100.0]]), 100, [0, 128, 255]),
    ],
)
def test_white_may_be_named(given, max_value, expected):
    assert as_picture(given, max_value=max_value)[0, :, 0].tolist() == expected


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16", "F"])
def test_pillow_s_images_are_converted(mode):
    colours = Image.fromarray(BGR[..., ::-1].copy())
    if mode == "I;16":
        image = Image.fromarray(GREY.astype(np.uint16) * 257)
    else:
        image = colours.convert("L").convert("F") if mode == "F" else colours.convert(mode)
    picture = as_picture(image)
    assert picture.shape == BGR.shape
    expected = {
        "RGB": BGR,
        "RGBA": BGR,
        "I;16": grey(GREY),
        "CMYK": BGR,
    }.get(mode)
    if expected is None:
        expected = grey(np.array(colours.convert("1" if mode == "1" else "L"), np.uint8))
        expected = expected * 255 if mode == "1" else expected
    # A palette of few colours comes near.
    np.testing.assert_allclose(picture, BGR if mode == "P" else expected, atol=mode == "P" and 60)


def test_a_pillow_image_is_turned_upright():
    image = Image.fromarray(BGR[..., ::-1].copy())
    image.getexif()[0x0112] = 6  # the camera was turned: show it turned clockwise
    np.testing.assert_array_equal(as_picture(image), np.rot90(BGR, -1))


def test_a_cut_file_that_pillow_opened_is_told(portrait, tmp_path):
    (tmp_path / "cut.jpg").write_bytes(portrait.read_bytes()[:20000])
    with Image.open(tmp_path / "cut.jpg") as image, pytest.raises(PictureError, match="decoded"):
        as_picture(image)


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_files_are_read(portrait, kind):
    picture = as_picture(kind(portrait))
    assert (picture.shape, picture.dtype) == ((600, 512, 3), np.uint8)
    with pytest.raises(PictureError, match="no such file"):
        as_picture(kind(portrait.with_name("none.jpg")))


class Tensor:
    """Like a tensor of another library."""

    ndim = 3

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        if self.array is None:
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        return self.array


def test_what_can_be_made_an_array_is_converted():
    np.testing.assert_array_equal(as_picture(Tensor(BGR / 255)), BGR)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "cv2.imread gives it"),
        (7, "not int"),
        (b"\xff\xd8", "not bytes"),
        ({}, "not dict"),
        (Tensor(None), "cuda:0"),
        (np.zeros((3, 2, 3), np.int64), "int64 values"),
        (np.zeros((3, 2, 3), np.int8), "int8 values"),
        (np.zeros((3, 2, 3), np.uint32), "uint32 values"),
        (np.zeros((3, 2, 3), complex), "complex128 values"),
        (np.zeros((3, 2, 3), object), "object values"),
        (np.array("photo.jpg"), "no picture"),
        (np.zeros(5, np.uint8), "no picture"),
        (np.zeros((2, 3, 5), np.uint8), "no picture"),
        (np.zeros((1, 2, 3, 3, 3), np.uint8), "no picture"),
        (np.zeros((3, 480, 640), np.uint8), "transpose"),
        (np.ma.masked_array(BGR, BGR > 9), "masked"),
        (np.zeros((0, 512, 3), np.uint8), "empty"),
        (np.zeros((512, 0), np.uint8), "empty"),
        (np.full((2, 2, 3), np.nan), "NaN"),
        (np.array([[0.5, np.inf]]), "infinite"),
        (np.array([[0, 4095]], np.uint16), "max_value=4095"),
        (np.array([[-1.0, 1.0]]), "from -1 to 1"),
        (np.array([[0.0, 1.5]]), "from 0 to 1.5"),
        (np.array([[0.0, 65535.0]]), "from 0 to 6.554e"),
        (Image.new("RGB", (0, 5)), "empty"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(given, told):
    with pytest.raises(HeadposeError, match=told) as raised:
        as_picture(given)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 200


def test_a_matrix_is_a_grey_picture():
    np.testing.assert_array_equal(as_picture(np.asmatrix(GREY)), grey(GREY))


@pytest.mark.parametrize("max_value", [0, -1, float("nan")])
def test_a_white_that_cannot_be_is_refused(max_value):
    with pytest.raises(PictureError, match="max_value must be above 0"):
        as_picture(BGR / 255, max_value=max_value)


def test_a_white_that_is_no_number_is_refused():
    with pytest.raises(PictureError, match="max_value must be a number above 0, not '255'"):
        as_picture(BGR, max_value="255")


@pytest.mark.parametrize(
    "several",
    [
        [BGR, GREY],
        (BGR, GREY),
        iter([BGR, GREY]),
        (x for x in [BGR, GREY]),
    ],
)
def test_several_are_converted_one_by_one(several):
    assert not is_one(several)
    first, second = as_pictures(several)
    np.testing.assert_array_equal(first, BGR)
    np.testing.assert_array_equal(second, grey(GREY))


def test_a_batch_is_read_with_one_range():
    # Alone, the second would be taken for 0..1 and become white.
    batch = np.stack([BGR, np.minimum(BGR, 1)]).astype(float)
    first, second = as_pictures(batch)
    np.testing.assert_array_equal(first, BGR)
    np.testing.assert_array_equal(second, np.minimum(BGR, 1))


@pytest.mark.parametrize("nothing", [[], (), np.zeros((0, 4, 4, 3), np.uint8)])
def test_no_pictures_are_none(nothing):
    assert as_pictures(nothing) == []


@pytest.mark.parametrize(
    ("several", "told"),
    [
        ([BGR, None], r"pictures\[1\]: None"),
        ([[BGR]], r"pictures\[0\]: a picture is an array"),
        ("photo.jpg", "in brackets"),
        (BGR, "in brackets"),
        (7, "in brackets"),
        (np.zeros((2, 0, 4, 3), np.uint8), "empty"),
        (np.zeros((2, 7, 6, 5), np.uint8), "no picture"),
    ],
)
def test_what_is_wrong_among_several_is_named(several, told):
    with pytest.raises(PictureError, match=told):
        as_pictures(several)


def test_white_of_sixteen_bits_is_white():
    picture = np.full((600, 800, 3), 65535, np.uint16)
    assert as_picture(picture).min() == 255


@pytest.mark.parametrize("call", [as_picture, lambda *given, **more: as_pictures([*given], **more)])
def test_an_order_of_channels_that_is_no_choice_is_told(call):
    with pytest.raises(HeadposeError, match="rgb must be True or False, not 'no'"):
        call(BGR, rgb="no")
