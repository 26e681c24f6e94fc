"""What limits of the expected error keep, and what these heads are worth."""

import json
import math

import numpy as np
import pytest
from drawn_heads import spot_heads

from headpose.pose.trust import trust_table


def test_each_limit_keeps_the_heads_below_it():
    errors = np.array([1.0, 3.0, 5.0, 30.0])
    rows = trust_table(errors, [2.0, 4.0, 10.0, 12.0], [1.0, 4.0, 11.0, np.inf])
    assert [row["heads"] for row in rows] == [0, 2, 3, 4]
    assert [row["share"] for row in rows] == [0, 0.5, 0.75, 1]
    assert math.isnan(rows[0]["mean"])
    assert [row["mean"] for row in rows[1:]] == pytest.approx([2, 3, 9.75])
    assert [row["median"] for row in rows[1:]] == [2, 3, 4]
    assert [row["far off"] for row in rows[1:]] == [0, 0, 0.25]


def test_no_heads_have_no_shares():
    assert math.isnan(trust_table([], [], [5.0])[0]["share"])


class Estimator:
    """Tells tilt, pan and roll 0, and expects 5 degrees of the first half, 25 of the others."""

    outputs = 6
    crop_options = {"size": 16, "side": "short", "margin": 1.0, "grey": True}  # noqa: RUF012

    def estimate_all(self, crops):
        told = np.zeros((len(crops), 6), np.float32)
        told[:, 5] = np.where(np.arange(len(crops)) < len(crops) // 2, 5, 25)
        return told


def test_the_command_prints_a_table(run_script, tmp_path, monkeypatch):
    monkeypatch.setattr("headpose.pose.estimator.PoseEstimator.load", lambda *_: Estimator())
    table = spot_heads(tmp_path, 0, 10)
    done = run_script("trust", f"{table}#test", "--json", tmp_path / "t.json")
    assert done.status == 0, done.err
    assert "| 20° | 5 | 50.0% |" in done.out
    assert "| none | 10 | 100.0% |" in done.out
    (left_out, rows) = json.loads((tmp_path / "t.json").read_text()).values()
    assert left_out == {}
    assert rows[-1]["limit"] is None
    assert rows[-1]["heads"] == 10


def test_an_estimator_without_expected_error_is_told(run_script, tmp_path, monkeypatch):
    estimator = Estimator()
    estimator.outputs = 2
    monkeypatch.setattr("headpose.pose.estimator.PoseEstimator.load", lambda *_: estimator)
    table = spot_heads(tmp_path, 0, 2)
    done = run_script("trust", table)
    assert done.status == 1
    assert "does not tell an expected error" in done.err
