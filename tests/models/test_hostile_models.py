"""Model files of strangers: refused in a sentence before anything of them is built or run."""

import importlib.util
import io
import itertools
import json
import os
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import onnx_files
import pytest

from headpose.errors import HeadposeError
from headpose.models.answers import checked_detector, checked_estimator
from headpose.models.backends import Backend, open_session
from headpose.models.exported import read_metadata
from headpose.models.keras_archive import CONFIG, OWN_LAYERS, WEIGHTS, check_archive
from headpose.models.metadata import ModelMetadata
from headpose.models.onnx_header import refuse_external_data
from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR
from headpose.models.specs import DetectorSpec, EstimatorSpec

DETECTOR = DetectorSpec(None, None, 0.5, ((8, ((10.0, 12.0), (20.0, 24.0))),), (0.1, 0.1, 0.2, 0.2))
ESTIMATOR = EstimatorSpec(64, 3, 6, "short", 1.2, (0.2, 0.5, 10.0))


def described(spec) -> dict:
    return json.loads(ModelMetadata(spec, "a.keras", "0" * 64).to_json())


# -------------------------------------------------------------------------------- descriptions


@pytest.mark.parametrize("spec", [DETECTOR, ESTIMATOR])
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


@pytest.mark.parametrize("spec", [DETECTOR, ESTIMATOR])
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


# ----------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    "answer",
    [
        [np.zeros((1, 6))] * 2,
        [np.zeros((1, 5))],
        [np.zeros((2, 6))],
        [np.full((1, 6), np.nan)],
        [np.full((1, 6), np.inf)],
        [],
    ],
)
def test_an_estimators_answer_is_checked(answer):
    with pytest.raises(HeadposeError, match=r"m\.onnx"):
        checked_estimator(lambda batch: answer, 6, "m.onnx")(np.zeros((1, 64, 64, 3), "f4"))


@pytest.mark.parametrize(
    ("boxes", "scores"),
    [
        (np.zeros((1, 5, 4)), np.full((1, 5), np.nan)),
        (np.zeros((1, 5, 4)), np.full((1, 5), 7.0)),
        (np.full((1, 5, 4), np.inf), np.full((1, 5), 0.5)),
        (np.zeros((1, 4, 4)), np.zeros((1, 5))),
        (np.zeros((1, 5)), np.zeros((1, 5))),
        (np.zeros((2, 5, 4)), np.zeros((2, 5))),
    ],
)
def test_a_detectors_answer_is_checked(boxes, scores):
    with pytest.raises(HeadposeError, match=r"m\.onnx"):
        checked_detector(lambda batch: [boxes, scores], "m.onnx")(np.zeros((1, 64, 64, 3), "f4"))


def test_boxes_that_nobody_takes_may_overflow():
    answer = [np.full((1, 1, 4), np.inf), np.zeros((1, 1))]
    assert checked_detector(lambda batch: answer, "m")(np.zeros((1, 8, 8, 3), "f4"))


def test_an_error_of_a_backend_is_one_sentence():
    def call(batch):
        raise RuntimeError("[ShapeInferenceError] first\nsecond")

    with pytest.raises(
        HeadposeError, match=r"^m: cannot be run \(\[ShapeInferenceError\] first\)$"
    ):
        checked_estimator(call, 6, "m")(np.zeros((1, 64, 64, 3), "f4"))


# -------------------------------------------------------------------------------------- ONNX


def external(location: str) -> bytes:
    entry = onnx_files.field(1, "location") + onnx_files.field(2, location)
    return onnx_files.field(14, 1) + onnx_files.field(13, entry)


@pytest.mark.parametrize("deep", [False, True])
def test_weights_in_other_files_are_refused(tmp_path, deep):
    """Also those of a graph in an attribute of a node, and through a hard link."""
    (tmp_path / "secret").write_bytes(b"\0" * 64)
    os.link(tmp_path / "secret", tmp_path / "weights.bin")
    tensor = onnx_files.field(8, "w") + external("weights.bin")
    graph = onnx_files.field(5, tensor)
    if deep:
        attribute = onnx_files.field(5, onnx_files.field(6, graph))
        graph = onnx_files.field(1, attribute)
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_files.field(1, 7) + onnx_files.field(7, graph))
    with pytest.raises(HeadposeError, match="weights lie in other files"):
        refuse_external_data(path)
    for backend in ("onnxruntime", "opencv", "openvino"):
        with pytest.raises(HeadposeError, match="weights lie in other files"):
            open_session(path, Backend(backend))


def test_what_ships_is_one_file():
    for model in (DEFAULT_DETECTOR, DEFAULT_ESTIMATOR):
        refuse_external_data(model.with_suffix(".onnx"))


def test_graphs_in_graphs_without_end_are_refused(tmp_path):
    graph = b""
    for _ in range(200):
        graph = onnx_files.field(1, onnx_files.field(5, onnx_files.field(6, graph)))
    (tmp_path / "m.onnx").write_bytes(onnx_files.field(7, graph))
    with pytest.raises(HeadposeError, match="not an ONNX file"):
        refuse_external_data(tmp_path / "m.onnx")


@pytest.mark.parametrize("name", ["m.onnx", "m.xml", "m.tflite", "m.keras"])
def test_a_pipe_is_no_model_and_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    start = time.monotonic()
    with pytest.raises(HeadposeError, match="no regular file"):
        read_metadata(tmp_path / name)
    with pytest.raises(HeadposeError, match="no such file"):
        refuse_external_data(tmp_path / name)
    assert time.monotonic() - start < 10


def test_entities_that_multiply_and_odd_encodings_are_no_model(tmp_path):
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    for text in (
        f'<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><x>&a11;</x>',
        '<?xml version="1.0" encoding="nonsense"?><x/>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    ):
        (tmp_path / "m.xml").write_text(text)
        assert read_metadata(tmp_path / "m.xml") is None


def test_a_saved_model_is_a_program_and_asks_for_trust(tmp_path):
    with pytest.raises(HeadposeError, match="--trust-model"):
        open_session(tmp_path, Backend("keras"))


# -------------------------------------------------------------------------------------- Keras


def weights(**datasets) -> bytes:
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        for name, value in datasets.items():
            file.create_dataset(name, data=value)
    return data.getvalue()


def write_keras(path, config, content: bytes | None = None, **more: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(CONFIG, config if isinstance(config, str) else json.dumps(config))
        archive.writestr(WEIGHTS, weights(a=np.zeros(3)) if content is None else content)
        for name, data in more.items():
            archive.writestr(name, data)


def layer(name, module="keras.layers", **config) -> dict:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def model(*layers) -> dict:
    return layer("Functional", "keras.src.models.functional", layers=list(layers))


def test_what_ships_passes():
    for path in (DEFAULT_DETECTOR, DEFAULT_ESTIMATOR):
        check_archive(path)


def test_every_layer_of_our_own_is_known():
    from headpose.models.keras_files import LAYER_MODULES

    named = set()
    for module in LAYER_MODULES:
        source = importlib.util.find_spec(module).origin
        lines = Path(source).read_text(encoding="utf-8").splitlines()
        for line, after in itertools.pairwise(lines):
            if "register_keras_serializable" in line and after.startswith("class"):
                named.add(after.removeprefix("class ").partition("(")[0])
    assert named <= OWN_LAYERS


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (model(layer("Lambda", function="x")), "Lambda, which is not opened"),
        (model(layer("TFSMLayer", filepath="/etc")), "TFSMLayer, which is not opened"),
        (model(layer("system", "os")), "os.system, which is not opened"),
        (model(layer("Conv2D", "my.layers")), "my.layers.Conv2D, which is not opened"),
        (model(layer("function", "builtins")), "function, which is not opened"),
        (model(layer("__lambda__", None)), "__lambda__, which is not opened"),
        (model(layer("StringLookup", vocabulary="/etc/passwd")), "StringLookup, which is not"),
        (model(layer("Dense", deeper=[{"x": layer("Lambda")}])), "Lambda, which is not opened"),
        ({**layer("X"), "registered_name": "headpose>Evil"}, "does not know"),
        (model(layer("Dense", units=10**9)), "units"),
        (model(layer("Dense", units=-1)), "units"),
        (model(layer("Conv2D", filters=8, kernel_size=[9999, 3])), "kernel_size"),
        (model(layer("UpSampling2D", size=[10**6, 1])), "size"),
        (model(*[layer("ReLU")] * 21_000), "layers"),
        ("{", "damaged"),
        ("[" * 100_000, "nested too deep"),
        (json.dumps({"a": 1})[:-1] + ',"b":' + "[" * 200 + "]" * 200 + "}", "nested too deep"),
        ({"class_name": ["Dense"], "module": "keras.layers"}, "something else than a text"),
    ],
)
def test_only_listed_layers_of_bounded_size_are_built(tmp_path, config, told):
    write_keras(tmp_path / "m.keras", config)
    with pytest.raises(HeadposeError, match=told):
        check_archive(tmp_path / "m.keras")


def test_archives_hold_nothing_else(tmp_path):
    for name in ("../../evil.py", "assets/x", "model.weights.h5.bak"):
        write_keras(tmp_path / "m.keras", model(), **{name: b"x"})
        with pytest.raises(HeadposeError, match="no model of ours has"):
            check_archive(tmp_path / "m.keras")


def test_bombs_are_not_unpacked(tmp_path):
    write_keras(tmp_path / "m.keras", " " * 17_000_000)
    with pytest.raises(HeadposeError, match="too much"):
        check_archive(tmp_path / "m.keras")
    data = io.BytesIO()
    with h5py.File(data, "w") as file:  # a million million zeros in no space at all
        file.create_dataset("a", (10**6, 10**6), chunks=(1000, 1000), compression="gzip")
    write_keras(tmp_path / "m.keras", model(), data.getvalue())
    with pytest.raises(HeadposeError, match="more than the file holds"):
        check_archive(tmp_path / "m.keras")


def test_weights_do_not_reach_for_other_files(tmp_path):
    for kind in ("external", "soft", "stored outside"):
        data = io.BytesIO()
        with h5py.File(data, "w") as file:
            if kind == "external":
                file["a"] = h5py.ExternalLink("/etc/secret.h5", "/x")
            elif kind == "soft":
                file["a"] = h5py.SoftLink("/b")
            else:
                file.create_dataset("a", (4,), "u1", external=[("/etc/hostname", 0, 4)])
        write_keras(tmp_path / "m.keras", model(), data.getvalue())
        with pytest.raises(HeadposeError, match=r"other (places|files)"):
            check_archive(tmp_path / "m.keras")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18, b"x" * 999])
def test_what_is_no_archive_is_told(tmp_path, content):
    (tmp_path / "m.keras").write_bytes(content)
    with pytest.raises(HeadposeError, match=r"damaged|not a Keras model"):
        check_archive(tmp_path / "m.keras")
