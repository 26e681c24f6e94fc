"""Models that are none, are hostile, or describe what cannot be."""

import json
import zipfile
from pathlib import Path

import numpy as np
import onnx_files

from headpose.models.metadata import ModelMetadata
from headpose.models.shipped import DEFAULT_ESTIMATOR
from headpose.models.specs import DetectorSpec, EstimatorSpec

MODELS = {
    "nowhere.keras": "a missing file",
    "": "an empty name",
    "{long}.keras": "a name of 300 letters",
    "folder": "a folder",
    "pipe": "a named pipe",
    "loop": "a link to itself",
    "gone": "a link to nothing",
    "/dev/zero": "an endless device",
    "empty.keras": "an empty .keras",
    "text.keras": "text called .keras",
    "half.keras": "half of a .keras",
    "lambda.keras": "a .keras with a Lambda layer",
    "lookup.keras": "a .keras that looks up a file",
    "escape.keras": "a .keras with a path upwards",
    "bomb.keras": "a .keras that is a zip bomb",
    "huge.keras": "a .keras with a billion units",
    "empty.onnx": "an empty .onnx",
    "text.onnx": "text called .onnx",
    "half.onnx": "half of an .onnx",
    "external.onnx": "an .onnx with weights elsewhere",
    "deep.onnx": "an .onnx of graphs in graphs",
    "empty.tflite": "an empty .tflite",
    "text.tflite": "text called .tflite",
    "empty.xml": "an empty .xml",
    "laughs.xml": "an .xml with entities that multiply",
    "odd.xml": "an .xml in an unknown encoding",
    "program": "a SavedModel",
    "text.h5": "text called .h5",
}
# Changes of a description: of a detector, and of an estimator.
DETECTOR_CHANGES = {
    "nan-confidence": ("confidence", float("nan")),
    "no-priors": ("priors", []),
    "negative-stride": ("priors", [{"stride": -8, "shapes": [[9, 9]]}]),
    "huge-stride": ("priors", [{"stride": 10**9, "shapes": [[9, 9]]}]),
    "no-variances": ("variances", [0, 0, 0, 0]),
    "zero-size": ("input", {"shape": [None, 0, 0, 3]}),
}
ESTIMATOR_CHANGES = {
    "zero-size": ("input", {"shape": [None, 0, 0, 3]}),
    "million-size": ("input", {"shape": [None, 10**6, 10**6, 3]}),
    "other-size": ("input", {"shape": [None, 65, 65, 3]}),
    "negative-margin": ("crop", {"side": "short", "margin": -1}),
    "unknown-side": ("crop", {"side": "diagonal", "margin": 1}),
    "other-measures": ("measures", ["pan", "tilt"]),
    "rotation-without-names": ("rotation", [0.2, 0.5, 10]),
}


def _archive(path: Path, config: object, **more: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n")
        for name, data in more.items():
            archive.writestr(name, data)


def _layer(name: str, **config: object) -> dict:
    layer = {"module": "keras.layers", "class_name": name, "config": config}
    inside = {"layers": [layer]}
    return {"module": "keras.src.models.functional", "class_name": "Functional", "config": inside}


def write_models(folder: Path) -> None:
    for suffix in ("keras", "onnx", "tflite", "xml"):
        (folder / f"empty.{suffix}").touch()
    for suffix in ("keras", "onnx", "tflite", "h5"):
        (folder / f"text.{suffix}").write_text("I am no model")
    for suffix in ("keras", "onnx"):
        whole = DEFAULT_ESTIMATOR.with_suffix(f".{suffix}").read_bytes()
        (folder / f"half.{suffix}").write_bytes(whole[: len(whole) // 2])
    _archive(folder / "lambda.keras", _layer("Lambda", function="evil"))
    _archive(folder / "lookup.keras", _layer("StringLookup", vocabulary="/etc/passwd"))
    _archive(folder / "escape.keras", _layer("Dense"), **{"../../evil.py": b""})
    _archive(folder / "bomb.keras", " " * 20_000_000)
    _archive(folder / "huge.keras", _layer("Dense", units=10**9))
    entry = onnx_files.field(1, "location") + onnx_files.field(2, "../secret")
    tensor = onnx_files.field(14, 1) + onnx_files.field(13, entry)
    told = ModelMetadata(EstimatorSpec(64, 3, 6), "a.keras", "0" * 64).to_json()
    described = onnx_files.field(1, "headpose") + onnx_files.field(2, told)
    graph = onnx_files.field(7, onnx_files.field(5, tensor))
    (folder / "external.onnx").write_bytes(graph + onnx_files.field(14, described))
    inner = b""
    for _ in range(200):
        inner = onnx_files.field(1, onnx_files.field(5, onnx_files.field(6, inner)))
    (folder / "deep.onnx").write_bytes(onnx_files.field(7, inner) + onnx_files.field(14, described))
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    (folder / "laughs.xml").write_text(f'<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><x>&a11;</x>')
    (folder / "odd.xml").write_text('<?xml version="1.0" encoding="nonsense"?><x/>')
    (folder / "program" / "assets.extra").mkdir(parents=True)
    (folder / "program" / "saved_model.pb").touch()
    (folder / "program" / "assets.extra" / "headpose.json").write_text(told)
    detector = DetectorSpec(None, None, 0.5, ((8, ((9.0, 9.0),)),), (0.1, 0.1, 0.2, 0.2))
    for spec, kind, changes in (
        (detector, "detector", DETECTOR_CHANGES),
        (EstimatorSpec(64, 3, 6), "estimator", ESTIMATOR_CHANGES),
    ):
        for name, (field, value) in changes.items():
            content = json.loads(ModelMetadata(spec, "a.keras", "0" * 64).to_json())
            content[field] = value
            _described(folder / f"{kind}-{name}.onnx", json.dumps(content))
        told = ModelMetadata(spec, "a.keras", "0" * 64).to_json()
        _described(folder / f"{kind}-other-network.onnx", told)
        _described(folder / f"{kind}-deep-json.onnx", "[" * 5000)


def _described(path: Path, text: str) -> None:
    onnx_files.write_linear(path, [np.full((3, 6), 0.01)], [np.zeros(6)])
    entry = onnx_files.field(1, "headpose") + onnx_files.field(2, text)
    path.write_bytes(path.read_bytes() + onnx_files.field(14, entry))
