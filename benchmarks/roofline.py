"""How near networks come to the processor's limit: its peak, what they need, how far they are.

The peak is measured, as multiply-adds of a large matrix product: by NumPy in float32, by ONNX
Runtime of 8-bit whole numbers (weights signed, 7 bits of them used, so that no sum of two
products overflows without VNNI), by OpenVINO in bfloat16 where the processor has that.
"""

import time
from collections.abc import Callable

import numpy as np
from measuring import NOTHING, cell, median
from network_sizes import SHOWN
from variants import VARIANTS

from headpose.cli.markdown import markdown_table
from headpose.models.keras_setup import cpu_flags

SIDE = 1536  # of the matrices; large enough that memory does not matter
REPEATS = 7  # the fastest counts
FLOAT32, BFLOAT16, INT8 = "float32", "bfloat16", "int8"
# A call that was measured, the network that it asks, and how often.
CALLS = (("detect 1", "detector", 1), ("estimate 1", "estimator", 1))
CALLS += (("estimate 32", "estimator", 32),)


def peaks() -> dict[str, float]:
    """Measures multiply-adds a second by precision; what cannot be measured here is left out."""
    kernels = {FLOAT32: _float32, BFLOAT16: _bfloat16, INT8: _int8}
    found = {}
    for name, make in kernels.items():
        try:
            kernel = make()
        except ImportError:
            kernel = None
        if kernel is not None:
            found[name] = SIDE**3 / _fastest(kernel)
    return found


def _fastest(kernel: Callable[[], object]) -> float:
    kernel()
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        kernel()
        taken.append(time.perf_counter() - start)
    return min(taken)


def _matrices(low: int, high: int, kind: str) -> np.ndarray:
    return np.random.default_rng(0).integers(low, high, (SIDE, SIDE)).astype(kind)


def _float32() -> Callable[[], object]:
    left, right = _matrices(-9, 9, FLOAT32), _matrices(-9, 9, FLOAT32)
    return lambda: left @ right


def _product(operation: str, kinds: tuple[str, str, str], right: np.ndarray) -> bytes:
    """Returns an ONNX network that multiplies its input by a matrix."""
    from onnx import TensorProto, helper, numpy_helper

    first, _, last = (getattr(TensorProto, kind) for kind in kinds)
    graph = helper.make_graph(
        [helper.make_node(operation, ["left", "right"], ["product"])],
        "product",
        [helper.make_tensor_value_info("left", first, [SIDE, SIDE])],
        [helper.make_tensor_value_info("product", last, [SIDE, SIDE])],
        [numpy_helper.from_array(right, "right")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def _int8() -> Callable[[], object]:
    import onnxruntime

    model = _product("MatMulInteger", ("UINT8", "INT8", "INT32"), _matrices(-64, 64, INT8))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    left = _matrices(0, 256, "uint8")
    return lambda: session.run(None, {"left": left})


def _bfloat16() -> Callable[[], object] | None:
    if not {"avx512_bf16", "amx_bf16"} & cpu_flags():
        return None
    import openvino

    model = _product("MatMul", ("FLOAT", "FLOAT", "FLOAT"), _matrices(-9, 9, FLOAT32))
    core = openvino.Core()
    hint = {"INFERENCE_PRECISION_HINT": "bf16", "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(core.read_model(model), "CPU", hint).create_infer_request()
    left = _matrices(-9, 9, FLOAT32)
    return lambda: request.infer([left])


def table(results: dict[str, dict], networks: list[dict], peak: dict[str, float]) -> str:
    """Returns rows with the limit of each call of our variants, and how far they are from it.

    Args:
        results: Figures of `runner` by variant.
        networks: See `network_sizes.rows`.
        peak: See `peaks`.
    """
    needed = {n["network"]: n["multiply-adds"] for n in networks}
    head = ["variant", "peak, 10^9 multiply-adds/s"]
    head += [f"{call}: ms / limit = times" for call, _, _ in CALLS]
    rows = []
    for name, row in results.items():
        variant = VARIANTS[name]
        precision = INT8 if variant.int8 else variant.precision
        if not variant.ours or precision not in peak:
            continue
        cells = []
        for call, kind, count in CALLS:
            made_by = variant.detector if kind == "detector" else variant.estimator
            network = f"{SHOWN[made_by]} {kind}"
            seconds = median(row.get(f"{call}, seconds"))
            if seconds is None or not needed.get(network):
                cells.append(NOTHING)
                continue
            limit = count * needed[network] / peak[precision]
            cells.append(f"{1000 * seconds:.2f} / {1000 * limit:.2f} = {seconds / limit:.1f}")
        rows.append([name, cell(peak[precision], ".0f", 1e-9), *cells])
    return markdown_table(head, rows) if rows else ""
