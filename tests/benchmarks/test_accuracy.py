"""How far variants are from the reference, and which keep the bounds of exports."""

import math

import accuracy
import numpy as np
import pytest
from benchmark_figures import figures
from variants import DEFAULT, REFERENCE

from headpose.geometry.boxes import as_boxes


def boxes(*rows):
    return as_boxes(rows), np.full(len(rows), 0.9, np.float32)


def test_angles_differ_the_short_way_round():
    reference = np.float32([[0, 179, 0, 0, 0, 5], [10, 0, 0, 0, 0, 5]])
    told = np.float32([[0, -179, 0, 90, 0, 50], [10, 1, 0, 0, 0, 5]])
    apart = accuracy.angle_differences(reference, told)
    assert apart == {"largest": pytest.approx(2), "mean": pytest.approx(3 / 6)}


def test_boxes_differ_in_pixels_of_a_picture_whose_long_side_is_512():
    reference = [boxes((0, 0, 100, 100), (300, 300, 400, 400)), boxes((0, 0, 50, 50))]
    found = [boxes((302, 300, 402, 400)), boxes((0, 0, 50, 51), (200, 0, 250, 50))]
    assert accuracy.box_differences(reference, found, [1024, 512]) == {
        "heads": 3,
        "unmatched": 2,
        "largest": pytest.approx(1),
        "mean": pytest.approx((1 + 1 + 1) / 8),
    }


def test_no_heads_at_all_differ_by_nothing():
    apart = accuracy.box_differences([boxes()], [boxes()], [512])
    assert apart == {"heads": 0, "unmatched": 0, "largest": 0, "mean": 0}


@pytest.mark.parametrize(
    ("name", "more", "kept"),
    [
        (DEFAULT, {}, True),
        (DEFAULT, {"angles off": {"largest": 0.11, "mean": 0.0}}, False),
        (DEFAULT, {"boxes off": {"unmatched": 0, "largest": 0.6, "mean": 0.0}}, False),
        (DEFAULT, {"boxes off": {"unmatched": 1, "largest": 0.0, "mean": 0.0}}, False),
        ("onnxruntime-int8", {"angles off": {"largest": 9.0, "mean": 0.9}}, True),
        ("onnxruntime-int8", {"angles off": {"largest": 9.0, "mean": math.nan}}, False),
        ("keras-bfloat16", {}, None),
        (REFERENCE, {}, None),
        (DEFAULT, {"angles off": None}, None),
    ],
)
def test_bounds_are_those_of_exported_models(name, more, kept):
    assert accuracy.within_bounds(name, figures(**more)) is kept


def test_it_is_said_who_keeps_the_bounds():
    far = figures(**{"angles off": {"largest": 9.0, "mean": 2.0}})
    results = {REFERENCE: {}, DEFAULT: figures(), "litert-float32": far, "litert-int8": far}
    first, second = accuracy.bound_lines(results)
    assert first.endswith(f"from {REFERENCE}: held by {DEFAULT}; not held by litert-float32")
    assert second.endswith(f"from {REFERENCE}: not held by litert-int8")
