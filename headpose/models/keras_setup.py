"""Keras set up for the machine: device, arithmetic, and compiled calls."""

import contextlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from headpose.errors import HeadposeError, MissingPackageError
from headpose.parallel.locking import one_at_a_time
from headpose.reporting import announce, logger

LARGE = 10_000_000  # parameters; of this project's networks SSD512 alone has as many

KERAS_BACKENDS = ("tensorflow", "jax", "torch")
# JAX compiles anew for each size of a batch: batches are padded to one of these.
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)

_large_in_bfloat16 = False  # what `set_up` found out for `compiled`
_precision = "float32"  # that `set_up` settled on
_is_set_up = False
# How many threads are in `silence`, and what it keeps of the first.
_silence_lock, _silent, _kept = threading.Lock(), 0, -1


def quieten() -> None:
    """Keeps TensorFlow's start-up messages off the terminal, unless asked for."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")


def check_keras_backend() -> None:
    """Makes sure that Keras can start on the backend that `KERAS_BACKEND` names.

    Raises:
        HeadposeError: If Keras has no such backend, or its package is not installed.
    """
    chosen = os.environ.get("KERAS_BACKEND")
    if not chosen:
        return
    if chosen not in KERAS_BACKENDS:
        raise HeadposeError(
            f"KERAS_BACKEND is {chosen!r}, which is none of {', '.join(KERAS_BACKENDS)}; unset it"
        )
    if importlib.util.find_spec(chosen) is None:
        raise MissingPackageError(
            f"KERAS_BACKEND is {chosen!r}, which is not installed; unset it or pip install {chosen}"
        )


def start_keras() -> None:
    """Imports Keras: quietly, and with the kernels that are faster. `set_up` does so first.

    Raises:
        HeadposeError: See `check_keras_backend`.
    """
    check_keras_backend()
    quieten()
    # TensorFlow has these kernels on by itself only where the processor has AVX-512 VNNI or the
    # like; training is slower without them.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with silence():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow  # noqa: F401


def set_up(device: str = "auto", precision: str | None = "auto") -> None:
    """Chooses where and how networks run. Call before the first network is built.

    Args:
        device: `auto`, `cpu` or `gpu`.
        precision: `float32`, `bfloat16`, or `auto` (or None): bfloat16 where the processor has
            matrix tiles for it (AMX), or a GPU is used; where it has only vectors
            (AVX-512 BF16), for large networks, see `compiled`; else float32. Weights
            stay float32. With TensorFlow on a CPU the graph is rewritten; otherwise
            Keras' mixed policy is set, which networks take when they are built: one
            that is loaded keeps the policy of its file.

    Raises:
        HeadposeError: If there is no GPU and one was asked for, or Keras cannot start on the
            backend that `KERAS_BACKEND` names.
    """
    global _large_in_bfloat16, _precision, _is_set_up
    check_keras_backend()
    _is_set_up = True
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
    start_keras()
    import keras

    with silence():
        gpus = _gpus(keras.backend.backend())
    if device == "gpu" and not gpus:
        raise HeadposeError(
            "no GPU that the backend can use; install one's driver or use --device cpu"
        )
    on_gpu = gpus and device != "cpu"
    by_itself = precision in (None, "auto")
    if by_itself:
        precision = "bfloat16" if on_gpu or "amx_bf16" in cpu_flags() else "float32"
    _precision = str(precision)
    if keras.backend.backend() == "tensorflow" and not on_gpu:
        rewrite_to_bfloat16(precision == "bfloat16")
        _large_in_bfloat16 = by_itself and "avx512_bf16" in cpu_flags()
    elif precision == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")


def is_set_up() -> bool:
    """Tells whether `set_up` was called in this process: Keras is wanted here."""
    return _is_set_up


def precision_of(parameters: int) -> str:
    """Returns the arithmetic, `float32` or `bfloat16`, that Keras runs a network of a size in."""
    return "bfloat16" if _large_in_bfloat16 and parameters >= LARGE else _precision


def divide_batches(batch_size: int) -> None:
    """Has training divide each batch among all GPUs (data parallelism), if there are several.

    Call after `set_up` and before the network is built. Keras does so with JAX only.

    Raises:
        HeadposeError: If the batch cannot be divided.
    """
    import keras

    backend = keras.backend.backend()
    if backend != "jax":
        if (count := len(_gpus(backend))) > 1:
            logger.warning("one of %d GPUs is used; KERAS_BACKEND=jax trains on all of them", count)
        return
    devices = keras.distribution.list_devices()
    if len(devices) < 2:
        return
    if batch_size % len(devices):
        raise HeadposeError(
            f"a batch of {batch_size} cannot be divided among {len(devices)} devices; "
            f"take a multiple of {len(devices)}, or show one (CUDA_VISIBLE_DEVICES)"
        )
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
    announce(f"each batch is divided among {len(devices)} devices")


@contextlib.contextmanager
def _undivided() -> Iterator[None]:
    """Lets a batch stay whole: one that is measured or estimated is rarely a multiple."""
    import keras

    before = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def rewrite_to_bfloat16(on: bool) -> None:
    """Has TensorFlow compute convolutions and products in bfloat16, in the whole process."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": on})


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Drops what native libraries print while they start; Python's errors still come through.

    TensorFlow's first messages ignore its own log level. Standard error belongs to the whole
    process: the first of several threads turns it off, the last turns it on again.
    """
    global _silent, _kept
    with _silence_lock:
        if _silent == 0:
            sys.stderr.flush()
            _kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
        _silent += 1
    try:
        yield
    finally:
        with _silence_lock:
            _silent -= 1
            if _silent == 0:
                os.dup2(_kept, 2)
                os.close(_kept)


def _gpus(backend: str) -> list:
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
        return gpus
    if backend == "jax":
        import jax

        return [d for d in jax.devices() if d.platform == "gpu"]
    import torch

    return list(range(torch.cuda.device_count()))


def cpu_flags() -> frozenset[str]:
    """Returns the processor's feature names as Linux tells them; empty elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    lines = (x for x in text.splitlines() if x.startswith(("flags", "Features")))
    line = next(lines, "")
    return frozenset(line.partition(":")[2].split())


def compiled(model) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Returns a compiled function from a batch to the model's outputs.

    `Model.predict` builds a data pipeline at each call, which costs more than a small
    network does; this calls the network directly.

    Under `--precision auto` a large network turns bfloat16 on for the process where the
    processor has AVX-512 BF16 but no tiles: SSD512 takes half the time then, while small
    networks gain nothing from it and lose at small batches. Measured on SSD512, scores
    move by 0.023 at most (0.0008 on average), boxes by 1.4 pixels of 512 at most.
    """
    import keras

    if _large_in_bfloat16 and model.count_params() >= LARGE:
        rewrite_to_bfloat16(True)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # One graph for every batch and picture size: tracing another costs half a second.
        signature = [tf.TensorSpec(model.input_shape, tf.float32)]
        function = tf.function(lambda x: model(x, training=False), signature, autograph=False)

        def call(batch: np.ndarray) -> list[np.ndarray]:
            return [y.numpy() for y in _as_list(function(tf.constant(batch, tf.float32)))]

    else:

        def call(batch: np.ndarray) -> list[np.ndarray]:
            count = len(batch)
            size = next((n for n in BATCH_SIZES if n >= count), count)
            padded = np.pad(batch, [(0, size - count)] + [(0, 0)] * (batch.ndim - 1))
            with _undivided():
                return [np.asarray(y)[:count] for y in _as_list(model.predict_on_batch(padded))]

        # The distribution is that of the whole process.
        call = one_at_a_time(call)

    return call


def _as_list(outputs) -> list:
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def jit_compile() -> bool | str:
    """Returns what `keras.Model.compile` is to be told of compiling the training step.

    TensorFlow's XLA needs a minute and more for it on a processor, and the step is no faster
    then; JAX cannot do without.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow

        if not tensorflow.config.list_logical_devices("GPU"):
            return False
    return "auto"
