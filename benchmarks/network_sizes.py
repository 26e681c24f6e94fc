"""How large networks are: parameters and multiply-adds, of Keras models and ONNX files."""

from collections.abc import Sequence
from pathlib import Path

from onnx_multiply_adds import onnx_size
from variants import FAST, FSA_NET, OURS, PUBLISHED, SSD512, YUNET, build, peer_files

from headpose.errors import HeadposeError
from headpose.models.shipped import FAST_DETECTOR, FAST_ESTIMATOR

SHOWN = {OURS: "our", FAST: "our fast"}
PICTURE = (384, 512)  # height and width that networks for any size are counted at


def rows(detector: Path, estimator: Path, peers: str | None) -> list[dict]:
    """Counts our networks, those of the published system and, where given, of others.

    Returns:
        For each `network`, `input`, `parameters` and `multiply-adds`, None if unknown.
    """
    from headpose.models.keras_setup import set_up

    set_up("cpu", "float32")
    from headpose.models.keras_files import load_keras
    from headpose.training.multiply_adds import multiply_adds

    models = {
        f"{SHOWN[OURS]} detector": load_keras(detector),
        f"{SHOWN[OURS]} estimator": load_keras(estimator),
        f"{SHOWN[FAST]} detector": load_keras(FAST_DETECTOR),
        f"{SHOWN[FAST]} estimator": load_keras(FAST_ESTIMATOR),
        **{name: build(name) for name in (SSD512, PUBLISHED)},
    }
    result = []
    for name, model in models.items():
        shape = [n or m for n, m in zip(model.input_shape[1:3], PICTURE, strict=True)]
        counts = model.count_params(), multiply_adds(model, PICTURE)
        result.append(_row(name, [*shape, model.input_shape[3]], *counts))
    if peers is not None:
        result += [_of_onnx(YUNET, "", peers, PICTURE)]
        result += [_of_onnx(FSA_NET, " (both files)", peers, (64, 64))]
    return result


def _of_onnx(name: str, remark: str, folder: str, size: tuple[int, int]) -> dict:
    try:
        counts = [onnx_size(file, (1, 3, *size)) for file in peer_files(name, folder)]
    except (HeadposeError, ImportError, ValueError):
        return _row(name + remark, [*size, 3], None, None)
    return _row(name + remark, [*size, 3], *map(sum, zip(*counts, strict=True)))


def _row(name: str, shape: Sequence[int], parameters: int | None, counted: int | None) -> dict:
    size = "x".join(map(str, shape))
    return {"network": name, "input": size, "parameters": parameters, "multiply-adds": counted}
