"""Reads files of tensors that PyTorch wrote; PyTorch is needed for that alone."""

from pathlib import Path

import numpy as np

from headpose.errors import HeadposeError, first_line

Tensors = dict[str, np.ndarray]


def read_tensors(path: Path) -> Tensors:
    """Reads a PyTorch file of tensors by name; nothing in it is run.

    Raises:
        HeadposeError: If PyTorch is missing, or the file holds something else.
    """
    try:
        import torch
    except ImportError as error:
        raise HeadposeError(
            "reading a .pth file takes PyTorch, which is not installed: pip install torch"
        ) from error
    try:
        told = torch.load(path, map_location="cpu", weights_only=True)
        return {str(name): tensor.numpy() for name, tensor in told.items()}
    except Exception as error:  # whatever a damaged or hostile file makes PyTorch raise
        told = first_line(error)
        raise HeadposeError(f"{path}: not a PyTorch file of tensors ({told})") from error
