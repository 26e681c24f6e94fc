"""Descriptions that earlier versions wrote are still read."""

import numpy as np
import pytest

from headpose.datasets.crop_dataset import read_summary
from headpose.geometry.crops import squares
from headpose.models.schema import Fields
from headpose.models.specs import MEASURES, DetectorSpec, EstimatorSpec


def test_the_expected_error_may_have_its_older_name():
    spec = EstimatorSpec(64, 1, len(MEASURES), "long", 1.1, (0.2, 0.5, 10.0))
    described = spec.as_json(decoded=True)
    assert described["measures"][-1] == "expected_error"
    described["measures"][-1] = "certainty"
    assert EstimatorSpec.from_json(Fields(described, "")).outputs == len(MEASURES)


@pytest.mark.parametrize(("old", "today"), [("small", "short"), ("large", "long")])
def test_the_sides_of_boxes_may_have_their_older_names(old, today):
    described = EstimatorSpec(64, 1, 2, today).as_json(decoded=True)
    assert described["crop"]["side"] == today
    described["crop"]["side"] = old
    assert EstimatorSpec.from_json(Fields(described, "")).side == today
    box = [(10, 20, 50, 80)]
    np.testing.assert_array_equal(squares(box, old), squares(box, today))


def test_strides_and_the_floor_of_the_error_may_have_their_older_names():
    spec = DetectorSpec(None, None, 0.5, ((8, ((9.0, 9.0),)),), (0.1, 0.1, 0.2, 0.2))
    described = spec.as_json(decoded=True)
    described["priors"][0]["step"] = described["priors"][0].pop("stride")
    assert DetectorSpec.from_json(Fields(described, "")) == spec
    rotation = EstimatorSpec(64, 1, 6, "long", 1.1, (0.2, 0.5, 10.0))
    described = rotation.as_json(decoded=False)
    described["rotation"]["least_error"] = described["rotation"].pop("min_error")
    assert EstimatorSpec.from_json(Fields(described, "")) == rotation


def test_heads_in_profile_are_turned_only_as_a_description_says():
    turned = EstimatorSpec(64, 1, 6, "long", 1.1, (0.2, 0.5, 10.0), 5.0)
    described = turned.as_json(decoded=False)
    assert EstimatorSpec.from_json(Fields(described, "")) == turned
    described["rotation"]["profile_turn"] = 90
    with pytest.raises(ValueError, match="profile_turn"):
        EstimatorSpec.from_json(Fields(described, ""))
    del described["rotation"]["profile_turn"]  # as in files of earlier versions
    assert EstimatorSpec.from_json(Fields(described, "")).profile_turn == 0


def test_summaries_of_clean_folders_may_have_older_names(tmp_path):
    (tmp_path / "summary.json").write_text('{"options": {"side": "large", "size": 64}}')
    assert read_summary(tmp_path)["options"] == {"side": "long", "size": 64}
