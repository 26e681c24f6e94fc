"""When the eight-bit files of models are run, and what they answer."""

import csv
import shutil

import numpy as np
import pytest

from headpose.detection import second_stage
from headpose.detection.loading import load_detector
from headpose.detection.second_stage import first_stage
from headpose.errors import HeadposeError
from headpose.geometry.angles import geodesic_distances, rotation_matrices
from headpose.images.pictures import read_image
from headpose.models import backends
from headpose.models import resolve as resolving
from headpose.models.backends import Backend
from headpose.models.exported import read_metadata
from headpose.models.formats import default_target, digest
from headpose.models.resolve import open_model, resolve
from headpose.models.shipped import CLASSIFIER_FILE, DEFAULT_DETECTOR, ESTIMATORS, FAST_ESTIMATOR
from headpose.pose.estimator import PoseEstimator

SHIPPED = [CLASSIFIER_FILE, DEFAULT_DETECTOR, *ESTIMATORS.values()]
ENDINGS = (".keras", ".onnx", "-int8.onnx")
FAST_AT_IT = frozenset({"fpu", "avx512_vnni"})


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(backends, "onnxruntime_has_gpu", lambda: False)


@pytest.fixture
def three(tmp_path):
    """A Keras file with the two that were made from it beside it."""
    for ending in ENDINGS:
        shutil.copy(FAST_ESTIMATOR.with_name(f"{FAST_ESTIMATOR.stem}{ending}"), tmp_path)
        (tmp_path / f"{FAST_ESTIMATOR.stem}{ending}").rename(tmp_path / f"e{ending}")
    return tmp_path / "e.keras"


@pytest.mark.parametrize("keras_file", SHIPPED, ids=lambda path: path.stem)
def test_those_that_ship_were_made_from_what_ships(keras_file):
    metadata = read_metadata(default_target(keras_file, "onnx", int8=True))
    assert (metadata.digest, metadata.precision) == (digest(keras_file), "int8")


@pytest.mark.parametrize(
    ("backend", "flags", "ending", "name"),
    [
        (None, FAST_AT_IT, ".onnx", "onnxruntime"),
        (Backend(precision="float32"), FAST_AT_IT, ".onnx", "onnxruntime"),
        (Backend(precision="int8"), frozenset(), "-int8.onnx", "onnxruntime"),
        (Backend("onnxruntime", precision="int8"), frozenset(), "-int8.onnx", "onnxruntime"),
        (Backend(precision="auto"), FAST_AT_IT, "-int8.onnx", "onnxruntime"),
        (Backend(precision="auto"), frozenset({"avx2"}), ".onnx", "onnxruntime"),
        (Backend("keras", precision="auto"), FAST_AT_IT, ".keras", "keras"),
    ],
)
def test_they_are_taken_where_asked_for_or_fast(three, monkeypatch, backend, flags, ending, name):
    monkeypatch.setattr(backends, "cpu_flags", lambda: flags)
    spec = resolve(three, backend)
    assert (spec.path.name, spec.backend.name) == (f"e{ending}", name)


def test_a_gpu_is_asked_in_float32(three, monkeypatch):
    monkeypatch.setattr(backends, "cpu_flags", lambda: FAST_AT_IT)
    monkeypatch.setattr(backends, "onnxruntime_has_gpu", lambda: True)
    assert resolve(three, Backend(precision="auto")).path.name == "e.onnx"
    assert resolve(three, Backend(device="cpu", precision="auto")).path.name == "e-int8.onnx"


@pytest.mark.parametrize("change", ["missing", "stale"])
def test_where_there_is_none_that_is_told_or_float32_taken(three, monkeypatch, change):
    monkeypatch.setattr(backends, "cpu_flags", lambda: FAST_AT_IT)
    beside = three.with_name("e-int8.onnx")
    if change == "missing":
        beside.unlink()
    else:
        shutil.copy(default_target(CLASSIFIER_FILE, "onnx", int8=True), beside)
    told = {
        "missing": r"e.keras: no eight-bit file beside it; .*--int8 PICTURES$",
        "stale": r"e-int8.onnx: damaged, or not made from e.keras .*--int8 PICTURES --overwrite$",
    }
    with pytest.raises(HeadposeError, match=told[change]):
        resolve(three, Backend(precision="int8"))
    assert resolve(three, Backend(precision="auto")).path.name == "e.onnx"


def test_a_file_in_float32_is_not_taken_for_eight_bits(three):
    with pytest.raises(HeadposeError, match="is in float32; leave out --precision int8"):
        resolve(three.with_suffix(".onnx"), Backend(precision="int8"))
    assert resolve(three.with_name("e-int8.onnx"), Backend(precision="int8"))


def test_a_file_in_eight_bits_is_not_taken_for_float32(three):
    beside = three.with_name("e-int8.onnx")
    with pytest.raises(HeadposeError, match="is in int8; leave out --precision float32"):
        resolve(beside, Backend(precision="float32"))
    assert resolve(beside).path == beside


def test_openvino_takes_no_eight_bits_of_onnx(three):
    """Of the detector it makes other boxes, by a tenth of the head."""
    pytest.importorskip("openvino")
    told = r"no eight-bit file beside it; .*--format openvino --int8 PICTURES"
    with pytest.raises(HeadposeError, match=told):
        resolve(three, Backend("openvino", precision="int8"))
    for file in (three.with_name("e-int8.onnx"), default_target(DEFAULT_DETECTOR, "onnx", True)):
        with pytest.raises(HeadposeError, match="OpenVINO computes something else of eight bits"):
            open_model(resolve(file, "openvino"))


def test_who_has_no_home_folder_runs_what_stands_beside(three, monkeypatch):
    def nowhere():
        raise HeadposeError("there is no home folder")

    monkeypatch.setattr(resolving, "cache_folder", nowhere)
    assert resolve(three, "onnxruntime").path == three.with_suffix(".onnx")
    assert load_detector(CLASSIFIER_FILE).spec.backend.name == "onnxruntime"


@pytest.mark.parametrize("options", [{"name": "keras"}, {"name": "litert"}, {"device": "gpu"}])
def test_where_eight_bits_cannot_run_that_is_told(options):
    with pytest.raises(HeadposeError, match="eight bits run on the processor, in onnxruntime"):
        Backend(**options, precision="int8")


def test_both_stages_of_the_detector_take_them():
    detector = load_detector(CLASSIFIER_FILE, backend=Backend(precision="int8"))
    assert detector.spec.path.name == "head-classifier-int8.onnx"
    about = read_metadata(detector.spec.path).spec
    first = first_stage(about, detector.spec.path, detector.spec.backend)
    assert first.path.name == "head-detector-int8.onnx"


def first_of(folder, precision):
    detector = load_detector(folder / "head-classifier-int8.onnx", None, Backend(None, "cpu"))
    asked = Backend("onnxruntime", "cpu", precision)
    return first_stage(read_metadata(detector.spec.path).spec, detector.spec.path, asked).path


def test_both_stages_are_found_without_their_keras_files(tmp_path, monkeypatch):
    monkeypatch.setattr(second_stage, "MODELS", tmp_path)
    for stem in ("head-classifier-int8", "head-detector-int8"):
        shutil.copy(CLASSIFIER_FILE.with_name(f"{stem}.onnx"), tmp_path)
    assert first_of(tmp_path, None) == first_of(tmp_path, "int8") == tmp_path / f"{stem}.onnx"
    shutil.copy(DEFAULT_DETECTOR.with_suffix(".onnx"), tmp_path)
    assert first_of(tmp_path, None).name == "head-detector.onnx"
    assert first_of(tmp_path, "int8").name == "head-detector-int8.onnx"


def test_another_file_of_the_first_stage_s_name_is_passed_over(tmp_path):
    shutil.copy(CLASSIFIER_FILE.with_name("head-classifier-int8.onnx"), tmp_path)
    shutil.copy(FAST_ESTIMATOR, tmp_path / "head-detector.keras")
    assert first_of(tmp_path, "int8") == DEFAULT_DETECTOR.with_name("head-detector-int8.onnx")


@pytest.mark.parametrize("keras_file", ESTIMATORS.values(), ids=ESTIMATORS)
def test_their_rotations_are_near_those_of_float32(keras_file, portrait):
    """The portrait's head, as it is and moved; 5 degrees are allowed for the worst of many."""
    plain = PoseEstimator.load(keras_file)
    eight = PoseEstimator.load(keras_file, Backend(precision="int8"))
    from headpose.geometry.crops import head_crops

    boxes = [(150 + x, 30 + y, 360 + x, 320 + y) for x in (-20, 0, 20) for y in (-20, 0, 20)]
    crops = head_crops(read_image(portrait), boxes, **plain.crop_options)
    told = [e.estimate_all(crops)[:, :3] for e in (plain, eight)]
    assert (told[0] != told[1]).any()
    apart = geodesic_distances(*map(rotation_matrices, told))
    assert apart.mean() < 1
    assert apart.max() < 5


def test_the_command_takes_them(run_script, tmp_path, portrait):
    rows = []
    for precision in ("float32", "int8"):
        table = tmp_path / f"{precision}.csv"
        options = ["--precision", precision, "--csv", table, "--output", tmp_path / precision]
        done = run_script("demo_image.py", portrait, *options)
        assert done.status == 0, done.err
        (row,) = csv.DictReader(table.open())
        rows.append([float(row[name]) for name in ("xmin", "ymin", "xmax", "ymax", "pan", "tilt")])
    plain, eight = np.array(rows)
    assert (plain != eight).any()
    # The head is 210 pixels wide.
    np.testing.assert_allclose(eight[:4], plain[:4], atol=6)
    np.testing.assert_allclose(eight[4:], plain[4:], atol=3)


def test_a_model_without_them_is_told_by_the_command(run_script, tmp_path, portrait, three):
    three.with_name("e-int8.onnx").unlink()
    options = ["--estimator", three, "--precision", "int8", "--output", tmp_path / "out"]
    done = run_script("demo_image.py", portrait, *options)
    assert done.status == 1
    assert "e.keras: no eight-bit file beside it" in done.err
    assert len(done.err.splitlines()) == 1
