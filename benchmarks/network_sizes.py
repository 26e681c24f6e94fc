"""How large networks are: parameters and multiply-adds, of Keras models and ONNX files."""

from collections.abc import Sequence

from variant_files import FSA_NET_FILES, YUNET_FILE, Sources, build
from variants import FSA_NET, PUBLISHED, SSD512, YUNET

from headpose.errors import HeadposeError
from headpose.training.onnx_multiply_adds import onnx_size

PICTURE = (384, 512)  # height and width that networks for any size are counted at


def rows(sources: Sources) -> list[dict]:
    """Counts our networks, those of the published system and, where given, of others.

    Args:
        sources: Our models and the folder of others.

    Returns:
        For each `network`, `input`, `parameters` and `multiply-adds`, None if unknown.
    """
    from headpose.models.keras_setup import set_up

    set_up("cpu", "float32")
    from headpose.models.keras_files import load_keras

    result = [
        _of_keras("our detector", load_keras(sources.detector)),
        _of_keras("our estimator", load_keras(sources.estimator)),
        _of_keras(SSD512, build(SSD512)),
        _of_keras(PUBLISHED, build(PUBLISHED)),
    ]
    if sources.peers is not None:
        height, width = PICTURE
        result += [
            _of_onnx(YUNET, sources, [YUNET_FILE], (1, 3, height, width)),
            _of_onnx(f"{FSA_NET} (both files)", sources, FSA_NET_FILES, (1, 3, 64, 64)),
        ]
    return result


def _of_keras(name: str, model) -> dict:
    from headpose.training.multiply_adds import multiply_adds

    shape = [n or m for n, m in zip(model.input_shape[1:3], PICTURE, strict=True)]
    counted = multiply_adds(model, PICTURE)
    return _row(name, [*shape, model.input_shape[3]], model.count_params(), counted)


def _of_onnx(name: str, sources: Sources, files: Sequence[str], shape: tuple) -> dict:
    input_shape = [*shape[2:], shape[1]]
    try:
        counts = [onnx_size(sources.peer(file), shape) for file in files]
    except (HeadposeError, ImportError, ValueError):
        return _row(name, input_shape, None, None)
    return _row(name, input_shape, *map(sum, zip(*counts, strict=True)))


def _row(name: str, shape: Sequence[int], parameters: int | None, counted: int | None) -> dict:
    size = "x".join(map(str, shape))
    return {"network": name, "input": size, "parameters": parameters, "multiply-adds": counted}
