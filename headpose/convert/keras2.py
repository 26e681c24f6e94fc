"""Reading weights that Keras 2 saved as HDF5, without Keras 2."""

from pathlib import Path

import h5py
import numpy as np

from headpose.errors import HeadposeError
from headpose.models.hdf5_contents import refusal

MAX_BLOCKS = 6  # of the published search, on crops of 64 pixels


def read_weights(path: str | Path) -> dict[str, list[np.ndarray]]:
    """Returns the weights of each layer that has any, in the model's order.

    Reads files of `model.save` (a group `model_weights`) and of `model.save_weights`.

    Raises:
        HeadposeError: If the file is missing or no HDF5 file of Keras 2, or its weights lie
            in other files or claim more than it holds.
    """
    try:
        with h5py.File(path, "r") as file:
            if wrong := refusal(file, Path(path).stat().st_size):
                raise HeadposeError(f"{path}: refused: {wrong}")
            root = file.get("model_weights", file)
            names = [_text(n) for n in root.attrs["layer_names"]]
            layers = {
                n: [np.asarray(root[n][_text(w)]) for w in root[n].attrs["weight_names"]]
                for n in names
            }
    except FileNotFoundError as error:
        raise HeadposeError(f"{path}: no such model file") from error
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise HeadposeError(f"{path}: not an HDF5 file of Keras 2 weights ({error})") from error
    return {name: weights for name, weights in layers.items() if weights}


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


def load_pose_estimator(path: str | Path):
    """Loads the published `pose-estimator.h5` or another of its family.

    The network is read off the weights' shapes; normalization and output scale are the
    published ones.

    Raises:
        HeadposeError: If the weights are not of that family.
    """
    layers = list(read_weights(path).values())
    kernels = [weights[0] for weights in layers]
    convolutions = [k for k in kernels if k.ndim == 4]
    dense = [k for k in kernels if k.ndim == 2]
    wrong = HeadposeError(f"{path}: not a pose estimator of the published family")
    if not convolutions or not dense or any(len(weights) != 2 for weights in layers):
        raise wrong
    # Before it is built: each block has twice the filters of the one before.
    widths = [k.shape[-1] for k in convolutions]
    doubled = [widths[0] * 2**i for i in range(min(len(widths), MAX_BLOCKS))]
    numbers = all(array.dtype.kind == "f" and array.size for w in layers for array in w)
    if widths != doubled or not numbers:
        raise wrong
    from headpose.pose.networks import build_patacchiola

    blocks, filters = len(convolutions), convolutions[-1].shape[-1]
    # What reaches the first dense layer is the last feature map, flattened.
    remaining = round((dense[0].shape[0] / filters) ** 0.5)
    model = build_patacchiola(
        in_size=max(remaining, 1) * 2**blocks,
        num_conv_blocks=blocks,
        num_filters_start=convolutions[0].shape[-1],
        num_dense_layers=len(dense) - 1,
        dense_layer_size=dense[0].shape[1],
        outputs=dense[-1].shape[1],
    )
    flat = [array for weights in layers for array in weights]
    if [w.shape for w in flat] != [tuple(w.shape) for w in model.weights]:
        raise wrong
    model.set_weights(flat)
    return model
