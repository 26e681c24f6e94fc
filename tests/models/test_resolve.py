"""Exported models in the place of Keras files: which is taken, and which is made."""

import argparse
import shutil

import numpy as np
import pytest
from small_models import saved, small_detector

from headpose.cli.pipeline_options import export_ahead
from headpose.detection.head_detector import HeadDetector
from headpose.errors import HeadposeError
from headpose.models import resolve as stand_ins
from headpose.models.backends import Backend
from headpose.models.exported import read_metadata
from headpose.models.formats import digest
from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR
from headpose.pose.estimator import PoseEstimator

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    return saved(small_detector(), tmp_path_factory.mktemp("models") / "detector.keras")


# --------------------------------------------------------------- what is there already


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """A Keras file with the ONNX file that was made from it beside it, and no GPU."""
    for suffix in (".keras", ".onnx"):
        shutil.copy(DEFAULT_ESTIMATOR.with_suffix(suffix), tmp_path / f"e{suffix}")
    monkeypatch.setattr(stand_ins, "is_set_up", lambda: False)
    monkeypatch.setattr(stand_ins, "_has_gpu", lambda: False)
    return tmp_path / "e.keras"


@pytest.mark.parametrize("keras_file", [DEFAULT_DETECTOR, DEFAULT_ESTIMATOR])
def test_the_onnx_files_that_ship_were_made_from_the_keras_files_that_ship(keras_file):
    about = read_metadata(keras_file.with_suffix(".onnx"))
    assert (about.digest, about.precision) == (digest(keras_file), "float32")


@pytest.mark.parametrize(
    ("backend", "taken"),
    [
        (Backend(), ".onnx"),
        (Backend(None, "cpu", "float32"), ".onnx"),
        (Backend("keras"), ".keras"),
        (Backend("opencv"), ".keras"),
        (Backend(None, "gpu"), ".keras"),
        (Backend(None, "auto", "bfloat16"), ".keras"),
    ],
)
def test_the_onnx_file_is_taken_where_nothing_else_is_asked_for(pair, backend, taken):
    assert stand_ins.preferred(pair, backend) == pair.with_suffix(taken)


def test_the_onnx_file_is_left_where_keras_was_set_up(pair, monkeypatch):
    monkeypatch.setattr(stand_ins, "is_set_up", lambda: True)
    assert stand_ins.preferred(pair, Backend()) == pair


def test_the_onnx_file_is_left_where_a_gpu_may_be_used(pair, monkeypatch):
    monkeypatch.setattr(stand_ins, "_has_gpu", lambda: True)
    assert stand_ins.preferred(pair, Backend()) == pair
    assert stand_ins.preferred(pair, Backend(None, "cpu")) == pair.with_suffix(".onnx")


@pytest.mark.parametrize(("hidden", "there"), [("", False), ("-1", False), ("0", True)])
def test_a_hidden_gpu_does_not_count(monkeypatch, hidden, there):
    monkeypatch.setattr(stand_ins.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert stand_ins._has_gpu() is there


def test_the_onnx_file_of_another_model_is_left(pair):
    saved(small_detector(3), pair)
    assert stand_ins.preferred(pair, Backend()) == pair


def test_the_onnx_file_is_left_where_onnx_runtime_is_missing(pair, monkeypatch):
    monkeypatch.setattr(stand_ins.importlib.util, "find_spec", lambda name: None)
    assert stand_ins.preferred(pair, Backend()) == pair


def test_the_demo_that_ships_imports_neither_keras_nor_tensorflow(run_fresh, tmp_path, portrait):
    """A stand-in that cannot be imported takes their places."""
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    output = ["--output", tmp_path / "out", "--device", "cpu"]
    done = run_fresh("demo_image.py", portrait, *output, PYTHONPATH=str(tmp_path))
    assert done.status == 0, done.err
    assert "1 head" in done.out
    done = run_fresh("demo_image.py", portrait, *output, "--backend", "keras", PYTHONPATH=tmp_path)
    assert "imported" in done.err


# ---------------------------------------------------------------------- what is made


def test_a_keras_model_is_exported_once_for_another_runtime(
    detector, cache, noise_picture, capsys, tmp_path
):
    pytest.importorskip("tf2onnx")
    source = tmp_path / "d.keras"
    source.write_bytes(detector.read_bytes())
    picture = noise_picture(200, 200)
    ((boxes, _),) = HeadDetector.load(source, 128, "opencv").detect([picture])
    assert "exported once for opencv" in capsys.readouterr().err
    (file,) = cache.iterdir()
    ((again, _),) = HeadDetector.load(source, 128, "opencv").detect([picture])
    assert capsys.readouterr().err == ""
    np.testing.assert_array_equal(boxes, again)
    # One beside the model comes first; another version of the model is exported anew.
    beside = source.with_name("d.opencv.onnx")
    file.rename(beside)
    assert stand_ins.stand_in(source, "opencv") == beside
    saved(small_detector(2), source)
    assert stand_ins.stand_in(source, "opencv").parent == cache


def test_what_stands_in_was_made_from_the_file_in_float32(cache, detector, monkeypatch, tmp_path):
    source = tmp_path / "d.keras"
    source.write_bytes(detector.read_bytes())
    asked = []
    monkeypatch.setattr(
        "headpose.export.exporter.export", lambda *arguments: asked.append(arguments)
    )
    source.with_suffix(".onnx").write_bytes(b"something else")
    assert stand_ins.stand_in(source, "onnxruntime").parent == cache
    assert [form for _, form, _ in asked] == ["onnx"]


def test_a_missing_model_is_told_before_any_export(cache, tmp_path):
    with pytest.raises(HeadposeError, match="no such model file"):
        PoseEstimator.load(tmp_path / "none.keras", "onnxruntime")


@pytest.mark.parametrize(
    ("detector", "backend", "exported_names"),
    [
        (None, None, []),
        (None, "keras", []),
        (None, "opencv", ["head-detector.keras", "pose-estimator.keras"]),
        ("viola-jones", "opencv", ["pose-estimator.keras"]),
        ("yunet.onnx", "opencv", ["pose-estimator.keras"]),
    ],
)
def test_what_workers_will_need_is_exported_ahead(monkeypatch, detector, backend, exported_names):
    asked = []
    monkeypatch.setattr(stand_ins, "stand_in", lambda path, _: asked.append(path.name))
    export_ahead(argparse.Namespace(detector=detector, estimator=None, backend=backend))
    assert asked == exported_names
