"""Files that leave the decoding to whoever runs them say in words how it is done."""

import dataclasses
import json

import cv2
import numpy as np
import pytest
from model_specs import ANGLES
from small_models import CAN_EXPORT_ONNX, exported, mirroring_estimator, random_crops, saved

from headpose.models.decoding import decode_angles
from headpose.models.exported import read_metadata
from headpose.models.metadata import ModelMetadata
from headpose.pose.estimator import PoseEstimator
from headpose.pose.rotation import with_profile_turn

TURNED = dataclasses.replace(ANGLES, profile_turn=5.0)


def by_words(raw: np.ndarray, rotation: dict) -> np.ndarray:
    """Decodes (N, 7) with numpy as `headpose.models.descriptions.CODED_ANGLES` says it."""
    rows = []
    for a in np.asarray(raw, np.float64):
        x = rotation["scale"] * a[0:3] + (1, 0, 0)
        x /= np.linalg.norm(x)
        y = rotation["scale"] * a[3:6] + (0, 1, 0)
        y -= (x @ y) * x
        y /= np.linalg.norm(y)
        z = np.cross(x, y)
        if "profile_turn" in rotation:
            t = np.tan(np.radians(rotation["profile_turn"])) * z[0] ** 3
            x, z = (x - t * z) / np.sqrt(1 + t**2), (z + t * x) / np.sqrt(1 + t**2)
        tilt = np.degrees(np.arctan2(z[1], z[2]))
        pan = np.degrees(-np.arcsin(z[0]))
        roll = np.degrees(np.arctan2(y[0], x[0]))
        if abs(tilt) > 90:
            tilt, pan, roll = tilt + 180, 180 - pan, roll + 180
        azimuth, elevation = np.degrees([np.arctan2(-z[0], z[2]), np.arcsin(z[1])])
        softplus = np.log(1 + np.exp(a[6]))
        error = rotation["min_error"] + rotation["error_scale"] * softplus
        rows.append([tilt, pan, roll, azimuth, elevation, error])
    return np.array(rows)


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    difference = np.asarray(found, np.float64) - expected
    difference[:, :5] = (difference[:, :5] + 180) % 360 - 180
    np.testing.assert_allclose(difference, 0, atol=1e-3)


@pytest.mark.parametrize("spec", [ANGLES, TURNED])
def test_the_words_tell_the_whole_decoding(spec):
    described = json.loads(ModelMetadata(spec, "model.keras", "0" * 64, decoded=False).to_json())
    # A constant that the words do not name is one that a stranger leaves out.
    assert all(name in described["outputs"] for name in described["rotation"])
    raw = np.random.default_rng(0).normal(0, 8, (500, 7)).astype(np.float32)
    assert_same(by_words(raw, described["rotation"]), decode_angles(raw, spec))


def test_heads_in_profile_are_turned_further():
    pans = np.radians([30, 60, 85, -60])
    raw = np.zeros((4, 7))
    raw[:, 0], raw[:, 2] = (np.cos(pans) - 1) / 0.2, np.sin(pans) / 0.2
    rotation = TURNED.as_json(decoded=False)["rotation"]
    found = by_words(raw, rotation)[:, 1]
    # tan(5 degrees) sin(pan)^3 is the tangent of the turn.
    expected = pans + np.arctan(np.tan(np.radians(5)) * np.sin(pans) ** 3)
    np.testing.assert_allclose(found, np.degrees(expected), atol=1e-6)


@pytest.mark.skipif(not CAN_EXPORT_ONNX, reason="cannot export here")
@pytest.mark.usefixtures("full_precision")
def test_a_stranger_decodes_an_undecoded_file_by_its_words(model_folder):
    model = saved(with_profile_turn(mirroring_estimator(), 5), model_folder / "turned.keras")
    file = exported(model, "opencv")
    metadata = read_metadata(file)
    assert not metadata.decoded
    described = json.loads(metadata.to_json())
    assert described["rotation"]["profile_turn"] == 5
    crops = random_crops(20)
    network = cv2.dnn.readNetFromONNX(str(file))
    network.setInput(np.float32(crops)[..., None])
    raw = network.forward().reshape(len(crops), -1)  # OpenCV keeps an axis of one
    found = by_words(raw, described["rotation"])
    assert_same(found, PoseEstimator.load(file).estimate_all(crops))


def test_files_with_the_words_of_earlier_versions_are_read():
    text = ModelMetadata(TURNED, "model.keras", "0" * 64, decoded=False).to_json()
    described = json.loads(text)
    described["outputs"] = "R = [x y z]"
    assert ModelMetadata.from_json(json.dumps(described)).spec == TURNED
