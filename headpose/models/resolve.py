"""Which file and which backend serve a request for a model: found out once.

`resolve` reads and hashes what it must and gives a `ModelSpec`; `open_model` opens it.
Nothing is exported here: who wants a Keras file run by another backend exports it before
(`headpose export`), as the commands do by themselves (`headpose.export.cache`).
"""

import dataclasses
import importlib.util
import os
from pathlib import Path
from typing import Any

from headpose.errors import HeadposeError
from headpose.models.backends import EIGHT_BITS, Backend, onnxruntime_has_gpu
from headpose.models.exported import backend_for, is_exported, open_exported, read_metadata
from headpose.models.formats import FORMATS, default_target, digest
from headpose.models.metadata import ModelMetadata


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """A model's file, what runs it, and what the file tells.

    Attributes:
        path: The file (or a SavedModel's folder) that will be opened.
        backend: What runs it, with a name.
        metadata: What an exported file tells of itself; None for a Keras file.
    """

    path: Path
    backend: Backend
    metadata: ModelMetadata | None = None

    def __str__(self) -> str:
        return str(self.path)


def resolve(path: str | Path | ModelSpec, backend: str | Backend | None = None) -> ModelSpec:
    """Finds which file and which backend serve a request.

    Where no backend is asked for, a Keras file is run from the ONNX file beside it, if that
    was made from this very file: ONNX Runtime starts in a fraction of TensorFlow's time
    and is no slower on a processor. Keras runs the file itself where it stands alone, and
    where bfloat16, or a GPU that ONNX Runtime cannot use, is asked for.

    Args:
        path: A Keras file, or an exported model; what was resolved before stays as it is.
        backend: What shall run it; None leaves that to the file.

    Raises:
        HeadposeError: If the file is missing, no model of ours, or nothing for that backend.
    """
    if isinstance(path, ModelSpec):
        return path
    path, backend = Path(path), Backend.of(backend)
    if is_exported(path):
        spec = resolve_exported(path, backend)
        if spec is None:
            raise HeadposeError(f"{path}: not a model that headpose export wrote, or damaged")
        return spec
    if not path.is_file():
        raise HeadposeError(f"{path}: no such model file; name an existing .keras file")
    if backend.name is None:
        found = eight_bits_beside(path, backend) or _onnx_beside(path, backend)
        return found or ModelSpec(path, backend.named("keras"))
    if backend.name == "keras":
        return ModelSpec(path, backend)
    found = exported_beside(path, backend)
    if found is None:
        form = format_for(backend)
        raise HeadposeError(
            f"{path}: not exported for {backend.name} yet; headpose export {path} --format {form}"
        )
    return found


def for_other_process(spec: ModelSpec | None, what: str) -> ModelSpec:
    """Gives what another process can open the same model with, in whichever folder it runs.

    Args:
        spec: None for a model that was not opened from a file.
        what: The model, in an error.

    Raises:
        HeadposeError: If it was not opened from a file.
    """
    if spec is None:
        raise HeadposeError(
            f"a {what} made from a model in memory cannot go to another process; "
            "save the model and load it from its file"
        )
    return dataclasses.replace(spec, path=spec.path.absolute())


def resolve_exported(path: Path, backend: Backend) -> ModelSpec | None:
    """Does what `resolve` does of an exported model; None for one that is none of ours."""
    metadata = read_metadata(path)
    if metadata is None:
        return None
    if backend.precision in ("float32", "int8") and metadata.precision != backend.precision:
        raise HeadposeError(
            f"{path}: is in {metadata.precision}; leave out --precision {backend.precision}"
        )
    return ModelSpec(path, backend_for(path, backend, metadata), metadata)


def open_model(spec: ModelSpec) -> Any:
    """Opens what `resolve` found.

    Returns:
        A Keras model, or a `headpose.models.network.Network`, for which neither Keras nor
        TensorFlow is imported.

    Raises:
        HeadposeError: If the file is damaged, or its backend missing.
    """
    if spec.metadata is not None:
        return open_exported(spec.path, spec.backend, spec.metadata)
    from headpose.models.keras_files import OLDER_FORMATS, check_model, load_keras
    from headpose.models.keras_setup import is_set_up, set_up

    if spec.path.suffix.lower() not in OLDER_FORMATS:
        check_model(spec.path)
    if not is_set_up():
        set_up(spec.backend.device, spec.backend.precision)
    return load_keras(spec.path)


def precision_of(spec: ModelSpec, model: Any) -> str:
    """Returns the arithmetic of a network: `float32`, `bfloat16`, `int8`, as its file has it.

    Args:
        spec: What it was opened from.
        model: What `open_model` returned.
    """
    if spec.metadata is None:
        from headpose.models import keras_setup

        count = getattr(model, "count_params", None)  # not where it is a `Network`: a small one
        return keras_setup.precision_of(count() if count else 0)
    if spec.backend.name == "openvino" and spec.backend.precision == "bfloat16":
        return "bfloat16"
    return spec.metadata.precision


def cache_folder() -> Path:
    """Returns where models are kept that commands exported by the way.

    Raises:
        HeadposeError: If this user has no home folder.
    """
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given) / "headpose"
    try:
        return Path.home() / ".cache" / "headpose"
    except RuntimeError as error:
        raise HeadposeError(
            "exported models are kept in the home folder, and there is none; "
            "set XDG_CACHE_HOME to a folder"
        ) from error


def cached_target(path: Path, form: str, made_from: str) -> Path:
    """Returns where the export of a Keras file with a digest belongs in the cache."""
    return default_target(cache_folder() / f"{path.stem}-{made_from[:16]}.keras", form)


def format_for(backend: Backend) -> str:
    """Returns the name of the format that is a backend's own."""
    return next(name for name, chosen in FORMATS.items() if chosen.backend == backend.name)


def exported_beside(path: Path, backend: Backend, made_from: str | None = None) -> ModelSpec | None:
    """Finds an export of a Keras file that stands beside it or in the cache.

    What was made from another version of the file is passed over.

    Args:
        path: The Keras file.
        backend: What shall run the export, with a name.
        made_from: The file's digest, where that is known.
    """
    form, made_from = format_for(backend), made_from or digest(path)
    if found := eight_bits_beside(path, backend, made_from):
        return found
    beside = default_target(path, form)
    if metadata := _made_from(beside, made_from):
        return ModelSpec(beside, backend, metadata)
    # Only now: whoever has no home folder has no cache either.
    cached = cached_target(path, form, made_from)
    metadata = _made_from(cached, made_from)
    return None if metadata is None else ModelSpec(cached, backend, metadata)


def _onnx_beside(path: Path, backend: Backend) -> ModelSpec | None:
    """Finds the ONNX file beside a Keras file, where ONNX Runtime does what is asked."""
    beside = default_target(path, "onnx")
    if not beside.is_file() or not importlib.util.find_spec("onnxruntime"):
        return None
    if backend.precision == "bfloat16":
        return None
    if backend.device == "gpu" and not onnxruntime_has_gpu():
        return None
    metadata = _made_from(beside, digest(path))
    return None if metadata is None else ModelSpec(beside, backend.named("onnxruntime"), metadata)


def eight_bits_beside(
    path: Path, backend: Backend, made_from: str | None = None
) -> ModelSpec | None:
    """Finds the eight-bit file beside a Keras file, where eight bits are asked for.

    It is one in the backend's own format: of ONNX Runtime's, OpenVINO makes other boxes.

    Args:
        path: The Keras file.
        backend: With or without a name.
        made_from: The file's digest, where that is known.

    Raises:
        HeadposeError: If nothing else will do, and there is none.
    """
    if not backend.takes_eight_bits:
        return None
    backend = backend.named(backend.name or EIGHT_BITS[0])
    form = format_for(backend)
    beside = default_target(path, form, int8=True)
    if metadata := _made_from(beside, made_from or digest(path), "int8"):
        return ModelSpec(beside, backend, metadata)
    if backend.precision == "auto":
        return None
    write = f"headpose export {path} --format {form} --int8 PICTURES"
    if os.path.lexists(beside):
        raise HeadposeError(
            f"{beside}: damaged, or not made from {path.name} as it is; "
            f"write it anew: {write} --overwrite"
        )
    raise HeadposeError(f"{path}: no eight-bit file beside it; write one: {write}")


def _made_from(candidate: Path, made_from: str, precision: str = "float32") -> ModelMetadata | None:
    """Returns what a file tells, if it was made from a source of that digest and is whole."""
    if not candidate.exists():
        return None
    try:
        metadata = read_metadata(candidate)
        if candidate.suffix == ".xml":
            # ONNX files, the default, never need what reads XML.
            from headpose.models.openvino_files import weights_of

            weights_of(candidate)
    except HeadposeError:
        return None
    wanted = (made_from, precision)
    return metadata if metadata and (metadata.digest, metadata.precision) == wanted else None
