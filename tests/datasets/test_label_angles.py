"""Numbers of labels that cannot be what they are taken for."""

import logging

import numpy as np
import pytest

from headpose.datasets.label_tables import Problems, read_labels
from headpose.datasets.pose_data import read_heads
from headpose.errors import HeadposeError


def written(tmp_path, angles):
    lines = [f"{i}.png,{tilt},{pan},{roll}" for i, (tilt, pan, roll) in enumerate(angles)]
    path = tmp_path / "t.csv"
    path.write_text("file,tilt,pan,roll\n" + "\n".join(lines) + "\n")
    return path


DEGREES = np.random.default_rng(0).uniform(-60, 60, (30, 3))


@pytest.mark.parametrize(
    ("angles", "warned"),
    [
        (np.radians(DEGREES), True),
        (DEGREES, False),
        (DEGREES / 1000, False),  # all look at the camera
        (np.rint(np.radians(DEGREES)), False),  # whole degrees near the front
        (np.radians(DEGREES)[:10], False),  # so few may all be near the front
    ],
)
def test_radians_are_told(tmp_path, caplog, angles, warned):
    with caplog.at_level(logging.WARNING, "headpose"):
        read_labels(written(tmp_path, angles), "", ("tilt", "pan"), Problems())
    assert [record.getMessage() for record in caplog.records if "radians" in record.msg] == (
        [f"{tmp_path / 't.csv'}: all angles are within 3.14: are they radians? degrees are wanted"]
        if warned
        else []
    )


def test_a_word_for_an_angle_is_told_and_what_stands_for_nothing_is_not(tmp_path):
    path = written(tmp_path, [(1, 2, "left"), (1, 2, "NaN"), (1, "n/a", ""), (1, 2, "None")])
    problems = Problems()
    read_labels(path, "", ("tilt", "pan"), problems)
    assert problems.by_kind == {"roll is no number": ["t.csv line 2"]}


def test_pans_and_rolls_told_from_0_to_360_are_wrapped(tmp_path):
    path = written(tmp_path, [(5, 350, 190), (-5, 180, -181), (0, -360, 12.5)])
    table = read_labels(path, "", ("tilt", "pan"), Problems())
    angles = table[["tilt", "pan", "roll"]].to_numpy(float)
    np.testing.assert_allclose(angles, [(5, -10, -170), (-5, 180, 179), (0, 0, 12.5)])


@pytest.mark.parametrize(
    ("column", "value"),
    [("weight", "80"), ("weight", "-0.1"), ("weight", "low"), ("disagreement", "-1")],
)
def test_weights_that_are_none_are_refused(tmp_path, column, value):
    path = tmp_path / "t.csv"
    names = f"file,xmin,ymin,xmax,ymax,tilt,pan,{column}"
    path.write_text(f"{names}\na.png,0,0,9,9,1,2,\na.png,0,0,9,9,1,2,{value}\n")
    with pytest.raises(HeadposeError, match=rf"t.csv: {column} '{value}' in line 3 is no number"):
        read_heads(str(path))
