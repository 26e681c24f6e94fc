"""Things that are no heads in training crops."""

import numpy as np
import pytest

from headpose.training import distractors

GREY = 128


def crop(size: int = 96) -> np.ndarray:
    return np.full((size, size, 3), GREY, np.uint8)


def test_heads_stay_as_they_are():
    taken = np.array([[20, 20, 50, 60], [70, 10, 90, 40]], np.float32)
    changed = 0
    for seed in range(40):
        picture = crop()
        distractors.add(np.random.default_rng(seed), picture, taken, None)
        for x0, y0, x1, y1 in taken.astype(int):
            assert (picture[y0:y1, x0:x1] == GREY).all()
        changed += (picture != GREY).any()
    assert changed > 30


def test_a_crop_that_heads_fill_is_left_alone():
    picture, everywhere = crop(), np.array([[-100, -100, 300, 300]], np.float32)
    distractors.add(np.random.default_rng(0), picture, everywhere, None)
    assert (picture == GREY).all()


def test_false_finds_are_pasted():
    red = np.full((30, 20, 3), (0, 0, 255), np.uint8)
    pasted = 0
    for seed in range(30):
        picture = crop()
        distractors.add(np.random.default_rng(seed), picture, np.zeros((0, 4)), red)
        pasted += (picture == (0, 0, 255)).all(axis=-1).sum() > 9
    assert 5 < pasted < 30  # the others got drawn things alone


@pytest.mark.parametrize("shape", [(0, 20, 3), (1, 1, 3), (2, 400, 3)])
def test_odd_pieces_do_no_harm(shape):
    for seed in range(20):
        piece = np.full(shape, 7, np.uint8)
        distractors.add(np.random.default_rng(seed), crop(), np.zeros((0, 4)), piece)


def test_the_same_seed_gives_the_same_crop():
    pictures = [crop(), crop()]
    for picture in pictures:
        distractors.add(np.random.default_rng(3), picture, np.zeros((0, 4)), None)
    assert (pictures[0] == pictures[1]).all()
