"""Looks into a `.keras` file before Keras does: it may be a stranger's.

A `.keras` file is a zip archive of a configuration, from which Keras builds layers, and of
weights in HDF5. Built are only the classes listed here and the project's own; sizes are
bounded before anything is unpacked or built. Keras' safe mode is on besides.
"""

import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

from headpose.errors import HeadposeError, first_line
from headpose.images.limits import available_memory
from headpose.models.hdf5_contents import refusal

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# Bytes: the largest of our networks (SSD512) has a configuration of 0.2 MB and 0.1 GB of
# weights.
MAX_CONFIG, MAX_WEIGHTS = 16_000_000, 2 << 30
MAX_DEPTH, MAX_LAYERS = 64, 2000
# Of a layer: the widest of ours has 1024 filters, the largest kernel 7 rows.
MAX_WIDTH, MAX_KERNEL = 16_384, 1024  # SSD512 has a stride of 512
OWN = "headpose>"  # how Keras calls what is registered in this package
OWN_LAYERS = {
    *("CropInput", "HeadAngles", "MeanWithMirror", "MirrorImage", "ErrorCalibration"),
    "ReducedCrops",
    *("DecodeBoxes", "L2Normalization", "ReverseChannels", "LocalResponseNormalization"),
    "SecondStage",
}
MODULES = ("keras", "keras.layers", "keras.models", "keras.src.models")
MODELS = {"Functional", "Sequential", "Model"}
LAYERS = {
    *("InputLayer", "Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense", "Flatten", "Reshape"),
    *("BatchNormalization", "LayerNormalization", "Rescaling", "Dropout", "ZeroPadding2D"),
    *("ReLU", "LeakyReLU", "PReLU", "Softmax", "Activation", "Add", "Multiply", "Concatenate"),
    *("MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D"),
    *("UpSampling2D", "Permute", "Cropping2D"),
}
# Parts of layers, by the module that Keras writes.
PARTS = {
    "keras": {"DTypePolicy"},
    "keras.initializers": {
        *("Constant", "Ones", "Zeros", "GlorotUniform", "GlorotNormal", "HeNormal", "HeUniform"),
        *("RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "LecunNormal"),
    },
    "keras.regularizers": {"L1", "L2", "L1L2"},
}
WIDTHS = ("filters", "units", "depth_multiplier")
KERNELS = ("kernel_size", "strides", "dilation_rate", "pool_size", "padding", "size")


def check_archive(path: Path) -> None:
    """Makes sure that a `.keras` file holds what Keras may open.

    Args:
        path: The file.

    Raises:
        HeadposeError: If it is damaged, has something else, or is larger than any of ours.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config = _config(archive)
            _check_object(config, 0, [0])
            _check_weights(archive)
    except HeadposeError:
        raise
    except _Refused as error:
        raise HeadposeError(f"{path}: {error}") from error
    except RecursionError as error:
        raise HeadposeError(f"{path}: its configuration is nested too deep") from error
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, OSError, EOFError) as error:
        raise HeadposeError(f"{path}: a damaged model file ({first_line(error)})") from error
    except (NotImplementedError, RuntimeError) as error:  # encrypted, or packed in a rare way
        raise HeadposeError(f"{path}: cannot be unpacked ({first_line(error)})") from error


class _Refused(Exception):
    """Why a file is not opened."""


def _config(archive: zipfile.ZipFile) -> Any:
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    strange = sorted(set(sizes) - {CONFIG, METADATA, WEIGHTS})
    if strange:
        raise _Refused(f"holds {strange[0][:60]!r}, which no model of ours has")
    for name in (CONFIG, WEIGHTS):
        if name not in sizes:
            raise _Refused(f"has no {name}: not a Keras model of ours")
    if max(sizes[CONFIG], sizes.get(METADATA, 0)) > MAX_CONFIG:
        raise _Refused(f"its configuration has {sizes[CONFIG] / 1e6:.0f} MB unpacked, too much")
    memory = available_memory()
    # Unpacked, in Keras' arrays and in the backend's.
    room = MAX_WEIGHTS if memory is None else min(MAX_WEIGHTS, memory // 3)
    if sizes[WEIGHTS] > room:
        raise _Refused(f"its weights have {sizes[WEIGHTS] / 1e9:.1f} GB unpacked, too much")
    return json.loads(archive.read(CONFIG))


def _check_object(value: Any, depth: int, count: list[int]) -> None:
    """Goes through a configuration and refuses classes that are not listed."""
    if depth > MAX_DEPTH:
        raise _Refused("its configuration is nested too deep")
    if isinstance(value, list):
        for item in value:
            _check_object(item, depth + 1, count)
    elif isinstance(value, dict):
        if "class_name" in value:
            count[0] += 1
            _check_class(value)
        if count[0] > MAX_LAYERS * 10:  # a layer has some ten parts
            raise _Refused(f"has more than {MAX_LAYERS} layers")
        _check_sizes(value)
        for name, item in value.items():
            if name != "compile_config":  # is not read: models are opened to be run
                _check_object(item, depth + 1, count)


def _check_class(value: dict) -> None:
    name, module = value["class_name"], value.get("module")
    registered = value.get("registered_name")
    shown = f"{module or ''}.{name}".strip(".")[:60]
    if not isinstance(name, str) or not isinstance(module, str | None):
        raise _Refused("its configuration names a class by something else than a text")
    if isinstance(registered, str) and registered.startswith(OWN):
        if registered.removeprefix(OWN) not in OWN_LAYERS:
            raise _Refused(f"holds {registered[:60]}, a layer that this version does not know")
        return
    if module is None and name == "__keras_tensor__":
        return
    if name in PARTS.get(module or "", ()):
        return
    ours = module is not None and (module in MODULES or module.startswith("keras.src.models."))
    if not ours or name not in LAYERS | MODELS:
        raise _Refused(f"holds {shown}, which is not opened: it may run a stranger's program")


def _check_sizes(value: dict) -> None:
    for name in WIDTHS:
        if isinstance(width := value.get(name), int) and not 0 < width <= MAX_WIDTH:
            raise _Refused(f"a layer has {name} {str(width)[:20]}, not 1 to {MAX_WIDTH}")
    for name in KERNELS:
        told = value.get(name)
        numbers = told if isinstance(told, list) else [told]
        for number in numbers:
            if isinstance(number, int) and not 0 <= number <= MAX_KERNEL:
                raise _Refused(f"a layer has {name} {str(number)[:20]}, not up to {MAX_KERNEL}")


def _check_weights(archive: zipfile.ZipFile) -> None:
    """Refuses weights that lie in other files, or are larger than the file that holds them."""
    import h5py

    data = archive.read(WEIGHTS)
    with h5py.File(io.BytesIO(data), "r") as file:
        if wrong := refusal(file, len(data)):
            raise _Refused(wrong)
