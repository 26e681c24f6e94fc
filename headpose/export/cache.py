"""Exports of Keras files for other backends, made once and kept."""

import os
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.export.exporter import export
from headpose.files import in_turn, writable_folder
from headpose.models.backends import Backend
from headpose.models.exported import read_metadata
from headpose.models.formats import digest
from headpose.models.resolve import ModelSpec, cached_target, exported_beside, format_for
from headpose.models.specs import ClassifierSpec
from headpose.reporting import logger


def exported_for(path: str | Path, backend: str | Backend) -> ModelSpec:
    """Gives an export of a Keras file for a backend, made now if there is none.

    With a detector's second stage the first stage beside it is exported as well.
    It is looked for beside the file and in the cache; if it is in neither it is exported
    into the cache, and told. What was made from another version of the file is passed over.
    While another process exports the same model it is waited for, and its export is taken.

    Args:
        path: The Keras file.
        backend: What shall run the export.

    Raises:
        HeadposeError: If the file is missing or cannot be exported.
    """
    path, backend = Path(path), Backend.of(backend)
    spec = _exported(path, backend)
    about = spec.metadata.spec if spec.metadata else None
    if isinstance(about, ClassifierSpec):
        first = path.with_name(f"{about.detector}.keras")
        if first.is_file():
            _exported(first, backend)
    return spec


def _exported(path: Path, backend: Backend) -> ModelSpec:
    """Finds an export, or makes it."""
    if found := exported_beside(path, backend):
        return found
    form = format_for(backend)
    target = cached_target(path, form, digest(path))
    writable_folder(target.parent)
    with in_turn(target, f"{path}: waiting for another process that exports it"):
        return exported_beside(path, backend) or _export(path, backend, form, target)


def _export(path: Path, backend: Backend, form: str, target: Path) -> ModelSpec:
    logger.info("%s: exporting it for %s, once", path, backend.name)
    # Exporting hides GPUs from this process, which the backend may use.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        export(path, form, target)
    finally:
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        if visible is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = visible
    if metadata := read_metadata(target):
        logger.info("%s: exported once for %s, to %s", path, backend.name, target)
        return ModelSpec(target, backend, metadata)
    raise HeadposeError(f"{target}: was changed while it was written; delete it and start again")
