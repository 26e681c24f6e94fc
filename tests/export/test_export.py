import dataclasses
import importlib.util
import json

import keras
import numpy as np
import pytest
from keras import layers
from lively_networks import lively
from model_specs import ANGLES
from small_models import (
    exported,
    packages,
    saved,
    small_classifier,
    small_detector,
    small_estimator,
)

from headpose.errors import HeadposeError
from headpose.export.rewrite import rewrite
from headpose.models.exported import read_metadata
from headpose.models.formats import FORMATS, digest
from headpose.models.network import spec_of
from headpose.models.shipped import DEFAULT_DETECTOR
from headpose.models.specs import EstimatorSpec
from headpose.pose.estimator import PoseEstimator
from headpose.pose.joining import joined
from headpose.pose.rotation import averaged_with_mirror

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("full_precision"),
]


def test_what_is_known_of_a_model_is_read_from_it():
    assert spec_of(small_estimator(6)) == ANGLES
    assert spec_of(small_estimator(2, 3)) == EstimatorSpec(32, 3, 2, "long", 1.2)
    spec = spec_of(small_detector())
    assert (spec.stride, spec.confidence, spec.height) == (16, 0.5, None)
    assert spec_of(keras.Sequential([keras.Input((3,)), layers.Dense(2)])) is None


def test_an_onnx_file_names_its_ends_and_tells_of_itself(detector_file, estimator):
    for name in packages("onnx"):
        pytest.importorskip(name)
    import onnx

    for source, ends in [
        (detector_file, ["image", "boxes", "scores"]),
        (estimator, ["crops", "angles"]),
    ]:
        model = onnx.load(exported(source, "onnx"))
        onnx.checker.check_model(model)
        assert [x.name for x in (*model.graph.input, *model.graph.output)] == ends
        (entry,) = model.metadata_props
        told = json.loads(entry.value)
        assert (told["input"]["range"], told["sha256"]) == ([0, 255], digest(source))
    assert told["measures"] == ["tilt", "pan", "roll"]
    assert told["crop"]["side"] == "long"


def large_floats(file) -> list[int]:
    """Returns the sizes of the tensors that are worth halving, and are float32."""
    import onnx

    tensors = onnx.load(file).graph.initializer
    floats = [t for t in tensors if t.data_type == onnx.TensorProto.FLOAT]
    return [n for t in floats if (n := int(np.prod(t.dims))) >= 256]


def test_weights_are_stored_in_half_the_size(run_script, tmp_path):
    """What is computed differs by the rounding of weights to 11 bits."""
    for name in packages("onnx"):
        pytest.importorskip(name)
    source = saved(small_estimator(6), tmp_path / "e.keras")
    sizes, answers = [], []
    crops = np.random.default_rng(3).integers(0, 256, (20, 32, 32, 1)).astype(np.float32)
    for more in ([], ["--half"]):
        done = run_script("export", source, "--format", "onnx", "--overwrite", *more)
        assert done.status == 0, done.err
        file = source.with_suffix(".onnx")
        sizes.append(sum(large_floats(file)))
        answers.append(PoseEstimator.load(file).measures(crops))
    assert (sizes[0] > 0, sizes[1]) == (True, 0)
    assert 0 < np.abs(answers[1] - answers[0]).max() < 1


def test_a_model_is_exported_and_the_difference_told(run_script, estimator):
    for name in packages("onnx"):
        pytest.importorskip(name)
    target = estimator.with_suffix(".onnx")
    target.unlink(missing_ok=True)
    done = run_script("export", estimator, "--format", "onnx")
    assert done.status == 0, done.err
    difference, where = done.out.splitlines()
    assert difference.startswith("tilt, pan, roll of 13 crops, degrees: largest difference ")
    assert "(allowed: largest 0.1)" in difference
    assert where.startswith(f"{estimator} -> {target}, ")
    assert read_metadata(target).spec == spec_of(small_estimator(3))
    assert done.err == ""


@pytest.mark.parametrize("name", FORMATS)
def test_networks_of_different_crops_are_exported_as_one(run_script, tmp_path, name):
    """What they answer is compared with Keras while they are exported."""
    for needed in packages(name):
        pytest.importorskip(needed)
    large = lively(2, in_size=48, channels=3, side="long", margin=1.2)
    small = lively(3, in_size=32, side="long", margin=1.2)
    both = averaged_with_mirror(joined([large, small]))
    done = run_script("export", saved(both, tmp_path / "both.keras"), "--format", name)
    assert done.status == 0, done.err
    assert "13 crops, degrees: largest difference" in done.out


@pytest.mark.parametrize("name", FORMATS)
def test_the_detector_that_ships_is_exported(run_script, tmp_path, name):
    """What it finds is compared with Keras; its priors are more than those of small ones."""
    for needed in packages(name):
        pytest.importorskip(needed)
    target = tmp_path / f"d{FORMATS[name].ending}"
    done = run_script("export", DEFAULT_DETECTOR, "--format", name, "--output", target)
    assert done.status == 0, done.err
    assert "corners, pixels of the input" in done.out


def test_help_answers_without_tensorflow(run_fresh, tmp_path):
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    done = run_fresh("export", "--help", PYTHONPATH=str(tmp_path))
    assert done.status == 0, done.err
    for wrong in ([], ["m.keras"], ["m.keras", "--format", "caffe"]):
        done = run_fresh("export", *wrong, PYTHONPATH=str(tmp_path))
        assert done.status == 2
        assert "imported" not in done.err


def test_what_does_not_compute_the_same_is_refused(
    run_script, detector_file, tmp_path, monkeypatch
):
    pytest.importorskip("tf2onnx")
    target = tmp_path / "out" / "d.onnx"
    target.parent.mkdir()
    target.write_text("what stood before")

    def changed(model, decoded, of_two):
        network = rewrite(keras.models.clone_model(model), decoded)
        network.set_weights([w * 1.05 for w in model.get_weights()])
        return network

    monkeypatch.setattr("headpose.export.rewrite.rewrite", changed)
    more = ["--format", "opencv", "--output", target, "--overwrite"]
    done = run_script("export", detector_file, *more)
    assert done.status == 1
    assert "is not the same; corners" in done.err
    assert len(done.err.splitlines()) == 1
    assert target.read_text() == "what stood before"
    assert [f.name for f in target.parent.iterdir()] == ["d.onnx"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["none.keras", "--format", "onnx"], "no such model file"),
        (["{text}", "--format", "onnx"], "not a .keras model file"),
        (["{exported}", "--format", "openvino"], "exported already"),
        (["{model}", "--format", "onnx", "--output", "x.tflite"], "must end in .onnx"),
        (["{model}", "--format", "saved_model", "--output", "x.onnx"], "is a folder"),
        (["{model}", "--format", "saved_model", "--output", "{folder}"], "exists; remove it"),
        (["{model}", "--format", "opencv", "--int8", "x"], "use --format onnx, openvino, litert"),
        (["{model}", "--format", "opencv", "--half"], "--half is for --format onnx without --int8"),
        (["{model}", "--format", "onnx", "--half", "--int8", "x"], "--half is for --format onnx"),
        (["{model}", "--format", "opencv", "--check", "none.csv"], "no such table of heads"),
        (["{model}", "--format", "opencv", "--check", "none"], "no pictures there"),
        (["{other}", "--format", "opencv"], "neither a head detector nor a pose estimator"),
        (["{model}", "--format", "opencv", "--output", "{text}/x.onnx"], "x.onnx: not a directory"),
    ],
)
def test_bad_requests_are_told_in_a_line(
    run_script, estimator, tmp_path, options, told, monkeypatch
):
    monkeypatch.setattr("headpose.export.exporter.FORMATS", without_packages())
    text = tmp_path / "text.keras"
    text.write_text("not a model")
    other = tmp_path / "other.keras"
    if "{other}" in options:
        saved(keras.Sequential([keras.Input((3,)), layers.Dense(2)]), other)
    exported = tmp_path / "x.onnx"
    exported.touch()
    named = {"text": text, "model": estimator, "folder": tmp_path, "other": other}
    given = [o.format(**named, exported=exported) for o in options]
    done = run_script("export", *given, "--overwrite")
    assert done.status == 1
    assert told in done.err
    assert len(done.err.splitlines()) == 1


def without_packages() -> dict:
    """The formats as if they needed nothing: what is told must not depend on the machine."""
    return {
        name: dataclasses.replace(form, packages=(), int8=form.int8 and ())
        for name, form in FORMATS.items()
    }


@pytest.mark.parametrize(
    ("form", "options", "told"),
    [
        (
            "onnx",
            [],
            "tf2onnx, onnx, onnxruntime are not installed; pip install 'headpose-toolkit[export]'",
        ),
        (
            "openvino",
            ["--int8", "pictures"],
            "openvino, nncf are not installed; pip install 'headpose-toolkit[export]'",
        ),
        ("litert", [], "ai-edge-litert is not installed; pip install 'headpose-toolkit[export]'"),
    ],
)
def test_missing_packages_are_named(run_script, estimator, monkeypatch, form, options, told):
    real = importlib.util.find_spec
    ours = lambda name, *more: real(name, *more) if name.startswith("headpose") else None  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", ours)
    done = run_script("export", estimator, "--format", form, *options, "--overwrite")
    assert done.status == 1
    assert told in done.err


def test_another_backend_is_told(estimator, tmp_path, monkeypatch):
    pytest.importorskip("tf2onnx")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr("headpose.export.exporter.set_up", lambda *_: None)
    with pytest.raises(HeadposeError, match="unset KERAS_BACKEND"):
        exported(estimator, "opencv")


def test_a_second_stage_is_exported_with_the_first(tmp_path, monkeypatch):
    """And is found with it, though neither stands beside the files that they were made from."""
    for name in packages("onnx"):
        pytest.importorskip(name)
    from headpose.detection.loading import load_detector
    from headpose.detection.second_stage import TwoStageDetector
    from headpose.export.cache import exported_for

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = saved(small_detector(), tmp_path / "first.keras")
    settings = {"detector": "first", "digest": digest(first), "weights": (1.0, 0.5, 0.1)}
    second = saved(small_classifier(**settings), tmp_path / "second.keras")
    spec = exported_for(second, "onnxruntime")
    assert spec.metadata.spec == spec_of(small_classifier(**settings))
    detector = load_detector(spec)
    assert isinstance(detector, TwoStageDetector)
    assert detector.detector.spec.path.parent == spec.path.parent
    assert detector.detector.spec.metadata.digest == digest(first)
