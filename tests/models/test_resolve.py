"""Which file and backend serve a request, and what is exported for it."""

import argparse
import shutil

import numpy as np
import pytest
from small_models import saved, small_detector

from headpose.cli.pipeline_options import pipeline_arguments
from headpose.detection.head_detector import HeadDetector
from headpose.detection.loading import load_detector
from headpose.errors import HeadposeError
from headpose.export.cache import exported_for
from headpose.models import keras_setup
from headpose.models import resolve as module
from headpose.models.backends import Backend
from headpose.models.exported import read_metadata
from headpose.models.formats import digest
from headpose.models.resolve import ModelSpec, resolve
from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR
from headpose.pose.estimator import PoseEstimator

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    return saved(small_detector(), tmp_path_factory.mktemp("models") / "detector.keras")


# --------------------------------------------------------------- what is there already


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """A Keras file with the ONNX file that was made from it beside it; ONNX Runtime has no GPU."""
    for suffix in (".keras", ".onnx"):
        shutil.copy(DEFAULT_ESTIMATOR.with_suffix(suffix), tmp_path / f"e{suffix}")
    monkeypatch.setattr(module, "onnxruntime_has_gpu", lambda: False)
    return tmp_path / "e.keras"


@pytest.mark.parametrize("keras_file", [DEFAULT_DETECTOR, DEFAULT_ESTIMATOR])
def test_the_onnx_files_that_ship_were_made_from_the_keras_files_that_ship(keras_file):
    metadata = read_metadata(keras_file.with_suffix(".onnx"))
    assert (metadata.digest, metadata.precision) == (digest(keras_file), "float32")


@pytest.mark.parametrize(
    ("file", "backend", "told"),
    [
        (DEFAULT_DETECTOR, None, "float32"),
        (DEFAULT_DETECTOR, Backend(None, "cpu", "int8"), "int8"),
        (DEFAULT_DETECTOR.with_suffix(".onnx"), Backend("openvino"), "float32"),
        (DEFAULT_DETECTOR.with_suffix(".onnx"), Backend("openvino", "cpu", "bfloat16"), "bfloat16"),
        (DEFAULT_DETECTOR, "keras", "bfloat16"),
    ],
)
def test_the_arithmetic_is_told_as_it_was_found(monkeypatch, file, backend, told):
    monkeypatch.setattr(keras_setup, "_precision", "bfloat16")
    assert module.precision_of(resolve(file, backend), None) == told


def test_a_large_network_alone_is_in_bfloat16_where_small_ones_gain_nothing(monkeypatch):
    monkeypatch.setattr(keras_setup, "_precision", "float32")
    monkeypatch.setattr(keras_setup, "_large_in_bfloat16", True)
    found = [keras_setup.precision_of(count) for count in (0, keras_setup.LARGE)]
    assert found == ["float32", "bfloat16"]


@pytest.mark.parametrize(
    ("backend", "suffix", "name"),
    [
        (None, ".onnx", "onnxruntime"),
        (Backend(None, "cpu", "float32"), ".onnx", "onnxruntime"),
        ("onnxruntime", ".onnx", "onnxruntime"),
        ("keras", ".keras", "keras"),
        (Backend(None, "gpu"), ".keras", "keras"),
        (Backend(None, "auto", "bfloat16"), ".keras", "keras"),
    ],
)
def test_the_onnx_file_is_taken_where_nothing_else_is_asked_for(pair, backend, suffix, name):
    spec = resolve(pair, backend)
    assert (spec.path, spec.backend.name) == (pair.with_suffix(suffix), name)
    # Only exported files tell what they hold before they are opened.
    assert (spec.metadata is not None) == (suffix == ".onnx")


def test_the_onnx_file_runs_on_a_gpu_that_onnx_runtime_can_use(pair, monkeypatch):
    monkeypatch.setattr(module, "onnxruntime_has_gpu", lambda: True)
    spec = resolve(pair, Backend(None, "gpu"))
    assert (spec.path.suffix, spec.backend.device) == (".onnx", "gpu")


def test_device_and_precision_are_kept(pair):
    spec = resolve(pair, Backend(None, "cpu", "float32"))
    assert spec.backend == Backend("onnxruntime", "cpu", "float32")


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        ("e.onnx", "onnxruntime"),
        ("e.keras", "onnxruntime"),
    ],
)
def test_an_exported_file_may_be_named_itself(pair, name, backend):
    spec = resolve(pair.with_name(name))
    assert spec.path == pair.with_suffix(".onnx")
    assert spec.backend.name == backend
    assert spec.metadata.source == "pose-estimator.keras"


def test_what_was_resolved_is_not_looked_for_again(pair, monkeypatch):
    spec = resolve(pair)
    monkeypatch.setattr(module, "digest", None)
    monkeypatch.setattr(module, "read_metadata", None)
    assert resolve(spec) is spec
    assert PoseEstimator.load(spec).outputs == 6


def test_each_file_is_hashed_and_read_once(pair, monkeypatch):
    asked = []
    for name in ("digest", "read_metadata"):
        whole = getattr(module, name)

        def counted(path, name=name, whole=whole):
            asked.append((name, path.suffix))
            return whole(path)

        monkeypatch.setattr(module, name, counted)
    PoseEstimator.load(pair)
    assert asked == [("digest", ".keras"), ("read_metadata", ".onnx")]


@pytest.mark.parametrize("backend", [None, "onnxruntime"])
def test_the_onnx_file_of_another_model_is_left(pair, backend, cache):
    saved(small_detector(3), pair)
    if backend is None:
        assert resolve(pair) == ModelSpec(pair, Backend("keras"))
    else:
        with pytest.raises(HeadposeError, match=r"headpose export .* --format onnx"):
            resolve(pair, backend)


@pytest.mark.parametrize("content", [b"", b"damaged", b"\x08\x07"])
def test_a_damaged_onnx_file_beside_is_left(pair, content):
    pair.with_suffix(".onnx").write_bytes(content)
    assert resolve(pair).backend.name == "keras"


def test_the_onnx_file_is_left_where_onnx_runtime_is_missing(pair, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    assert resolve(pair).path == pair


@pytest.mark.parametrize("backend", [None, "keras", "opencv", "onnxruntime"])
def test_a_missing_file_is_told(tmp_path, backend):
    with pytest.raises(HeadposeError, match=r"none\.keras: no such model file"):
        resolve(tmp_path / "none.keras", backend)


def test_loading_says_how_to_export_and_exports_nothing(pair, cache):
    with pytest.raises(HeadposeError, match=r"not exported for opencv yet; headpose export \S+ "):
        PoseEstimator.load(pair, "opencv")
    assert not cache.exists()


def test_a_program_called_nvidia_smi_makes_no_difference(run_fresh, tmp_path, portrait):
    """What is asked is ONNX Runtime: Keras' stand-in would end the process."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexit 9\n")
    program.chmod(0o755)
    (tmp_path / "keras.py").write_text("raise SystemExit('imported')")
    done = run_fresh(
        "image",
        portrait,
        "--output",
        tmp_path / "out",
        PYTHONPATH=str(tmp_path),
        PATH=f"{tmp_path}:/usr/bin:/bin",
    )
    assert (done.status, done.err) == (0, "")
    assert "1 head" in done.out


def test_the_demo_that_ships_imports_neither_keras_nor_tensorflow(run_fresh, tmp_path, portrait):
    """A stand-in that cannot be imported takes their places."""
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    output = ["--output", tmp_path / "out", "--device", "cpu"]
    done = run_fresh("demo_image.py", portrait, *output, PYTHONPATH=str(tmp_path))
    assert done.status == 0, done.err
    assert "1 head" in done.out
    done = run_fresh(
        "demo_image.py", portrait, *output, "--backend", "keras", PYTHONPATH=str(tmp_path)
    )
    assert "imported" in done.err


def test_a_cut_detector_is_told_as_damaged(tmp_path):
    whole = DEFAULT_DETECTOR.with_suffix(".onnx").read_bytes()
    half = tmp_path / "half.onnx"
    half.write_bytes(whole[: len(whole) // 3])
    for load in (load_detector, resolve):
        with pytest.raises(HeadposeError, match=r"half\.onnx: not an ONNX file \(or a damaged"):
            load(half)


# ---------------------------------------------------------------------- what is made


def test_an_export_that_fails_is_not_told_as_made(detector, cache, caplog, monkeypatch):
    def fails(*_given):
        assert "exporting it for opencv" in caplog.text
        raise HeadposeError("cannot be written")

    monkeypatch.setattr("headpose.export.cache.export", fails)
    with caplog.at_level("INFO", "headpose"), pytest.raises(HeadposeError, match="cannot be"):
        exported_for(detector, "opencv")
    assert "exported" not in caplog.text
    assert not list(cache.iterdir())


def test_a_keras_model_is_exported_once_for_another_backend(
    detector, cache, noise_picture, caplog, tmp_path
):
    pytest.importorskip("tf2onnx")
    source = tmp_path / "d.keras"
    source.write_bytes(detector.read_bytes())
    picture = noise_picture(200, 200)
    with caplog.at_level("INFO", "headpose"):
        spec = exported_for(source, "opencv")
        assert "exported once for opencv" in caplog.text
        caplog.clear()
        assert exported_for(source, "opencv") == spec
        assert caplog.text == ""
    (file,) = cache.iterdir()
    assert spec.path == file
    ((boxes, _),) = HeadDetector.load(spec, 128).detect([picture])
    ((again, _),) = HeadDetector.load(source, 128, "opencv").detect([picture])
    np.testing.assert_array_equal(boxes, again)
    # One beside the model comes first; another version of the model is exported anew.
    beside = source.with_name("d.opencv.onnx")
    file.rename(beside)
    assert exported_for(source, "opencv").path == beside
    saved(small_detector(2), source)
    assert exported_for(source, "opencv").path.parent == cache


def test_an_export_of_something_else_is_passed_over(cache, detector, monkeypatch, tmp_path):
    source = tmp_path / "e.keras"
    shutil.copy(DEFAULT_ESTIMATOR, source)
    asked = []

    def export(path, form, target):
        asked.append((path, form))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DEFAULT_ESTIMATOR.with_suffix(".onnx"), target)

    monkeypatch.setattr("headpose.export.cache.export", export)
    shutil.copy(DEFAULT_DETECTOR.with_suffix(".onnx"), source.with_suffix(".onnx"))
    spec = exported_for(source, "onnxruntime")
    assert spec.path.parent == cache
    assert spec.metadata.digest == digest(source)
    assert asked == [(source, "onnx")]


def test_a_missing_model_is_told_before_any_export(cache, tmp_path):
    with pytest.raises(HeadposeError, match="no such model file"):
        exported_for(tmp_path / "none.keras", "onnxruntime")
    assert not cache.exists()


@pytest.mark.parametrize(
    ("detector", "backend", "exported_names"),
    [
        (None, None, []),
        (None, "keras", []),
        (None, "opencv", ["head-classifier.keras", "pose-estimator.keras"]),
        ("viola-jones", "opencv", ["pose-estimator.keras"]),
        ("yunet.onnx", "opencv", ["pose-estimator.keras"]),
    ],
)
def test_what_workers_will_need_is_exported_ahead(
    monkeypatch, tmp_path, detector, backend, exported_names
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "yunet.onnx").touch()
    asked = []
    monkeypatch.setattr(
        "headpose.export.cache.exported_for", lambda path, backend: asked.append(path.name)
    )
    given = {"detector": detector, "backend": backend, "device": "auto", "precision": "auto"}
    given |= {"trust_model": False, "any_rotation": False}
    others = dict.fromkeys(["estimator", "confidence", "detector_size", "max_error", "tiles"])
    pipeline_arguments(argparse.Namespace(**given, **others))
    assert asked == exported_names
