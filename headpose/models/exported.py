"""Exported models: telling what a file is, and opening it in a backend.

Nothing here imports Keras or TensorFlow, except for a SavedModel.
"""

from pathlib import Path

import numpy as np

from headpose.errors import HeadposeError, reason
from headpose.files import is_regular
from headpose.models.backends import READS, Backend
from headpose.models.decoding import decode_angles, decode_boxes
from headpose.models.metadata import ModelMetadata
from headpose.models.network import Network, checked_network
from headpose.models.onnx_header import read_property
from headpose.models.schema import MAX_TEXT
from headpose.models.sessions import Call, open_session
from headpose.models.specs import DETECTOR, ClassifierSpec, DetectorSpec

KEY = "headpose"  # under which a file holds its description
SAVED_MODEL_FILE = "assets.extra/headpose.json"  # TensorFlow's folder for what others add
LITERT_FILE = "headpose.json"  # in the archive behind the network, as LiteRT's metadata are
SUFFIXES = (".onnx", ".xml", ".tflite")


def is_exported(path: str | Path) -> bool:
    """Tells files and folders of exported models from those of Keras, by their names."""
    path = Path(path)
    return path.suffix.lower() in SUFFIXES or path.is_dir()


def read_metadata(path: str | Path) -> ModelMetadata | None:
    """Returns what an exported model tells of itself; None if it is none of ours.

    Raises:
        HeadposeError: If the file is missing, damaged, or of a newer version of this project.
    """
    path = Path(path)
    if not path.exists():
        raise HeadposeError(f"{path}: no such model file")
    if not path.is_dir() and not is_regular(path):
        raise HeadposeError(f"{path}: no regular file (a pipe or a device), no model")
    reader = {".onnx": _of_onnx, ".xml": _of_openvino, ".tflite": _of_litert}
    text = reader.get(path.suffix.lower(), _of_saved_model)(path)
    if text is None:
        return None
    try:
        return ModelMetadata.from_json(text)
    except ValueError as error:
        raise HeadposeError(
            f"{path}: its description cannot be read ({error}); export it anew"
        ) from error


def backend_for(path: str | Path, backend: Backend, metadata: ModelMetadata) -> Backend:
    """Returns a backend with a name: the one asked for, or the one that a file is for.

    Args:
        path: An exported model.
        backend: With or without a name.
        metadata: What the file tells of itself.

    Raises:
        HeadposeError: If the one asked for cannot run such files.
    """
    path = Path(path)
    suffix = "" if path.is_dir() else path.suffix.lower()
    if backend.name is None:
        name = next((n for n in READS if READS[n][0] == suffix), "keras")
        if suffix == ".onnx" and not metadata.decoded:
            name = "opencv"
        return backend.named(name)
    if suffix not in READS[backend.name]:
        what = f"{suffix} files" if suffix else "a SavedModel"
        raise HeadposeError(f"{path}: {backend.name} does not run {what}; leave out --backend")
    return backend


def open_exported(path: Path, backend: Backend, metadata: ModelMetadata) -> Network:
    """Opens an exported model.

    Args:
        path: The file or folder.
        backend: With a name.
        metadata: What the file tells of itself.

    Raises:
        HeadposeError: If it cannot be run.
    """
    if backend.name == "opencv" and metadata.decoded:
        raise HeadposeError(
            f"{path}: has operations that OpenCV does not know; "
            f"write one for it: headpose export {metadata.source} --format opencv"
        )
    if (
        backend.name == "openvino"
        and path.suffix.lower() == ".onnx"
        and metadata.precision == "int8"
    ):
        # OpenVINO 2026.4 moves the boxes of the detector that ships by a tenth of a head.
        raise HeadposeError(
            f"{path}: OpenVINO computes something else of eight bits in ONNX; leave out --backend "
            f"or write one for it: headpose export {metadata.source} --format openvino --int8 …"
        )
    call = open_session(path, backend)
    if backend.name == "opencv" and metadata.spec.kind == DETECTOR:
        # Its importer keeps to the batch of the file where SSD512 changes shapes, or dies.
        call = _one_by_one(call)
    name = backend.name or ""
    return checked_network(metadata.spec, _decoded(call, metadata), name, str(path))


def _one_by_one(call: Call) -> Call:
    def calls(batch: np.ndarray) -> list[np.ndarray]:
        answers = [call(batch[i : i + 1]) for i in range(len(batch))]
        return [np.concatenate(parts) for parts in zip(*answers, strict=True)]

    return calls


def _decoded(call: Call, about: ModelMetadata) -> Call:
    """Adds to a call what the network leaves to whoever runs it."""
    spec = about.spec
    if isinstance(spec, DetectorSpec):
        return call if about.decoded else lambda batch: list(decode_boxes(call(batch), spec))
    if isinstance(spec, ClassifierSpec) or about.decoded or spec.rotation is None:
        # OpenCV adds an axis to what has two.
        return lambda batch: [call(batch)[0].reshape(len(batch), -1)]
    return lambda batch: [decode_angles(call(batch)[0].reshape(len(batch), -1), spec)]


# ----------------------------------------------------------------- descriptions in files


def _of_onnx(path: Path) -> str | None:
    return read_property(path, KEY)


def _of_openvino(path: Path) -> str | None:
    # ONNX files, the default, never need what reads XML.
    from headpose.models.openvino_files import note_in

    return note_in(path, KEY)


def _of_litert(path: Path) -> str | None:
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(LITERT_FILE).file_size > MAX_TEXT:
                raise HeadposeError(f"{path}: its description is longer than any of ours")
            return archive.read(LITERT_FILE).decode()
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read: {reason(error)}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError):
        return None
    except (NotImplementedError, RuntimeError):  # encrypted, or packed in a rare way
        return None


def _of_saved_model(path: Path) -> str | None:
    file = path / SAVED_MODEL_FILE
    try:
        return file.read_text(encoding="utf-8")[:MAX_TEXT] if is_regular(file) else None
    except OSError as error:
        raise HeadposeError(f"{file}: cannot be read: {reason(error)}") from error
    except ValueError:
        return None
