"""The 79 tensors of SSD512: where each belongs, what is checked, how they are laid in.

Both kinds of files that hold the published detector, MatConvNet's and Keras 2's, are read
into `Tensor`s; from there on they are treated alike.
"""

import csv
import dataclasses
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from headpose.errors import HeadposeError, reason
from headpose.files import check_readable
from headpose.models.shipped import MODELS

LAYERS_TABLE = MODELS / "layers.csv"

WEIGHTS, BIASES = "weights", "biases"
Slot = tuple[str, str]  # Keras layer, and WEIGHTS or BIASES

# Convolutions: kernel's side, channels in, channels out (Liu et al. 2016, section 3).
_CONVOLUTIONS = {
    "conv1_1": (3, 3, 64),
    "conv1_2": (3, 64, 64),
    "conv2_1": (3, 64, 128),
    "conv2_2": (3, 128, 128),
    "conv3_1": (3, 128, 256),
    "conv3_2": (3, 256, 256),
    "conv3_3": (3, 256, 256),
    "conv4_1": (3, 256, 512),
    "conv4_2": (3, 512, 512),
    "conv4_3": (3, 512, 512),
    "conv5_1": (3, 512, 512),
    "conv5_2": (3, 512, 512),
    "conv5_3": (3, 512, 512),
    "fc6": (3, 512, 1024),
    "fc7": (1, 1024, 1024),
    "conv6_1": (1, 1024, 256),
    "conv6_2": (3, 256, 512),
    "conv7_1": (1, 512, 128),
    "conv7_2": (3, 128, 256),
    "conv8_1": (1, 256, 128),
    "conv8_2": (3, 128, 256),
    "conv9_1": (1, 256, 128),
    "conv9_2": (3, 128, 256),
    "conv10_1": (1, 256, 128),
    "conv10_2": (4, 128, 256),
}
L2_LAYER = "conv4_3_norm"
_L2_CHANNELS = 512
# Feature maps with heads: channels, boxes a cell.
_SOURCES = {
    "conv4_3_norm": (512, 4),
    "fc7": (1024, 6),
    "conv6_2": (512, 6),
    "conv7_2": (256, 6),
    "conv8_2": (256, 6),
    "conv9_2": (256, 4),
    "conv10_2": (256, 4),
}


def _shapes() -> dict[Slot, tuple[int, ...]]:
    kernels = {name: (k, k, i, o) for name, (k, i, o) in _CONVOLUTIONS.items()}
    for source, (channels, boxes) in _SOURCES.items():
        kernels[f"{source}_mbox_loc"] = (3, 3, channels, 4 * boxes)
        kernels[f"{source}_mbox_conf"] = (3, 3, channels, 2 * boxes)
    result: dict[Slot, tuple[int, ...]] = {(L2_LAYER, WEIGHTS): (_L2_CHANNELS,)}
    for name, shape in kernels.items():
        result[name, WEIGHTS] = shape
        result[name, BIASES] = shape[-1:]
    return result


# Of every tensor as Keras keeps it: kernels (height, width, in, out), else a vector.
SHAPES: dict[Slot, tuple[int, ...]] = _shapes()


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One tensor of a file and the place it takes in the network.

    Attributes:
        layer: Keras layer, named as in `models/layers.csv`.
        part: `weights` or `biases`.
        name: What the file calls it.
        array: Its values, float32, in the shape of `SHAPES`.
        index: Its place in MatConvNet's `vars`, counted from 1; None elsewhere.
        by: What decided the place: `name` or `table`.
    """

    layer: str
    part: str
    name: str
    array: np.ndarray
    index: int | None = None
    by: str = "name"

    @property
    def slot(self) -> Slot:
        return self.layer, self.part


def as_text(shape: Iterable[int]) -> str:
    """Returns a shape as `3x3x64x64`."""
    return "x".join(map(str, shape))


def checked(array, slot: Slot, called: str) -> np.ndarray:
    """Returns a tensor as float32 in the shape its place asks for.

    Args:
        array: As the file gave it. Kernels must have the shape of `SHAPES`; for
            vectors, axes of length 1 do not count.
        slot: Its place.
        called: How a message names it.

    Raises:
        HeadposeError: If it holds no real numbers, has another shape, or has values that
            are not finite.
    """
    place, wanted = " ".join(slot), SHAPES[slot]
    array = np.asarray(array)
    if array.dtype.kind != "f":
        raise HeadposeError(f"{called} ({place}): holds {array.dtype}, not floating point numbers")
    shape = array.shape
    if len(wanted) == 1 and max(shape, default=1) == array.size:
        shape = (array.size,)
    if shape != wanted:
        raise HeadposeError(
            f"{called} ({place}): has shape {as_text(array.shape)}, SSD512 for two classes"
            f" needs {as_text(wanted)}"
        )
    with np.errstate(over="ignore"):
        array = array.astype(np.float32).reshape(wanted)
    bad = array.size - np.count_nonzero(np.isfinite(array))
    if bad:
        raise HeadposeError(
            f"{called} ({place}): {bad} of {array.size} values are not finite numbers"
        )
    return array


def check_complete(slots: Iterable[Slot], what: str = "parameter") -> None:
    """Makes sure that every place is taken.

    Raises:
        HeadposeError: Naming the first that is not.
    """
    taken = set(slots)
    missing = [slot for slot in SHAPES if slot not in taken]
    if missing:
        layers = {layer for layer, _ in missing}
        small = {"conv10_1", "conv10_2"} <= layers
        raise HeadposeError(
            f"no {what} for {' '.join(missing[0])}: {len(taken)} of {len(SHAPES)} found"
            + ("; is it an SSD300? only SSD512 can be converted" if small else "")
        )


def read_table(path: str | Path = LAYERS_TABLE) -> dict[Slot, int]:
    """Reads `layers.csv`: where in MatConvNet's `vars` each tensor stands, counted from 1.

    Columns `name,weights,biases`, a row a layer; biases are -1 where there are none.

    Raises:
        HeadposeError: If it cannot be read or does not name each place once.
    """
    check_readable(path)
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read: {reason(error)}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise HeadposeError(f"{path}: not a CSV file") from error
    table: dict[Slot, int] = {}
    for number, row in enumerate(rows, 2):
        for part in (WEIGHTS, BIASES):
            slot = (row.get("name") or "", part)
            try:
                index = int(row.get(part) or "")
            except ValueError as error:
                raise HeadposeError(
                    f"{path}, line {number}: no whole number under {part}"
                ) from error
            if slot == (L2_LAYER, BIASES) and index == -1:
                continue
            if slot not in SHAPES:
                raise HeadposeError(f"{path}, line {number}: SSD512 has no {slot[0]!r} with {part}")
            if index < 1 or index in table.values() or slot in table:
                raise HeadposeError(
                    f"{path}, line {number}: {part} {index} is out of range or repeated"
                )
            table[slot] = index
    for layer, part in SHAPES:
        if (layer, part) not in table:
            raise HeadposeError(f"{path}: no row gives the {part} of {layer}")
    return table


def lay(model, tensors: Iterable[Tensor]) -> None:
    """Puts tensors into an SSD512 of `headpose.detection.networks`.

    Raises:
        HeadposeError: If places of the network stay without a tensor.
    """
    tensors = list(tensors)
    check_complete(tensor.slot for tensor in tensors)
    for tensor in tensors:
        layer = model.get_layer(tensor.layer)
        variable = layer.weights[0 if tensor.part == WEIGHTS else 1]
        variable.assign(tensor.array)
