"""Laying out SSD512's weights from a Keras 2 `.h5` file, such as the original project made."""

from pathlib import Path

from headpose.convert.ssd512_weights import BIASES, SHAPES, WEIGHTS, Tensor, check_complete, checked
from headpose.errors import HeadposeError


def read(path: str | Path) -> list[Tensor]:
    """Reads the tensors by their layers' names; weights come before biases.

    Raises:
        HeadposeError: If it is no such file, or a tensor is missing, unknown or unfit.
    """
    from headpose.convert.keras2 import read_weights

    tensors = []
    for layer, arrays in read_weights(path).items():
        for part, array in zip((WEIGHTS, BIASES), arrays, strict=False):
            if (layer, part) not in SHAPES:
                raise HeadposeError(f"{path}: SSD512 has no {part} in a layer {layer!r}")
            array = checked(array, (layer, part), f"{path}: layer {layer!r}")
            tensors.append(Tensor(layer, part, f"{layer}, {part}", array))
        if len(arrays) > 2:
            raise HeadposeError(
                f"{path}: layer {layer!r} has {len(arrays)} tensors, SSD512's at most 2"
            )
    try:
        check_complete((tensor.slot for tensor in tensors), "tensor")
    except HeadposeError as failure:
        raise HeadposeError(f"{path}: {failure}") from failure
    return tensors
