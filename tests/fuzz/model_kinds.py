"""The kinds of model files that are read from strangers: a small good one, and what reads it."""

import contextlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_files

from headpose.errors import HeadposeError


def _onnx(path: Path) -> None:
    from headpose.models.metadata import ModelMetadata
    from headpose.models.specs import EstimatorSpec

    weights = [np.full((3, 6), 0.01)]
    onnx_files.write_linear(path, weights, [np.zeros(6)])
    told = ModelMetadata(EstimatorSpec(64, 3, 6), "a.keras", "0" * 64).to_json()
    entry = onnx_files.field(1, "headpose") + onnx_files.field(2, told)
    path.write_bytes(path.read_bytes() + onnx_files.field(14, entry))


def _read_onnx(path: Path) -> None:
    from headpose.models.backends import Backend
    from headpose.models.exported import open_exported, read_metadata
    from headpose.models.onnx_header import read_inputs

    metadata = read_metadata(path)
    read_inputs(path)
    if metadata is not None:
        network = open_exported(path, Backend("onnxruntime", "cpu"), metadata)
        shape = network.spec.input_shape[1:]
        with contextlib.suppress(HeadposeError):  # the good one has another order of axes
            network.call(np.zeros((1, *(n or 64 for n in shape)), np.float32))


def _keras(path: Path) -> None:
    import h5py

    from headpose.models.keras_archive import CONFIG, WEIGHTS

    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        file.create_dataset("layers/dense/vars/0", data=np.ones((8, 4), np.float32))
    layer = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 4}}
    config = {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {"layers": [layer] * 3},
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CONFIG, json.dumps(config))
        archive.writestr(WEIGHTS, data.getvalue())


def _read_keras(path: Path) -> None:
    from headpose.models.keras_archive import check_archive

    check_archive(path)


def _h5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array(["dense_1"], "S")
        group = file.create_group("dense_1")
        group.attrs["weight_names"] = np.array(["dense_1/kernel:0"], "S")
        group["dense_1/kernel:0"] = np.ones((8, 4), np.float32)


def _read_h5(path: Path) -> None:
    from headpose.convert.keras2 import read_weights

    read_weights(path)


def _described(path: Path) -> str:
    from headpose.models.metadata import ModelMetadata
    from headpose.models.specs import DetectorSpec

    levels = ((8, ((10.0, 12.0),)),)
    spec = DetectorSpec(None, None, 0.5, levels, (0.1, 0.1, 0.2, 0.2))
    return ModelMetadata(spec, "a.keras", "0" * 64).to_json()


def _tflite(path: Path) -> None:
    from headpose.models.exported import LITERT_FILE

    path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(64))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(LITERT_FILE, _described(path))


def _openvino(path: Path) -> None:
    from xml.sax.saxutils import quoteattr

    told = quoteattr(_described(path))
    path.write_text(f'<net name="x"><layers/><rt_info><headpose value={told}/></rt_info></net>')


def _read_metadata(path: Path) -> None:
    from headpose.models.exported import read_metadata

    read_metadata(path)


# Name: the file's name, what writes a good one, and what reads it.
MODEL_KINDS: dict[str, tuple[str, Callable[[Path], None], Callable[[Path], None]]] = {
    "onnx": ("x.onnx", _onnx, _read_onnx),
    "keras": ("x.keras", _keras, _read_keras),
    "h5": ("x.h5", _h5, _read_h5),
    "tflite": ("x.tflite", _tflite, _read_metadata),
    "openvino xml": ("x.xml", _openvino, _read_metadata),
}
