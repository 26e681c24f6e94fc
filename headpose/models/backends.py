"""Which program runs networks, and how: what is asked for, and what is there.

`headpose.models.sessions` opens files in them.
"""

import dataclasses
import importlib

from headpose.errors import HeadposeError, first_line, not_installed
from headpose.models.keras_setup import cpu_flags

BACKENDS = ("keras", "onnxruntime", "openvino", "opencv", "litert")
# What each of them reads, its own format first; a folder (TensorFlow's SavedModel) has "".
READS = {
    "keras": (".keras", ".h5", ".hdf5", ""),
    "onnxruntime": (".onnx",),
    "openvino": (".xml", ".onnx"),
    "opencv": (".onnx",),
    "litert": (".tflite",),
}
# What runs eight-bit files, each its own, and what Linux calls the instructions for it.
EIGHT_BITS = ("onnxruntime", "openvino")
EIGHT_BIT_UNITS = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp")


@dataclasses.dataclass(frozen=True)
class Backend:
    """Which program runs networks, and how.

    Attributes:
        name: One of `BACKENDS`; None: the one that the model's file is for.
        device: As for `headpose.models.keras_setup.set_up`.
        precision: `float32`; `bfloat16` (Keras and OpenVINO); `int8`, from the eight-bit file
            beside a model's (ONNX Runtime and OpenVINO, each in its own format); `auto`:
            `int8` where the processor has instructions for it and there is such a file, in
            Keras as `set_up` says. None is float32, in Keras `auto`: what a model answers
            then depends on no processor.
        trusted: Whether programs may be opened: a SavedModel can read and write files.

    Raises:
        HeadposeError: If it knows no such device or arithmetic.
    """

    name: str | None = None
    device: str = "auto"
    precision: str | None = None
    trusted: bool = False

    def __post_init__(self):
        if self.name in ("opencv", "litert") and self.device == "gpu":
            raise HeadposeError(f"{self.name} runs on the processor here; leave out --device gpu")
        if self.name in ("onnxruntime", "opencv", "litert") and self.precision == "bfloat16":
            raise HeadposeError(
                f"{self.name} computes as the file says; leave out --precision bfloat16 "
                "or use --backend openvino"
            )

        if self.precision == "int8" and (
            self.name not in (None, *EIGHT_BITS) or self.device == "gpu"
        ):
            raise HeadposeError(
                f"eight bits run on the processor, in {' or '.join(EIGHT_BITS)}; "
                "leave out --precision int8"
            )

    @property
    def takes_eight_bits(self) -> bool:
        """Whether an eight-bit file is to be run where there is one."""
        if self.precision != "auto":
            return self.precision == "int8"
        return (
            self.name in (None, *EIGHT_BITS)
            and self.device != "gpu"
            and not cpu_flags().isdisjoint(EIGHT_BIT_UNITS)
            and not (self.device == "auto" and onnxruntime_has_gpu())
        )

    def named(self, name: str) -> "Backend":
        """Returns the same with a name."""
        return dataclasses.replace(self, name=name)

    @classmethod
    def of(cls, value: "str | Backend | None") -> "Backend":
        """Makes a name a backend.

        Raises:
            HeadposeError: If there is none of that name.
        """
        if isinstance(value, cls):
            return value
        if value is not None and value not in BACKENDS:
            raise HeadposeError(f"backend must be one of {', '.join(BACKENDS)}, not {value!r}")
        return cls(value)


def package(module: str):
    """Imports a package that is needed for some runtimes only.

    Raises:
        HeadposeError: If it is missing, and then says how to install it, or broken.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise not_installed(module.partition(".")[0]) from error
    except ImportError as error:
        raise HeadposeError(f"{module} cannot be loaded: {first_line(error)}") from error


def onnxruntime_has_gpu() -> bool:
    """Tells whether the ONNX Runtime that is installed was built for NVIDIA's GPUs."""
    return "CUDAExecutionProvider" in package("onnxruntime").get_available_providers()
