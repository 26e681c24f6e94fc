import cv2
import pytest
from optuna.distributions import FloatDistribution

from headpose.training.sweep import results as sweep_results
from headpose.training.sweep.spaces import Space


def rows_of(*points, state="complete"):
    return [
        {"trial": i, "state": state, "multiply_adds": m, "validation_error": e, "filters": i}
        for i, (m, e) in enumerate(points)
    ]


@pytest.mark.parametrize(
    ("points", "best"),
    [
        ([(1, 9), (2, 8), (3, 7)], [0, 1, 2]),
        ([(1, 5), (2, 8), (3, 4)], [0, 2]),
        ([(3, 5), (2, 5), (2, 6)], [1]),
        ([(2, 5), (2, 5)], [0]),
        ([], []),
    ],
)
def test_the_front_is_what_no_other_trial_beats(points, best):
    assert [row["trial"] for row in sweep_results.front(rows_of(*points))] == best


def test_pictures_are_drawn_of_lists_and_ranges(tmp_path):
    space = Space(
        "s", {"filters": FloatDistribution(1, 8, log=True), "balance": (0, 1), "shift": (0.1, 0.2)}
    )
    rows = rows_of((1e6, 9), (2e7, 8), (3e8, 7)) + rows_of((5e6, 20), state="stopped")
    for i, row in enumerate(rows):
        row |= {"filters": i + 1, "balance": i % 2, "shift": 0.1}
    sweep_results.draw(tmp_path, rows, space)
    for name in ("error-multiply-adds.png", "effects.png"):
        picture = cv2.imread(str(tmp_path / name))
        assert picture.shape[0] > 300
        assert (picture < 200).mean() > 0.005
    assert sweep_results.name_of(rows[0], space) == "1/0/0.1"
