"""Descriptions that earlier versions wrote are still read."""

from headpose.models.schema import Fields
from headpose.models.specs import MEASURES, EstimatorSpec


def test_the_expected_error_may_have_its_older_name():
    spec = EstimatorSpec(64, 1, len(MEASURES), "large", 1.1, (0.2, 0.5, 10.0))
    described = spec.as_json(decoded=True)
    assert described["measures"][-1] == "expected_error"
    described["measures"][-1] = "certainty"
    assert EstimatorSpec.from_json(Fields(described, "")).outputs == len(MEASURES)
