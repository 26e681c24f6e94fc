import numpy as np
import pytest

from headpose.pose_metrics import absolute_errors, error_table, plot_errors, pose_errors

NAN = float("nan")


@pytest.mark.parametrize(
    ("predicted", "truth", "expected"),
    [
        ([[1, 2]], [[3, -2]], [[2, 4]]),
        ([[0, 179]], [[0, -179]], [[0, 2]]),
        ([[0, -95]], [[0, 95]], [[0, 170]]),
        ([[0, 0, 175]], [[0, 0, -175]], [[0, 0, 10]]),
        ([[170, 0]], [[-170, 0]], [[340, 0]]),
        ([[0, 0, 1]], [[0, 0, NAN]], [[0, 0, NAN]]),
        ([[1, 2, 3]], [[0, 0]], [[1, 2]]),
        (np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3))),
    ],
)
def test_absolute_errors(predicted, truth, expected):
    np.testing.assert_allclose(absolute_errors(predicted, truth), expected)


@pytest.mark.parametrize(
    ("predicted", "truth", "told"),
    [
        ([[1, 2]], [[1, 2], [3, 4]], "1 predictions for 2"),
        ([1, 2], [[1, 2]], "shape"),
        ([[1]], [[1, 2]], "shape"),
        ([[1, NAN]], [[1, 2]], "prediction is not finite"),
        ([[1, 2]], [[NAN, 2]], "true tilt or pan"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(predicted, truth, told):
    with pytest.raises(ValueError, match=told):
        absolute_errors(predicted, truth)


def test_means_by_range_of_pan():
    truth = [[0, 0, 0], [0, -29.9, NAN], [0, 30, 0], [0, -75, 0]]
    predicted = np.add(truth, [[2, 4, 6], [2, 4, 0], [10, 10, 2], [0, 20, 1]])
    predicted[1, 2] = 5
    errors = pose_errors(predicted, truth)
    assert errors == pytest.approx(
        {
            "tilt": 3.5,
            "pan": 9.5,
            "mean": 6.5,
            "roll": 3,
            "mean 0-30": 3,
            "mean 30-60": 10,
            "mean over 60": 10,
        }
    )


def test_roll_is_left_out_where_it_is_not_known_or_not_told():
    assert "roll" not in pose_errors([[0, 0, 1]], [[0, 0, NAN]])
    assert "roll" not in pose_errors([[0, 0]], [[0, 0, 1]])
    assert "roll" not in error_table([[0, 0]], [[0, 0, 1]])["all"]


def test_shares_and_empty_ranges():
    table = error_table([[4, 6], [11, 4]], [[0, 0, NAN], [0, 0, NAN]])
    row = table["all"]
    assert row["heads"] == table["0-30"]["heads"] == 2
    assert (row["tilt under 5"], row["pan under 5"], row["both under 5"]) == (0.5, 0.5, 0)
    assert (row["both under 10"], row["both under 15"]) == (0.5, 1)
    assert table["over 60"]["heads"] == 0
    assert np.isnan(table["over 60"]["mean"])


def test_plot_is_drawn(tmp_path):
    truth = np.random.default_rng(0).uniform(-60, 60, (50, 3))
    plot_errors({"a": truth + 1, "b": truth[:, :2] - 2}, truth, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
