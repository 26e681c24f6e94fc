"""Programs that run exported models; each is imported when it is asked for.

ONNX Runtime, OpenVINO, OpenCV and LiteRT need no TensorFlow and start in a fraction of its
time. A function here opens a file and returns a call from a float32 batch to the file's
outputs in their order.

Every call may be made by several threads at once, and answers as with one thread:

| backend | with several threads |
| --- | --- |
| onnxruntime | runs side by side: a session is made for it |
| keras | TensorFlow's compiled function runs side by side; JAX and PyTorch one at a time |
| openvino | each thread has a request of its own to the one compiled model |
| opencv, litert | one at a time: a call keeps its state in the network |
"""

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from headpose.errors import HeadposeError, first_line, install
from headpose.models.backends import Backend, onnxruntime_has_gpu, package
from headpose.models.fixed_shapes import FixedShapes
from headpose.models.keras_setup import silence
from headpose.models.onnx_header import refuse_external_data
from headpose.parallel.locking import one_at_a_time

Call = Callable[[np.ndarray], list[np.ndarray]]
# Microseconds that a thread of ONNX Runtime waits for more work before it sleeps:
# `benchmarks/thread_waits.py` prints what other choices are worth.
SPIN = 20
SPINS_BRIEFLY = (1, 32)  # the version that is known to take it


def open_session(path: Path, backend: Backend) -> Call:
    """Opens an exported file in a backend.

    Args:
        path: The file, or a SavedModel's folder.
        backend: With a name.

    Raises:
        HeadposeError: If the package is missing, cannot read the file, or finds no such device
            or arithmetic here.
    """
    open_file = {
        "keras": _in_tensorflow,
        "onnxruntime": _in_onnxruntime,
        "openvino": _in_openvino,
        "opencv": _in_opencv,
        "litert": _in_litert,
    }[str(backend.name)]
    if path.suffix.lower() == ".onnx":
        refuse_external_data(path)
    check_name(path)
    try:
        return open_file(path, backend)
    except HeadposeError:
        raise
    except Exception as error:  # each raises classes of its own
        raise HeadposeError(
            f"{path}: {backend.name} cannot read it ({first_line(error)})"
        ) from error


def check_name(path: Path) -> None:
    """Refuses a name that is no UTF-8: some backends cannot open it, others crash.

    Raises:
        HeadposeError: If it is none.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise HeadposeError(f"{path}: a model's name must be UTF-8; rename it") from error


def thread_count() -> int:
    """Returns how many threads this process may use, as its parent set it; 0: as many as cores."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() else 0


def _number(name: str) -> int:
    """Returns the number at the end of an output's name, 0 if there is none."""
    return int(name[len(name.rstrip("0123456789")) :] or 0)


def _identity(path: Path) -> tuple[int, ...]:
    """Returns what changes when a file is replaced, moved away or written anew."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _waiting(version: str) -> dict[str, str]:
    """Returns the options of an ONNX Runtime by which its threads wait for work briefly, or not.

    Those that wait between calls would take the cores from reading, tracking and writing:
    videos run half as fast again without.
    """
    if tuple(map(int, version.split(".")[:2])) < SPINS_BRIEFLY:
        return {"intra_op.allow_spinning": "0"}
    return {"force_spinning_stop": "1", "intra_op.spin_duration_us": str(SPIN)}


def _in_onnxruntime(path: Path, backend: Backend) -> Call:
    ort = package("onnxruntime")
    on_gpu = backend.device != "cpu" and onnxruntime_has_gpu()

    opened = _identity(path)

    def open_for(dimensions: dict[str, int]):
        if _identity(path) != opened:
            return None  # another model stands there by now
        options = ort.SessionOptions()
        options.log_severity_level = 4  # what goes wrong is raised
        options.intra_op_num_threads = thread_count()
        for key, value in _waiting(ort.__version__).items():
            options.add_session_config_entry(f"session.{key}", value)
        for name, size in dimensions.items():
            options.add_free_dimension_override_by_name(name, size)
        return ort.InferenceSession(str(path), options, providers=providers)

    providers = ["CUDAExecutionProvider"] * on_gpu + ["CPUExecutionProvider"]
    sessions = FixedShapes(open_for)
    # Where CUDA's libraries or the card are missing, it goes on with the processor.
    if backend.device == "gpu" and "CUDAExecutionProvider" not in sessions.providers:
        raise HeadposeError(
            f"no GPU that ONNX Runtime can use; {install('gpu')}, or use --device cpu"
        )
    return sessions


def _in_openvino(path: Path, backend: Backend) -> Call:
    openvino = package("openvino")
    core = openvino.Core()
    device = "GPU" if backend.device == "gpu" else "CPU"
    if not any(name.startswith(device) for name in core.available_devices):
        raise HeadposeError("no GPU that OpenVINO can use; install its driver or use --device cpu")
    bfloat16 = backend.precision == "bfloat16"
    if bfloat16 and "BF16" not in core.get_property(device, "OPTIMIZATION_CAPABILITIES"):
        raise HeadposeError("this processor has no bfloat16; leave out --precision bfloat16")
    # By itself OpenVINO takes bfloat16 where the processor has it.
    settings: dict[str, str | int] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
    }
    if device == "CPU" and thread_count():
        settings["INFERENCE_NUM_THREADS"] = thread_count()
    files = [path]
    if path.suffix.lower() == ".xml":
        from headpose.models.openvino_files import weights_of

        files.append(weights_of(path))
    compiled = core.compile_model(core.read_model(*files), device, settings)
    own = threading.local()

    def call(batch: np.ndarray) -> list[np.ndarray]:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        return list(own.request.infer(batch, share_inputs=True).values())

    return call


def _in_opencv(path: Path, backend: Backend) -> Call:
    import cv2

    with silence():  # it prints what it raises as well
        network = cv2.dnn.readNetFromONNX(str(path))
    # It lists them in an order of its own.
    names = sorted(network.getUnconnectedOutLayersNames(), key=_number)

    def call(batch: np.ndarray) -> list[np.ndarray]:
        network.setInput(batch)
        # The arrays are OpenCV's own, which it writes over at the next call.
        return [np.array(y) for y in network.forward(names)]

    return one_at_a_time(call)


def _in_litert(path: Path, backend: Backend) -> Call:
    litert = package("ai_edge_litert.interpreter")
    threads = thread_count() or os.cpu_count()
    interpreter = litert.Interpreter(model_path=str(path), num_threads=threads)
    run = interpreter.get_signature_runner()
    (name,) = run.get_input_details()
    outputs = sorted(run.get_output_details(), key=_number)
    told = False

    def call(batch: np.ndarray) -> list[np.ndarray]:
        nonlocal told
        # At the first call it tells what it runs on.
        with contextlib.nullcontext() if told else silence():
            answers = run(**{name: batch})
        told = True
        return [answers[key] for key in outputs]

    return one_at_a_time(call)


def _in_tensorflow(path: Path, backend: Backend) -> Call:
    if not backend.trusted:
        raise HeadposeError(
            f"{path}: a SavedModel is a program that can do anything; if you trust whoever made "
            "it, --trust-model opens it"
        )
    tensorflow = package("tensorflow")
    loaded = tensorflow.saved_model.load(str(path))  # keeps the variables as long as the call

    def call(batch: np.ndarray) -> list[np.ndarray]:
        answers = loaded.serve(tensorflow.constant(batch, tensorflow.float32))
        answers = answers if isinstance(answers, (list, tuple)) else [answers]
        return [y.numpy() for y in answers]

    return call
