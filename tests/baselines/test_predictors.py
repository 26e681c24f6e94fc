from pathlib import Path

import numpy as np
import pytest
from coloured_heads import HEADS, SCALE, write_fsa

from headpose.baselines import heads as ch
from headpose.baselines import predictors
from headpose.baselines.convention_checks import check_outputs
from headpose.baselines.predictors import (
    Case,
    Compared,
    ask,
    figures,
    files_of,
    load_all,
    load_compared,
)
from headpose.datasets.label_tables import Problems
from headpose.errors import HeadposeError


def test_figures_are_means_medians_and_percentiles(truth):
    errors = np.linspace(0, 10, len(truth))
    predicted = truth[:, :2] + errors[:, None] * [1, -3]
    told = figures(predicted, truth)
    assert told["errors"]["all"]["tilt"] == pytest.approx(5)
    assert told["errors"]["all"]["pan"] == pytest.approx(15)
    assert told["median"] == pytest.approx(10)
    assert told["90th percentile"] == pytest.approx(18)


def test_estimators_of_one_name_are_told_apart_by_their_files(tmp_path, network):
    other = write_fsa(tmp_path / "other.onnx", -SCALE * np.eye(3))
    names = [f"fsa-net={network}", f"fsa-net={other}"]
    assert [c.name for c in load_all(names)] == names


def test_a_comma_in_the_name_of_a_file_that_exists_parts_nothing(tmp_path):
    one = tmp_path / "a,b.onnx"
    one.touch()
    assert files_of(f"fsa-net={one}") == [one]
    assert files_of(f"fsa-net={one},c.onnx") == [tmp_path / "a", Path("b.onnx"), Path("c.onnx")]


def test_an_estimator_of_six_measures_is_measured_by_its_angles(table, truth):
    class Six:
        def estimate_all(self, crops):
            return np.tile(np.float32([1, 2, 3, 4, 5, 6]), (len(crops), 1))

    heads, _ = ch.read_table_heads(str(table))
    compared = Compared("six", Six(), ch.CropRecipe(16, "short", 1.0, True))
    told = ask(heads, [Case(compared.estimator, compared.recipe)], Problems())
    errors = figures(told.angles[0], heads.angles)["errors"]["all"]
    expected = np.abs(np.array([1, 2, 3]) - truth).mean(axis=0)
    assert [errors[a] for a in ("tilt", "pan", "roll")] == pytest.approx(expected, abs=1e-3)
    assert check_outputs(told.angles[0], heads.angles).heads == HEADS


def test_keras_is_set_up_before_a_keras_file_is_loaded(monkeypatch):
    """Else TensorFlow tells of the GPU that it lacks, and computes more slowly."""

    def started():
        raise HeadposeError("Keras was started")

    monkeypatch.setattr(predictors, "start_keras", started)
    with pytest.raises(HeadposeError, match="Keras was started"):
        load_compared("mine.keras", load=lambda path: pytest.fail(f"{path} was loaded"))
    assert load_compared("ours").name == "ours"  # an exported file does without
