"""Builds Keras 2 files of the published detector's structure."""

from pathlib import Path

import h5py
import numpy as np
from synthetic_mat import Net


def write_keras2(path: Path, weights: dict[str, np.ndarray], whole_model: bool = False) -> Path:
    """Writes weights as Keras 2 did: a group per layer, with its list of tensors."""
    layers: dict[str, dict[str, np.ndarray]] = {"input_1": {}, "conv4_3_norm_mbox_priorbox": {}}
    for name, (layer, part) in Net().place.items():
        entries = layers.setdefault(layer, {})
        if layer == "conv4_3_norm":
            entries["conv4_3_norm/conv4_3_norm_gamma:0"] = weights[name].reshape(-1)
        elif part == "weights":
            entries[f"{layer}/kernel:0"] = weights[name]
        else:
            entries[f"{layer}/bias:0"] = weights[name].reshape(-1)
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole_model else file
        root.attrs["layer_names"] = np.array(list(layers), "S")
        root.attrs["backend"] = b"tensorflow"
        root.attrs["keras_version"] = b"2.2.4"
        for layer, entries in layers.items():
            group = root.create_group(layer)
            group.attrs["weight_names"] = np.array(list(entries), "S")
            for name, array in entries.items():
                group[name] = array
    return path
