"""Descriptions of models, our own and those of strangers."""

import dataclasses
import json

import pytest
from model_specs import ANGLES, BOXES, CLASSES

from headpose.models.metadata import ModelMetadata
from headpose.models.specs import DetectorSpec, EstimatorSpec

DETECTOR = DetectorSpec(None, None, 0.5, ((8, ((10.0, 12.0), (20.0, 24.0))),), (0.1, 0.1, 0.2, 0.2))
ESTIMATOR = EstimatorSpec(64, 3, 6, "short", 1.2, (0.2, 0.5, 10.0))


def described(spec) -> dict:
    return json.loads(ModelMetadata(spec, "a.keras", "0" * 64).to_json())


@pytest.mark.parametrize("spec", [DETECTOR, ESTIMATOR, CLASSES])
def test_a_description_is_read_by_name_whatever_the_order(spec):
    told = described(spec)
    for text in (json.dumps(told), json.dumps(told, sort_keys=True)):
        assert ModelMetadata.from_json(text).spec == spec


@pytest.mark.parametrize(
    ("spec", "place", "values"),
    [
        (DETECTOR, ("confidence",), [float("nan"), -0.1, 1.5, "0.5", True, None, 10**400]),
        (DETECTOR, ("priors",), [[], None, {}, [1], [{}] * 17]),
        (DETECTOR, ("priors", 0, "stride"), [0, -8, 10**6, 8.0, "8", None]),
        (DETECTOR, ("priors", 0, "shapes"), [[], [[1]], [[0, 5]], [[float("inf"), 5]], [["5", 5]]]),
        (DETECTOR, ("variances",), [[], [0.1] * 3, [0.1] * 5, [0, 1, 1, 1], [float("nan")] * 4]),
        (DETECTOR, ("input", "shape"), [[None, 512, None, 3], [None, 0, 0, 3], [3], None]),
        (DETECTOR, ("input", "shape", 3), [1, 4, -3, None]),
        (ESTIMATOR, ("input", "shape"), [[None, 64, 65, 3], [None, 0, 0, 3], [None, 10**6] * 2]),
        (ESTIMATOR, ("input", "shape", 3), [0, 2, 4, "3"]),
        (ESTIMATOR, ("crop", "margin"), [0, -1, 1e9, float("inf"), "1"]),
        (ESTIMATOR, ("crop", "side"), ["diagonal", 3, None]),
        (ESTIMATOR, ("measures",), [["pan", "tilt"], ["tilt"], [], ["tilt"] * 6, 6]),
        (ESTIMATOR, ("rotation",), [[0.2, 0.5, 10], {"scale": 0.2, "least_error": 0.5}]),
        (ESTIMATOR, ("rotation", "scale"), [0, -1, float("nan"), "x"]),
        (CLASSES, ("input", "shape"), [[None, 64, 65, 3], [None, 64, 64, 1], [None, 0, 0, 3]]),
        (CLASSES, ("crop", "margin"), [0, -1, float("nan")]),
        (CLASSES, ("lowest",), [-0.1, 1.1, float("nan"), "0.2", None]),
        (CLASSES, ("weights",), [[], [1, 2], [1, 2, float("inf")], [1, 2, 1e9], ["1", 2, 3]]),
        (CLASSES, ("detector", "name"), ["", "../d", "/etc/d", "d*", ".d", "d\n", 5, None]),
        (ESTIMATOR, ("sha256",), ["", "0" * 63, 5, "../../etc/passwd"]),
        (ESTIMATOR, ("decoded",), [1, "true", None]),
        (ESTIMATOR, ("precision",), ["float16", None]),
        (ESTIMATOR, ("kind",), ["head detector", "toaster", None]),
        (ESTIMATOR, ("headpose",), [0, 2, "1"]),
        (ESTIMATOR, ("source",), ["x" * 5000, None]),
    ],
)
def test_each_field_of_a_description_has_its_kind_and_range(spec, place, values):
    for value in values:
        told = described(spec)
        inner = told
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value
        with pytest.raises(ValueError, match=r"\w"):
            ModelMetadata.from_json(json.dumps(told))


@pytest.mark.parametrize("spec", [DETECTOR, ESTIMATOR, CLASSES])
def test_every_field_that_is_needed_is_missed(spec):
    needed = set(described(spec)) - {"outputs", "signs", "rotation", "suppression"}
    for name in needed:
        told = described(spec)
        del told[name]
        with pytest.raises(ValueError, match=name):
            ModelMetadata.from_json(json.dumps(told))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "7", "{", "[" * 100_000, '{"a":' * 5000, "x" * 2_000_000]
)
def test_what_is_no_description_is_told(text):
    with pytest.raises(ValueError, match=r"\w"):
        ModelMetadata.from_json(text)


@pytest.mark.parametrize(
    "spec",
    [BOXES, dataclasses.replace(BOXES, height=512, width=512), ANGLES, EstimatorSpec(64, 3, 2)],
)
@pytest.mark.parametrize("decoded", [True, False])
def test_a_description_is_read_as_it_was_written(spec, decoded):
    about = ModelMetadata(spec, "a.keras", "0" * 64, decoded, "int8")
    assert ModelMetadata.from_json(about.to_json()) == about


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", '{"headpose": 1}', '{"headpose": 2}'])
def test_other_texts_are_no_descriptions(text):
    with pytest.raises(ValueError):
        ModelMetadata.from_json(text)
