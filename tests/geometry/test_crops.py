import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headpose.geometry import crops


@pytest.mark.parametrize(
    ("box", "side", "margin", "expected"),
    [
        ((10, 20, 50, 80), "short", 1.0, (10, 30, 50, 70)),  # 40 wide about (30, 50)
        ((10, 20, 50, 80), "long", 1.0, (0, 20, 60, 80)),  # 60 high
        ((10, 20, 50, 80), "short", 1.5, (0, 20, 60, 80)),
        ((-30, 10, 10, 50), "short", 1.0, (0, 10, 40, 50)),  # shifted in from the left
        ((180, 80, 220, 120), "short", 1.0, (160, 60, 200, 100)),  # from the lower right corner
        ((0, -50, 200, 250), "short", 1.0, (0, -50, 200, 150)),  # larger than the picture is high
    ],
)
def test_squares_by_hand(box, side, margin, expected):
    square = crops.squares([box], side, margin, (200, 100))
    np.testing.assert_array_equal(square[0], expected)


def test_without_a_picture_nothing_is_shifted():
    np.testing.assert_array_equal(crops.squares([(-30, 10, 10, 50)])[0], (-30, 10, 10, 50))


finite = st.floats(-300, 300)


@given(finite, finite, st.floats(1, 200), st.floats(1, 200), st.sampled_from(crops.SIDES))
def test_squares_are_square_and_inside_where_they_fit(x, y, w, h, side):
    (square,) = crops.squares([(x, y, x + w, y + h)], side, 1.0, (120, 90))
    width, height = square[2] - square[0], square[3] - square[1]
    assert width == height >= 1
    for axis, size in ((0, 120), (1, 90)):
        if width <= size:
            assert square[axis] >= 0
            assert square[axis + 2] <= size
        else:  # centred: as much outside on one side as on the other
            assert abs((0 - square[axis]) - (square[axis + 2] - size)) <= 1


def test_a_crop_shows_the_pixels_of_its_square():
    picture = np.arange(100 * 100, dtype=np.uint32).reshape(100, 100) % 251
    picture = picture.astype(np.uint8)
    crop = crops.head_crops(picture, [(10, 20, 74, 84)])
    np.testing.assert_array_equal(crop[0], picture[20:84, 10:74])


def test_a_box_larger_than_the_picture_is_padded_with_its_edge():
    picture = np.full((20, 20), 90, np.uint8)
    picture[0, :] = 200
    crop = crops.head_crops(picture, [(-22, -22, 42, 42)])[0]
    assert crop.shape == (64, 64)
    assert (crop[:22] == 200).all()
    assert (crop[24:] == 90).all()


def test_grey_is_that_of_opencv_and_colour_stays():
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[..., 2] = 100  # red
    box = [(0, 0, 64, 64)]
    assert (crops.head_crops(picture, box) == 30).all()  # 0.299 * 100
    assert crops.head_crops(picture, box, grey=False).shape == (1, 64, 64, 3)


def test_shrinking_averages():
    board = np.indices((128, 128)).sum(axis=0) % 2 * 255
    crop = crops.head_crops(board.astype(np.uint8), [(0, 0, 128, 128)])
    assert np.abs(crop.astype(int) - 127.5).max() <= 1


@pytest.mark.parametrize(
    "picture", [np.zeros((1, 1, 3), np.uint8), np.zeros((5, 300, 3), np.uint8)]
)
def test_tiny_and_long_pictures_give_crops(picture):
    assert crops.head_crops(picture, [(0, 0, 50, 50), (-9, -9, -1, -1)]).shape == (2, 64, 64)


def test_no_boxes_give_no_crops():
    assert crops.head_crops(np.zeros((9, 9, 3), np.uint8), []).shape == (0, 64, 64)


@pytest.mark.parametrize(
    "options", [{"side": "middle"}, {"margin": 0}, {"margin": -1}, {"margin": float("nan")}]
)
def test_wrong_options_are_refused(options):
    with pytest.raises(ValueError, match=r"side|margin"):
        crops.squares([(0, 0, 1, 1)], **options)


def test_a_box_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite"):
        crops.squares([(0, 0, np.nan, 1)])
