"""Keras model files: one `.keras` file holds all that a model needs."""

import importlib
import io
import zipfile
from pathlib import Path

import numpy as np

from headpose.errors import HeadposeError, first_line, reason
from headpose.files import atomic_write
from headpose.models.keras_archive import check_archive

# Modules of higher wings whose import registers the layers that files of ours may hold.
LAYER_MODULES = (
    "headpose.detection.ssd",
    "headpose.detection.classifier",
    "headpose.pose.networks",
    "headpose.pose.error_calibration",
    "headpose.pose.joining",
    "headpose.baselines.deepgaze",
)
# What reads the formats of older programs, by suffix.
OLDER_FORMATS = {
    ".h5": ("headpose.convert.keras2", "load_pose_estimator"),
    ".hdf5": ("headpose.convert.keras2", "load_pose_estimator"),
}


def check_model(path: str | Path) -> None:
    """Makes sure that a file may be loaded, without Keras, which takes seconds to start.

    Raises:
        HeadposeError: If it is missing, damaged, or no Keras model of ours.
    """
    path = Path(path)
    if not path.is_file():
        raise HeadposeError(f"{path}: no such model file; name an existing .keras file")
    try:
        path.open("rb").close()
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read: {reason(error)}") from error
    if not zipfile.is_zipfile(path):
        raise HeadposeError(f"{path}: not a .keras model file (or a damaged one)")
    check_archive(path)


def load_model(path: str | Path):
    """Loads a `.keras` file.

    Raises:
        HeadposeError: If it is missing, damaged, or no Keras model of ours.
    """
    path = Path(path)
    check_model(path)
    import keras

    for module in LAYER_MODULES:
        importlib.import_module(module)
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever its parts do
        raise HeadposeError(f"{path}: cannot be loaded as a model ({first_line(error)})") from error


def load_keras(path: str | Path):
    """Loads a `.keras` file of ours, or the published Keras 2 `pose-estimator.h5`.

    Raises:
        HeadposeError: As `load_model`.
    """
    older = OLDER_FORMATS.get(Path(path).suffix.lower())
    if older:
        module, function = older
        return getattr(importlib.import_module(module), function)(path)
    return load_model(path)


def save_model(model, path: str | Path, half: bool = False, replace: bool = True) -> None:
    """Saves a model as a `.keras` file, whole or not at all.

    Args:
        model: The model.
        path: Where to, ending in `.keras`.
        half: Whether to round weights to float16's precision and compress the file.
            The weights stay float32 for whoever loads it; the file halves.
        replace: See `headpose.files.atomic_write`.
    """
    with atomic_write(path, replace) as temporary:
        if half:
            original = model.get_weights()
            limit = float(np.finfo(np.float16).max)
            model.set_weights(
                [np.clip(w, -limit, limit).astype(np.float16).astype(w.dtype) for w in original]
            )
        model.save(temporary)
        if half:
            model.set_weights(original)
            _compress(temporary)


class _WeightsInMemory(io.BytesIO):
    """A file in memory that has the name which Keras asks of weights."""

    def __str__(self) -> str:
        return "memory.weights.h5"


def weights_as_bytes(model) -> bytes:
    """Returns what a `.weights.h5` file of a model, and of its optimizer, has in it.

    HDF5 must not write to a disk itself: a file that the disk has no room for cannot be
    closed, and ends the process with a segmentation fault.
    """
    weights = _WeightsInMemory()
    model.save_weights(weights)
    return weights.getvalue()


def _compress(path: Path) -> None:
    """Packs the archive again, deflated: float16 values leave half of each number empty."""
    with zipfile.ZipFile(path) as archive:
        parts = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for info, data in parts:
            # A fixed date keeps the file the same for the same weights.
            archive.writestr(zipfile.ZipInfo(info.filename), data, zipfile.ZIP_DEFLATED)
