import numpy as np
import pytest

from headpose.training import detection_evaluation as evaluation


class FindsWhatIsDark:
    """Calls the extent of all dark pixels a head."""

    def detect(self, pictures, confidence=None):
        answers = []
        for picture in pictures:
            y, x = np.nonzero(picture.max(axis=2) < 50)
            box = [x.min(), y.min(), x.max() + 1, y.max() + 1]
            answers.append((np.array([box], np.float32), np.ones(1, np.float32)))
        return answers


@pytest.fixture
def picture():
    shown = np.full((40, 60, 3), 200, np.uint8)
    shown[10:14, 20:25] = 0
    return shown


@pytest.mark.parametrize(
    ("change", "back"),
    [
        (evaluation.quarter_turn, evaluation.turned_back),
        (evaluation.shifted, evaluation.shifted_back),
        (evaluation.without_colour, None),
    ],
)
def test_finds_in_changed_pictures_are_compared_where_they_were(picture, change, back):
    finder = FindsWhatIsDark()
    assert evaluation.lost(finder, [picture, picture], change, back=back) == (0, 2)
    if back is not None:  # taken as they are, they lie elsewhere
        assert evaluation.lost(finder, [picture], change) == (1, 1)


def test_a_shift_changes_no_size_and_repeats_the_border(picture):
    picture[0, 0] = 7
    moved = evaluation.shifted(picture)
    assert moved.shape == picture.shape
    assert (moved[:3, :4] == 7).all()
    assert (moved[12:16, 23:28] == 0).all()
