"""Exported models that stand in for Keras files, so that other runtimes can run these."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from headpose.commandline import Failure, tell
from headpose.export_formats import FORMATS, default_target, digest
from headpose.exported import is_exported, read_about
from headpose.runtime import is_set_up
from headpose.runtimes import Runtime


def cache_folder() -> Path:
    """Returns where models are kept that were exported by the way."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headpose"


def preferred(name: str | Path, runtime: Runtime) -> str | Path:
    """Returns what to load for a model: itself, or the ONNX file beside it.

    Where nothing else is asked for, ONNX Runtime starts in a fraction of TensorFlow's time
    and is no slower on a processor. It is left alone where a GPU or bfloat16 may be used,
    or where Keras was set up already. The ONNX file must be made from this very Keras file.
    """
    path = Path(name)
    if runtime.name is not None or is_exported(path) or not path.is_file() or is_set_up():
        return name
    if runtime.precision == "bfloat16" or runtime.device == "gpu":
        return name
    if runtime.device == "auto" and _has_gpu():
        return name
    beside = default_target(path, "onnx")
    if beside.is_file() and importlib.util.find_spec("onnxruntime"):
        return beside if _is_from(beside, digest(path)) else name
    return name


def _has_gpu() -> bool:
    """Tells whether there seems to be a GPU for TensorFlow, without starting it."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return not hidden and shutil.which("nvidia-smi") is not None


def stand_in(source: Path, runtime: str) -> Path:
    """Returns an exported model that was made from a Keras file, for a runtime.

    It is looked for beside the file and in the cache; if it is in neither it is exported
    into the cache, and told. What was made from another version of the file is passed over.

    Raises:
        Failure: If the file is missing or cannot be exported.
    """
    form = next(name for name, chosen in FORMATS.items() if chosen.runtime == runtime)
    made_from = digest(source)
    beside = default_target(source, form)
    cached = default_target(cache_folder() / f"{source.stem}-{made_from[:16]}.keras", form)
    for candidate in (beside, cached):
        if _is_from(candidate, made_from):
            return candidate
    tell(f"{source}: exported once for {runtime}, to {cached}", sys.stderr)
    from headpose.exporting import export

    # Exporting hides GPUs from this process, in which the runtime may use one.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        export(source, form, cached)
    finally:
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        if visible is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = visible
    return cached


def _is_from(candidate: Path, made_from: str) -> bool:
    """Tells whether a file is there, of a version that can be read, in float32, from a source."""
    try:
        about = read_about(candidate)
    except Failure:
        return False
    return about is not None and (about.digest, about.precision) == (made_from, "float32")
