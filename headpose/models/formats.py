"""The formats that models are exported to, and where an exported model belongs."""

import dataclasses
import hashlib
from pathlib import Path

from headpose.errors import HeadposeError, reason
from headpose.files import is_regular, sha256


@dataclasses.dataclass(frozen=True)
class Format:
    """A kind of exported file.

    Attributes:
        suffix: Of its name; empty for a folder.
        backend: Which runs it, and checks what was written.
        packages: Modules that writing and checking need beyond the project's.
        int8: Those that eight bits need besides; None where that is not supported.
        decoded: Whether boxes and angles are decoded in the network.
        decoded_int8: The same with eight bits, which are too coarse for it unless the
            converter leaves it in float32.
    """

    suffix: str
    backend: str
    packages: tuple[str, ...]
    int8: tuple[str, ...] | None = None
    decoded: bool = True
    decoded_int8: bool = False

    @property
    def ending(self) -> str:
        """The last part of the suffix, which a file's name must have."""
        return self.suffix and f".{self.suffix.rpartition('.')[2]}"


FORMATS = {
    "onnx": Format(
        ".onnx", "onnxruntime", ("tf2onnx", "onnx", "onnxruntime"), (), decoded_int8=True
    ),
    # OpenCV's importer knows neither the priors' operations nor sizes that are open.
    "opencv": Format(".opencv.onnx", "opencv", ("tf2onnx", "onnx"), decoded=False),
    "openvino": Format(".xml", "openvino", ("openvino",), ("nncf",)),
    "litert": Format(".tflite", "litert", ("ai_edge_litert",), ()),
    "saved_model": Format("", "keras", ()),
}


SAVED_MODEL = "saved_model.pb"  # by which TensorFlow tells its folders


def default_target(source: Path, form: str, int8: bool = False) -> Path:
    """Returns where an exported model goes: beside the model that it is made from."""
    return source.with_name(f"{source.stem}{'-int8' if int8 else ''}{FORMATS[form].suffix}")


def digest(path: Path) -> str:
    """Returns the SHA-256 of a model file.

    Raises:
        HeadposeError: If it cannot be read.
    """
    if path.exists() and not is_regular(path):
        raise HeadposeError(f"{path}: no regular file (a folder, a pipe or a device), no model")
    try:
        return sha256(path)
    except FileNotFoundError as error:
        raise HeadposeError(f"{path}: no such model file; name an existing .keras file") from error
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read: {reason(error)}") from error


def content_of(model: Path) -> str:
    """Returns a model's name with a digest of its content, be it a file, two, or a folder.

    Raises:
        HeadposeError: If it is missing, no model, or cannot be read.
    """
    if not model.exists():
        raise HeadposeError(f"{model}: no such model file")
    if model.is_dir() and not (model / SAVED_MODEL).is_file():
        raise HeadposeError(f"{model}: a folder, and no SavedModel; name a model file")
    weights = model.with_suffix(".bin")  # OpenVINO keeps them apart
    files = sorted(model.rglob("*")) if model.is_dir() else [model, weights]
    content = hashlib.sha256()
    for file in filter(is_regular, files):
        try:
            content.update(file.read_bytes())
        except OSError as error:
            raise HeadposeError(f"{file}: cannot be read: {reason(error)}") from error
    return f"{model.name} {content.hexdigest()[:16]}"
