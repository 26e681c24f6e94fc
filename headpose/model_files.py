"""Loading and saving model files: one `.keras` file holds all that a model needs."""

import zipfile
from pathlib import Path

import numpy as np

from headpose.commandline import Failure, first_line, written

MODELS = Path(__file__).resolve().parent.parent / "models"
DEFAULT_ESTIMATOR = MODELS / "pose-estimator.keras"
DEFAULT_DETECTOR = MODELS / "head-detector.keras"


def load_model(path: str | Path):
    """Loads a `.keras` file.

    Raises:
        Failure: If it is missing, damaged, or no Keras model of ours.
    """
    path = Path(path)
    if not path.is_file():
        raise Failure(f"{path}: no such model file; name an existing .keras file")
    if not zipfile.is_zipfile(path):
        raise Failure(f"{path}: not a .keras model file (or a damaged one)")
    import keras

    # These register the layers that files may hold.
    import headpose.architectures
    import headpose.deepgaze
    import headpose.ssd  # noqa: F401

    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever its parts do
        raise Failure(f"{path}: cannot be loaded as a model ({first_line(error)})") from error


def load_keras(path: str | Path):
    """Loads a `.keras` file of ours, or the published Keras 2 `pose-estimator.h5`.

    Raises:
        Failure: As `load_model`.
    """
    if Path(path).suffix.lower() in (".h5", ".hdf5"):
        from headpose.keras2 import load_pose_estimator

        return load_pose_estimator(path)
    return load_model(path)


def load_network(path: str | Path, runtime=None):
    """Loads a model of any kind of file for the runtime that shall run it.

    Args:
        path: A Keras file, or an exported model (`export.py`).
        runtime: A name or a `headpose.runtimes.Runtime`; None takes the one that the file
            is for, or ONNX Runtime (see `headpose.stand_ins.preferred`). For another one
            than Keras, a Keras file is exported once.

    Returns:
        A Keras model, or a `headpose.model_facts.Network`, for which neither Keras nor
        TensorFlow is imported.

    Raises:
        Failure: If it is missing, damaged, or nothing for that runtime.
    """
    from headpose.exported import is_exported, load_exported, runtime_for
    from headpose.runtimes import Runtime
    from headpose.stand_ins import preferred, stand_in

    path = preferred(path, Runtime.of(runtime))
    runtime = runtime_for(path, Runtime.of(runtime))
    if is_exported(path):
        return load_exported(path, runtime)
    if runtime.name == "keras":
        return load_keras(path)
    return load_exported(stand_in(Path(path), runtime.name), runtime)


def save_model(model, path: str | Path, half: bool = False) -> None:
    """Saves a model as a `.keras` file, whole or not at all.

    Args:
        model: The model.
        path: Where to, ending in `.keras`.
        half: Whether to round weights to float16's precision and compress the file.
            The weights stay float32 for whoever loads it; the file halves.
    """
    with written(path) as temporary:
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


def _compress(path: Path) -> None:
    """Packs the archive again, deflated: float16 values leave half of each number empty."""
    with zipfile.ZipFile(path) as archive:
        parts = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for info, data in parts:
            # A fixed date keeps the file the same for the same weights.
            archive.writestr(zipfile.ZipInfo(info.filename), data, zipfile.ZIP_DEFLATED)
