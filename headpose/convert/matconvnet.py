"""Reading the published detector: a network of MatConvNet (autonn) in a `.mat` file.

The file is MAT v5. Its variables are the fields of autonn's `Net`; four are of use here:
`vars`, a cell with the tensors among many empty entries; `params`, which names them and
says where in `vars` each stands; `forward`, the layers with their arguments; and `meta`.
Kernels are (height, width, in, out) and both programs cross-correlate, so a tensor goes
into Keras as it is.
"""

import dataclasses
import re
import warnings
from pathlib import Path

import numpy as np

from headpose.convert.matconvnet_fields import check_meta, prior_arguments, text
from headpose.convert.ssd512_weights import (
    BIASES,
    L2_LAYER,
    SHAPES,
    WEIGHTS,
    Slot,
    Tensor,
    check_complete,
    checked,
)
from headpose.datasets.matlab_files import check_mat
from headpose.errors import HeadposeError, reason
from headpose.files import HDF5, check_readable, sha256

# The published head-detector.mat.
PUBLISHED_SIZE = 90_941_165  # bytes
PUBLISHED_SHA256 = "cd5ec15412e5e84259144cf335996be50fcb9d5e4dab82d04412d6895b643807"

_TRUNK_NAME = re.compile(r"(conv\d+_\d|fc[67])_?(?:(f|filters?)|b|bias|biases)")
_HEAD_NAME = re.compile(
    r"(conv4_3_norm|(?:conv\d+_2|fc7|relu7)(?:_relu)?)_(?:mbox_)?(loc|conf)_?"
    r"(?:(f|filters?)|b|bias|biases)"
)
_L2_NAMES = {"conv4_3_norm_p1", "conv4_3_norm", "conv4_3_norm_gamma", "conv4_3_norm_scale"}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A named tensor as the file has it: its name, its place in `vars` from 1, its values."""

    name: str
    index: int
    array: object


@dataclasses.dataclass
class Network:
    """What a file holds.

    Attributes:
        tensors: All 79, checked, each with its place.
        priors: Arguments of the prior layers by the map they stand on, as they were in
            training: `minSize`, `pixelStep`, `aspectRatios` and so on.
        remarks: What is unusual but no fault, a line each.
    """

    tensors: list[Tensor]
    priors: dict[str, dict]
    remarks: list[str]


def read(path: str | Path, table: dict[Slot, int]) -> Network:
    """Reads a detector and decides where each tensor goes.

    Args:
        path: A `.mat` file, v5 (MATLAB's `-v7` or `-v6`).
        table: Places in `vars` by `ssd512_weights.read_table`: what decides where a name
            does not, and what names are compared with.

    Raises:
        HeadposeError: If the file is damaged or holds anything but SSD512 for two classes.
    """
    _check_container(path)
    contents = _load(path, ["vars", "params"])
    if "vars" not in contents:
        others = ", ".join(_list(path)[:6]) or "nothing"
        raise HeadposeError(
            f"{path}: no variable 'vars', so no MatConvNet network; it has {others}"
        )
    remarks = []
    for name in ("meta", "forward"):
        # Neither holds a weight, and both may hold MATLAB objects that scipy cannot read.
        try:
            contents |= _load(path, [name])
        except HeadposeError:
            remarks.append(f"'{name}' cannot be read and is not checked")
    try:
        remarks += check_meta(contents.get("meta"))
        parameters, more = list_parameters(contents["vars"], contents.get("params"))
        tensors, crosses = assign(parameters, table)
    except HeadposeError as failure:
        raise HeadposeError(f"{path}: {failure}") from failure
    return Network(tensors, prior_arguments(contents.get("forward")), remarks + more + crosses)


def differences_from_published(path: str | Path) -> list[str]:
    """Says how a file differs from the published head detector; empty if it is that file."""
    size = Path(path).stat().st_size
    if size != PUBLISHED_SIZE:
        return [f"size {size:,} bytes, not {PUBLISHED_SIZE:,}"]
    digest = sha256(path)
    if digest != PUBLISHED_SHA256:
        return [f"sha256 {digest}, not {PUBLISHED_SHA256}"]
    return []


def place_of(name: str) -> Slot | None:
    """Returns the place that a parameter's name stands for, in all accepted spellings.

    Trunk `conv1_1f`, `conv1_1_filter`, `conv6_1_filters`, `conv6_1_biases`; L2 scale
    `conv4_3_norm_p1`; heads `<map>_loc_filters`, `<map>_conf_biases`, where the map may
    be named by its convolution or by the ReLU after it (`relu7`, `conv6_2_relu`).
    """
    if name in _L2_NAMES:
        return L2_LAYER, WEIGHTS
    if found := _HEAD_NAME.fullmatch(name):
        source = found[1].removesuffix("_relu").replace("relu7", "fc7")
        slot = f"{source}_mbox_{found[2]}", WEIGHTS if found[3] else BIASES
    elif found := _TRUNK_NAME.fullmatch(name):
        slot = found[1], WEIGHTS if found[2] else BIASES
    else:
        return None
    return slot if slot in SHAPES else None


def assign(parameters: list[Parameter], table: dict[Slot, int]) -> tuple[list[Tensor], list[str]]:
    """Gives each parameter its place: by name, else by its index in `vars`.

    Returns:
        The tensors in the table's order, and remarks where names and table disagree.

    Raises:
        HeadposeError: Naming the parameter that is missing, there twice, unknown or unfit.
    """
    taken: dict[Slot, tuple[Parameter, str]] = {}
    indices: dict[int, Parameter] = {}
    at = {index: slot for slot, index in table.items()}
    named = [(p, place_of(p.name), "name") for p in parameters]
    by_table = [(p, at.get(p.index), "table") for p, slot, _ in named if slot is None]
    for parameter, slot, by in [x for x in named if x[1]] + by_table:
        other = indices.setdefault(parameter.index, parameter)
        if other is not parameter:
            raise HeadposeError(
                f"parameters {other.name!r} and {parameter.name!r} both stand for"
                f" vars{{{parameter.index}}}"
            )
        if slot is None or (by == "table" and slot in taken):
            raise HeadposeError(
                f"parameter {parameter.name!r} at vars{{{parameter.index}}}: neither name nor"
                " place is one of SSD512's"
            )
        if slot in taken:
            raise HeadposeError(
                f"duplicate parameter for {' '.join(slot)}: {taken[slot][0].name!r} and"
                f" {parameter.name!r}"
            )
        taken[slot] = parameter, by
    check_complete(taken)
    tensors = [
        Tensor(*slot, p.name, checked(p.array, slot, f"parameter {p.name!r}"), p.index, by)
        for slot, (p, by) in sorted(taken.items(), key=lambda item: table[item[0]])
    ]

    remarks = []
    if guessed := [t for t in tensors if t.by == "table"]:
        remarks.append(
            f"{len(guessed)} parameters were placed by the table alone, their names say nothing"
            f" (first: {guessed[0].name!r} at vars{{{guessed[0].index}}} -> {guessed[0].layer})"
        )
    if moved := [t for t in tensors if t.index != table[t.slot]]:
        first = moved[0]
        remarks.append(
            f"{len(moved)} parameters stand elsewhere in vars than the table says; their names"
            f" were followed (first: {first.name!r} at {first.index}, not {table[first.slot]})"
        )
    return tensors, remarks


def list_parameters(cells, params) -> tuple[list[Parameter], list[str]]:
    """Joins `params` (names and places) with `vars` (values), as scipy reads them.

    Without `params` every entry of `vars` that is not empty counts, without a name.

    Returns:
        The parameters and remarks.

    Raises:
        HeadposeError: If they do not fit together.
    """
    cells = np.asarray(cells)
    if cells.dtype != object:
        raise HeadposeError("'vars' is no cell array, so no MatConvNet network")
    cells = cells.reshape(-1)
    if params is None:
        full = [i for i, cell in enumerate(cells, 1) if np.size(cell)]
        return [Parameter("", i, cells[i - 1]) for i in full], ["no 'params': places by table"]
    fields = getattr(params, "dtype", np.dtype(float)).names or ()
    if "name" not in fields or "var" not in fields:
        raise HeadposeError(
            "'params' has no fields 'name' and 'var', so no MatConvNet (autonn) network"
        )
    result = []
    for number, record in enumerate(np.asarray(params).reshape(-1), 1):
        name = text(record["name"])
        value = np.asarray(record["var"]).reshape(-1)
        if len(value) != 1 or value.dtype.kind not in "iuf" or value[0] % 1:
            raise HeadposeError(f"params({number}).var of {name!r} is not one whole number")
        index = int(value[0])  # may be stored as float or as uint8
        if not 1 <= index <= len(cells):
            raise HeadposeError(f"parameter {name!r}: vars has no entry {index}, only {len(cells)}")
        if not np.size(cells[index - 1]):
            raise HeadposeError(f"parameter {name!r}: its entry vars{{{index}}} is empty")
        result.append(Parameter(name, index, cells[index - 1]))
    return result, []


def _check_container(path: str | Path) -> None:
    """Tells a MAT v5 file from its look-alikes by the first bytes."""
    check_readable(path)
    try:
        with Path(path).open("rb") as file:
            head = file.read(520)
    except FileNotFoundError as error:
        raise HeadposeError(f"{path}: no such file") from error
    except OSError as error:
        raise HeadposeError(f"{path}: cannot be read: {reason(error)}") from error
    if head.startswith(b"MATLAB 7.3") or head[512:].startswith(HDF5):
        raise HeadposeError(
            f"{path}: a MAT file v7.3 (HDF5), which is not read here; load it in MATLAB and save"
            " it with -v7"
        )
    if head.startswith(b"version https://git-lfs"):
        raise HeadposeError(
            f"{path}: a Git LFS pointer instead of the file; fetch it with git lfs pull"
        )
    mark, version = head[126:128], head[124:126]
    major = version[1:] if mark == b"IM" else version[:1]  # the mark tells the bytes' order
    if mark not in (b"IM", b"MI") or major != b"\1":
        raise HeadposeError(f"{path}: not a MATLAB file (MAT v5), or damaged at its beginning")


def _load(path: str | Path, names: list[str]) -> dict:
    from scipy.io import loadmat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on function handles and the like
            check_mat(path, names)
            return loadmat(path, variable_names=names)
    except Exception as error:  # scipy raises zlib's, struct's and numpy's errors alike
        what = " and ".join(repr(name) for name in names)
        raise HeadposeError(
            f"{path}: damaged or incomplete, {what} cannot be read; get the file again"
        ) from error


def _list(path: str | Path) -> list[str]:
    from scipy.io import whosmat

    try:
        return [name for name, _, _ in whosmat(path)]
    except Exception:  # only to make a message better
        return []
