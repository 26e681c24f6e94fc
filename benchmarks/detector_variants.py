"""The programs that `detector_speed.py` times, and the processes they run in."""

import contextlib
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from headpose.errors import HeadposeError
from headpose.models import keras_setup as backend
from headpose.models.keras_setup import quieten

Call = Callable[[np.ndarray], list[np.ndarray]]
EXPORT = ("tf2onnx", "onnx")  # packages that Keras exports ONNX with


def keras_predict(folder: Path) -> Call:
    """`Model.predict`, what a Keras user would call."""
    backend.set_up("cpu", "float32")
    from headpose.models.keras_files import load_model

    model = load_model(folder / "model.keras")
    return lambda batch: model.predict(batch, verbose=0)


def ours_float32(folder: Path) -> Call:
    """HeadDetector's compiled call."""
    return _ours(folder, "float32")


def ours_bfloat16(folder: Path) -> Call:
    """The same with the graph rewritten to bfloat16."""
    return _ours(folder, "bfloat16")


def _ours(folder: Path, precision: str) -> Call:
    backend.set_up("cpu", precision)
    from headpose.models.keras_files import load_model

    return backend.compiled(load_model(folder / "model.keras"))


def onnx_runtime(folder: Path) -> Call:
    """ONNX Runtime's CPU provider with its default options."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        folder / "model.onnx", providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})


def openvino_float32(folder: Path) -> Call:
    """OpenVINO from the ONNX file, tuned for latency."""
    return _openvino(folder, "f32")


def openvino_bfloat16(folder: Path) -> Call:
    """The same in bfloat16."""
    return _openvino(folder, "bf16")


def _openvino(folder: Path, precision: str) -> Call:
    import openvino

    core = openvino.Core()
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise HeadposeError("this processor has no bfloat16")
    model = core.compile_model(
        core.read_model(folder / "model.onnx"),
        "CPU",
        {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision},
    )
    return lambda batch: list(model(batch).values())


# Variants by name, with the packages they need. The first is what others are compared to.
VARIANTS: dict[str, tuple[Callable[[Path], Call], tuple[str, ...]]] = {
    "keras-predict": (keras_predict, ()),
    "ours-float32": (ours_float32, ()),
    "ours-bfloat16": (ours_bfloat16, ()),
    "onnxruntime": (onnx_runtime, ("onnxruntime", *EXPORT)),
    "openvino-float32": (openvino_float32, ("openvino", *EXPORT)),
    "openvino-bfloat16": (openvino_bfloat16, ("openvino", *EXPORT)),
}


def work(connection, name: str, folder: Path) -> None:
    """Serves one variant: a number of pictures in, (seconds, peak bytes, outputs) out."""
    quieten()
    try:
        call = VARIANTS[name][0](folder)
        picture = np.load(folder / "picture.npy")
        connection.send(None)
        for count, with_outputs in iter(connection.recv, None):
            batch = np.repeat(picture, count, axis=0)
            start = time.perf_counter()
            outputs = in_order([np.asarray(y) for y in call(batch)])
            seconds = time.perf_counter() - start
            connection.send((seconds, peak_memory(), outputs if with_outputs else None))
    except (EOFError, KeyboardInterrupt):
        pass  # the parent has gone
    except Exception as error:  # whatever a foreign program raises ends this variant alone
        text = str(error).strip().splitlines()
        connection.send(f"{type(error).__name__}: {text[0] if text else ''}"[:200])


def in_order(outputs: list[np.ndarray]) -> list[np.ndarray]:
    """Returns boxes before scores: exported networks may give them the other way round."""
    return sorted(outputs, key=lambda y: -y.ndim)


def peak_memory() -> int:
    """Returns the most memory that this process has held, in bytes."""
    with contextlib.suppress(OSError):
        # Not getrusage on Linux: there a child starts with its parent's peak.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def prepare(connection, file: str | None, architecture: str, picture: str, folder: Path, export):
    """Writes model.keras, picture.npy (1, H, W, 3) and, if asked, model.onnx."""
    try:
        backend.set_up("cpu", "float32")
        import keras

        from headpose.detection import networks as ssd_networks
        from headpose.detection.head_detector import HeadDetector
        from headpose.images.pictures import read_image
        from headpose.models.keras_files import load_model, save_model

        keras.utils.set_random_seed(0)
        model = load_model(file) if file else ssd_networks.ARCHITECTURES[architecture]()
        detector = HeadDetector(model, name=file or architecture)
        batch = detector.prepare(read_image(picture))[0][None]
        np.save(folder / "picture.npy", batch)
        save_model(model, folder / "model.keras")
        if export:
            shape = keras.InputSpec(shape=(None, *batch.shape[1:]), dtype="float32", name="image")
            with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about names that numpy has dropped
                model.export(
                    folder / "model.onnx", format="onnx", input_signature=[shape], verbose=False
                )
        connection.send({"parameters": model.count_params(), "input": batch.shape[1:]})
    except HeadposeError as failure:
        connection.send(failure)
