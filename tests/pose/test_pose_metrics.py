import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headpose.pose.figures import plot_errors
from headpose.pose.metrics import (
    absolute_errors,
    away_roc_auc,
    correlation,
    error_table,
    geodesic_errors,
    pan_ranges,
    pose_errors,
    risk_coverage,
    uncertain_fifth,
)

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
    truth = [[0, 0, 0], [0, -29.9, NAN], [0, 30, 0], [0, -75, 0], [0, 179, 0]]
    predicted = np.add(truth, [[2, 4, 6], [2, 4, 0], [10, 10, 2], [0, 20, 1], [1, 2, 0]])
    predicted[1, 2] = 5
    errors = pose_errors(predicted, truth)
    # By SciPy's rotations, in the order x, y, z with the signs of the labels.
    turns = [
        np.degrees(
            (
                Rotation.from_euler("XYZ", np.multiply(predicted[i], -1), degrees=True)
                * Rotation.from_euler("XYZ", np.multiply(truth[i], -1), degrees=True).inv()
            ).magnitude()
        )
        for i in (0, 2, 3, 4)
    ]
    assert errors.pop("geodesic") == pytest.approx(np.mean(turns))
    assert errors.pop("geodesic median") == pytest.approx(np.median(turns))
    assert errors == pytest.approx(
        {
            "tilt": 3,
            "pan": 8,
            "mean": 5.5,
            "roll": 2.25,
            "mean 0-30": 3,
            "mean 30-60": 10,
            "mean 60-90": 10,
            "mean 150-180": 1.5,
        }
    )


def test_labels_beyond_half_a_turn_are_counted_where_they_point():
    """A pan of 300 degrees is one of -60, of -190 one of 170."""
    ranges = pan_ranges([[0, 300, 0], [0, -190, 0], [0, 360, 0], [0, 180, 0], [0, -180, 0]])
    found = {name: np.flatnonzero(inside).tolist() for name, inside in ranges.items()}
    assert {name: which for name, which in found.items() if which} == {
        "0-30": [2],
        "60-90": [0],
        "150-180": [1, 3, 4],
    }


def test_tilt_and_roll_do_not_count_where_they_lock():
    row = error_table([[50, 88, 50], [2, 60, 0]], [[0, 90, 0], [0, 60, 0]])["all"]
    assert (row["tilt"], row["roll"], row["pan"]) == pytest.approx((2, 0, 1))
    assert row["tilt under 5"] == 1
    # Tilt 50 and roll 50 nearly cancel there: the head is 2 degrees off and little more.
    locked = geodesic_errors([[50, 88, 50]], [[0, 90, 0]])[0]
    assert 2 <= locked < 4


@pytest.mark.parametrize(("distance", "turn"), [(0, 0), (180, 180), (1e-6, 1e-6)])
def test_geodesic_errors_are_exact_at_both_ends(distance, turn):
    assert geodesic_errors([[0, distance, 0]], [[0, 0, 0]])[0] == pytest.approx(turn, rel=1e-6)


def test_pan_separates_heads_turned_away():
    predicted = [[0, 170], [0, -110], [0, 20], [0, -120]]
    assert away_roc_auc(predicted, [True, True, False, False]) == 0.75


def test_risk_falls_when_the_least_certain_heads_are_left_out():
    errors, expected_error = [8, 1, 2, NAN, 3, 1], [9, 1, 2, 0, 3, 1]
    coverage, risk = risk_coverage(errors, expected_error)
    np.testing.assert_allclose(coverage, [0.2, 0.4, 0.6, 0.8, 1])
    np.testing.assert_allclose(risk, [1, 1, 4 / 3, 7 / 4, 3])
    assert uncertain_fifth(errors, expected_error) == pytest.approx((8, 7 / 4))


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
    assert table["60-90"]["heads"] == 0
    assert np.isnan(table["60-90"]["mean"])


def test_plot_is_drawn(tmp_path):
    truth = np.random.default_rng(0).uniform(-60, 60, (50, 3))
    plot_errors({"a": truth + 1, "b": truth[:, :2] - 2}, truth, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_the_curve_of_the_surest_heads_ends_at_their_mean_error(tmp_path, monkeypatch):
    """A head without roll counts with the angle between noses, as in every table."""
    drawn = []
    monkeypatch.setattr("headpose.images.figures.save", lambda drawing, *_: drawn.append(drawing))
    told = np.array([[0, 10, 0, 0, 0, 1.0], [0, 8, 0, 0, 0, 2]])
    plot_errors({"a": told}, [[0, 0, NAN], [0, 0, 0]], tmp_path / "plot.png")
    (line,) = drawn[0].axes[2].lines
    assert line.get_ydata() == pytest.approx([10, 9])


def test_angles_go_together_across_the_back():
    rng = np.random.default_rng(0)
    small, noise = rng.normal(0, 4, 4000), rng.normal(0, 4, 4000)
    # For small angles it is Pearson's.
    wanted = np.corrcoef(small, small + noise)[0, 1]
    assert correlation(small, small + noise) == pytest.approx(wanted, abs=0.01)
    assert correlation(small, -small) == pytest.approx(-1, abs=0.02)
    backs = np.array([179.0, -178, 175, -177, 10, 20, -30, 0])
    told = np.array([-179.0, 178, -175, 177, 10, 20, -30, 0])  # off by 2 to 10 degrees
    assert correlation(backs, told) > 0.99
    assert np.corrcoef(backs, told)[0, 1] < 0
    turns = rng.uniform(-180, 180, 4000)
    assert abs(correlation(turns, rng.uniform(-180, 180, 4000))) < 0.05
    assert abs(correlation(turns, -turns)) < 0.05
    assert correlation(backs, np.full(8, 3.0)) == correlation([], []) == 0
