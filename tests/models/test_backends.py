import sys

import numpy as np
import pytest
from small_models import (
    exported,
    mirroring_estimator,
    random_crops,
    saved,
    small_estimator,
)

from headpose.detection.head_detector import HeadDetector
from headpose.detection.loading import load_detector
from headpose.errors import HeadposeError
from headpose.geometry.boxes import match
from headpose.images.pictures import read_image
from headpose.models import sessions
from headpose.models.backends import Backend
from headpose.models.exported import read_metadata
from headpose.models.formats import FORMATS
from headpose.models.resolve import open_model, resolve
from headpose.pose.estimator import PoseEstimator

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("full_precision"),
]

# Each format with the runtimes that must agree on it with Keras.
RUNS = [
    ("onnx", "onnxruntime"),
    ("onnx", "openvino"),
    ("opencv", "opencv"),
    ("openvino", "openvino"),
    ("litert", "litert"),
    ("saved_model", "keras"),
]
NEEDED = {"onnxruntime": "onnxruntime", "openvino": "openvino", "litert": "ai_edge_litert"}
ESTIMATORS = {"two": (2, 1), "three in colour": (3, 3), "mirroring": (6, 1)}


@pytest.fixture(scope="module")
def estimators(model_folder):
    return {
        name: saved(
            mirroring_estimator() if name == "mirroring" else small_estimator(*options),
            model_folder / f"{name.replace(' ', '-')}.keras",
        )
        for name, options in ESTIMATORS.items()
    }


@pytest.fixture(scope="module")
def export_once():
    """Exports each model to each format once; skips where a package is missing."""
    done = {}

    def give(source, form, backend=None):
        for name in {*FORMATS[form].packages, NEEDED.get(backend, "numpy")}:
            pytest.importorskip(name)
        if (source, form) not in done:
            done[source, form] = exported(source, form)
        return done[source, form]

    return give


@pytest.mark.parametrize(("form", "backend"), RUNS)
def test_every_runtime_finds_the_heads_that_keras_finds(
    detector_file, export_once, noise_picture, form, backend
):
    file = export_once(detector_file, form, backend)
    pictures = [noise_picture(300, 200, 1), noise_picture(200, 300, 2), noise_picture(300, 200, 3)]
    expected = HeadDetector.load(detector_file, 128).detect(pictures)
    found = HeadDetector.load(file, 128, Backend(backend, trusted=True)).detect(pictures)
    for (boxes, scores), (others, other_scores) in zip(expected, found, strict=True):
        assert len(boxes) == len(others) > 3
        # Heads that score alike may change places.
        rows, columns = match(others, boxes, 0.9)
        assert len(rows) == len(boxes)
        np.testing.assert_allclose(others[rows], boxes[columns], atol=0.05)
        np.testing.assert_allclose(other_scores[rows], scores[columns], atol=1e-4)


@pytest.mark.parametrize(
    ("name", "form", "backend"),
    [("mirroring", *run) for run in RUNS]
    + [("two", "onnx", "onnxruntime"), ("two", "opencv", "opencv")]
    + [("three in colour", "onnx", "onnxruntime"), ("three in colour", "opencv", "opencv")],
)
def test_every_runtime_gives_the_angles_that_keras_gives(
    estimators, export_once, name, form, backend
):
    file = export_once(estimators[name], form, backend)
    original, other = (
        PoseEstimator.load(estimators[name]),
        PoseEstimator.load(file, Backend(backend, trusted=True)),
    )
    assert other.crop_options == original.crop_options
    outputs, channels = ESTIMATORS[name]
    crops = random_crops(33, channels)
    expected = original.estimate_all(crops)
    assert np.ptp(expected[:, 1]) > 5  # else agreeing were no feat
    for count in (0, 1, 3, 33, 1):
        found = other.estimate_all(crops[:count])
        assert found.shape == (count, outputs)
        apart = (found - expected[:count] + 180) % 360 - 180
        np.testing.assert_allclose(apart, 0, atol=0.05)


@pytest.mark.parametrize(
    ("form", "backend"), [(form, chosen.backend) for form, chosen in FORMATS.items()]
)
def test_a_file_is_run_by_what_it_is_for(detector_file, export_once, form, backend):
    file = export_once(detector_file, form)
    assert open_model(resolve(file, Backend(trusted=True))).backend == backend
    assert HeadDetector.load(file, backend=Backend(trusted=True)).confidence == 0.5


@pytest.mark.parametrize(
    ("form", "backend", "told"),
    [
        ("onnx", "litert", "litert does not run .onnx files"),
        ("onnx", "keras", "keras does not run .onnx files"),
        ("onnx", "opencv", "headpose export detector.keras --format opencv"),
        ("saved_model", "onnxruntime", "onnxruntime does not run a SavedModel"),
    ],
)
def test_a_runtime_for_another_format_is_told(detector_file, export_once, form, backend, told):
    file = export_once(detector_file, form)
    with pytest.raises(HeadposeError, match=told):
        HeadDetector.load(file, backend=backend)


def test_models_of_the_other_kind_are_told(detector_file, estimators, export_once):
    with pytest.raises(HeadposeError, match="not a pose estimator"):
        PoseEstimator.load(export_once(detector_file, "opencv"))
    with pytest.raises(HeadposeError, match="not a head detector"):
        HeadDetector.load(export_once(estimators["mirroring"], "opencv"))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.onnx", b"not a model", "not an ONNX file"),
        ("x.onnx", b"", "not an ONNX file"),
        ("x.onnx", b"\x08\x07", "not a model that headpose export wrote"),
        ("x.tflite", b"not a model", "not a model that headpose export wrote"),
        ("x.xml", b"<net>", "not a model that headpose export wrote"),
        ("x.xml", b"<net/>", "not a model that headpose export wrote"),
    ],
)
def test_files_of_others_are_told(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(HeadposeError, match=told) as raised:
        PoseEstimator.load(tmp_path / name)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["x.onnx", "x.tflite", "x.xml"])
def test_missing_files_are_told(tmp_path, name):
    for load in (PoseEstimator.load, HeadDetector.load):
        with pytest.raises(HeadposeError, match="no such model file"):
            load(tmp_path / name)


def test_a_folder_of_something_else_is_told(tmp_path):
    with pytest.raises(HeadposeError, match="not a model that headpose export wrote"):
        HeadDetector.load(tmp_path)


def test_an_onnx_file_without_our_description_is_taken_for_yunet(
    tmp_path, detector_file, export_once
):
    other = tmp_path / "other.onnx"
    other.write_bytes(b"\x08\x07")  # an ONNX file with nothing but its version
    with pytest.raises(HeadposeError, match="YuNet"):
        load_detector(other)
    assert isinstance(load_detector(export_once(detector_file, "opencv")), HeadDetector)


@pytest.mark.parametrize(("form", "backend"), [("onnx", "onnxruntime"), ("opencv", "opencv")])
def test_damage_beside_the_description_is_told(
    tmp_path, detector_file, export_once, capfd, form, backend
):
    whole = export_once(detector_file, form).read_bytes()
    file = tmp_path / "damaged.onnx"
    file.write_bytes(whole.replace(b"Conv", b"Vonc"))
    assert read_metadata(file) is not None
    with pytest.raises(HeadposeError, match=f"{backend} cannot read it") as told:
        HeadDetector.load(file)
    assert "\n" not in str(told.value)
    assert capfd.readouterr().err == ""


def test_a_description_of_another_layout_is_told(tmp_path, detector_file, export_once):
    file = tmp_path / "newer.onnx"
    file.write_bytes(
        export_once(detector_file, "opencv")
        .read_bytes()
        .replace(b'"headpose": 1', b'"headpose": 9')
    )
    with pytest.raises(HeadposeError, match="export it anew"):
        load_detector(file)


@pytest.mark.parametrize(
    ("form", "module", "told"),
    [
        ("onnx", "onnxruntime", "onnxruntime is not installed; pip install headpose-toolkit"),
        ("openvino", "openvino", r"openvino is not .* 'headpose-toolkit\[export\]'"),
        (
            "litert",
            "ai_edge_litert.interpreter",
            r"ai-edge-litert is not .* 'headpose-toolkit\[export\]'",
        ),
    ],
)
def test_a_missing_package_is_named(detector_file, export_once, monkeypatch, form, module, told):
    file = export_once(detector_file, form)
    monkeypatch.setitem(sys.modules, module, None)  # has the import fail
    with pytest.raises(HeadposeError, match=told):
        HeadDetector.load(file)


@pytest.mark.parametrize(
    ("form", "options", "told"),
    [
        ("opencv", {"device": "gpu"}, "leave out --device gpu"),
        ("litert", {"device": "gpu"}, "leave out --device gpu"),
        ("opencv", {"precision": "bfloat16"}, "leave out --precision bfloat16"),
        ("onnx", {"precision": "bfloat16"}, "--backend openvino"),
    ],
)
def test_what_a_runtime_cannot_do_is_told(detector_file, export_once, form, options, told):
    file = export_once(detector_file, form)
    with pytest.raises(HeadposeError, match=told):
        HeadDetector.load(file, backend=Backend(**options))


def test_what_a_runtime_cannot_do_is_told_before_any_export(run_script, cache):
    done = run_script(
        "demo_image.py", "--backend", "opencv", "--device", "gpu", "--output", cache.parent
    )
    assert done.status == 1
    assert len(done.err.splitlines()) == 1
    assert not cache.exists()


def test_an_unknown_runtime_is_refused():
    with pytest.raises(HeadposeError, match="onnxruntime"):
        Backend.of("caffe")


def test_threads_are_those_that_the_environment_allows(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert sessions.thread_count() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert sessions.thread_count() == 0


# ----------------------------------------------------------------------- the scripts


@pytest.mark.parametrize(
    ("form", "options"),
    [("onnx", []), ("opencv", ["--backend", "opencv", "--precision", "float32"])],
)
def test_a_demo_on_exported_models_imports_neither_keras_nor_tensorflow(
    run_fresh, detector_file, estimators, export_once, tmp_path, portrait, form, options
):
    """A stand-in that cannot be imported takes their places."""
    models = [export_once(path, form) for path in (detector_file, estimators["mirroring"])]
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    chosen = ["--detector", models[0], "--estimator", models[1], "--output", tmp_path / "out"]
    done = run_fresh("demo_image.py", portrait, *chosen, *options, PYTHONPATH=str(tmp_path))
    assert done.status == 0, done.err
    assert done.err == ""
    assert (tmp_path / "out" / portrait.name).exists()


def test_a_runtime_that_there_is_not_is_a_usage_error(run_script):
    done = run_script("demo_image.py", "--backend", "caffe")
    assert done.status == 2
    assert "onnxruntime" in done.err


def test_the_shipped_models_see_the_same_in_onnx_runtime(cache, portrait):
    for name in FORMATS["onnx"].packages:
        pytest.importorskip(name)
    from headpose.pipeline import load_pipeline

    picture = read_image(portrait)
    ((expected,),) = load_pipeline(backend="keras")([picture])
    ((head,),) = load_pipeline(backend="onnxruntime")([picture])
    np.testing.assert_allclose(head.box, expected.box, atol=0.5)
    assert head.score == pytest.approx(expected.score, abs=0.005)
    for name in ("tilt", "pan", "roll", "azimuth", "elevation"):
        assert getattr(head, name) == pytest.approx(getattr(expected, name), abs=0.1)
