"""Errors that a person can put right, and what foreign errors say in a few words."""

import re

# What ends a line, steers a terminal (ESC begins its commands), or turns the direction of
# what follows. Names of files and columns may have any of it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def one_line(text: str) -> str:
    """Returns a text with its control characters escaped: what strangers wrote steers nothing."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class HeadposeError(Exception):
    """Something a person can put right; its text is one line that says how.

    All errors that this library raises on purpose are of this class or of one of its kinds:
    a program that uses it need not catch more.
    """

    def __init__(self, *args: object):
        super().__init__(*(one_line(arg) if isinstance(arg, str) else arg for arg in args))


class PictureError(HeadposeError):
    """A picture that cannot be read; the text names the file and the cause."""


class ShortOfMemoryError(PictureError):
    """A picture for which the memory that is free is too small: another try may succeed."""


class MissingPackageError(HeadposeError, ImportError):
    """A package that is not installed, or cannot be loaded; the text says how to install it."""


DISTRIBUTION = "headpose-toolkit"  # the name `headpose` is taken on the package index
# What pip calls a module where that differs, and which extra brings it; the core brings the rest.
PIP_NAMES = {"cv2": "opencv-python", "PIL": "pillow", "ai_edge_litert": "ai-edge-litert"}
EXTRAS = {
    **dict.fromkeys(("av", "scipy"), "video"),
    **dict.fromkeys(("tensorflow", "keras", "h5py", "pandas", "sklearn"), "train"),
    **dict.fromkeys(("matplotlib", "optuna", "yaml"), "train"),
    **dict.fromkeys(("onnx", "tf2onnx", "openvino", "nncf", "ai_edge_litert"), "export"),
    **dict.fromkeys(("fsspec", "pyarrow"), "cloud"),
    **{"ray": "distributed", "gradio": "web", "pillow_heif": "heic"},
    **{"fastapi": "rest", "uvicorn": "rest"},
}
CORE = ("numpy", "cv2", "onnxruntime", "PIL", "glob2", "tqdm")


def install(extra: str) -> str:
    """Returns the command that installs an extra of this package."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def missing_package(error: ImportError) -> MissingPackageError | None:
    """Says how to install what an import lacks; None where that is nothing we know of."""
    if "libGL" in str(error) or "libgthread" in str(error):
        return MissingPackageError(
            "OpenCV cannot be loaded, because this machine has no graphics library "
            f"({first_line(error, 60)}); pip uninstall opencv-python, then "
            "pip install opencv-python-headless"
        )
    module = (error.name or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or module not in (*CORE, *EXTRAS):
        return None
    return not_installed(module)


def not_installed(*modules: str) -> MissingPackageError:
    """Returns the error that says how to install modules that are not there.

    Args:
        modules: Names as they are imported, of those that this package or its extras bring.
    """
    names = ", ".join(PIP_NAMES.get(module, module) for module in modules)
    extras = {EXTRAS[module]: None for module in modules if module in EXTRAS}
    how = install(",".join(extras)) if extras else f"pip install {DISTRIBUTION}"
    verb = "is" if len(modules) == 1 else "are"
    return MissingPackageError(f"{names} {verb} not installed; {how}")


def reason(error: Exception) -> str:
    """Says in a few words why the operating system, or FFmpeg, refused."""
    return (getattr(error, "strerror", None) or str(error)).lower()


def first_line(error: BaseException, max_length: int | None = 120) -> str:
    """Returns the first line of what an error of a foreign program says, else its class.

    Args:
        error: The error.
        max_length: Characters at most; None for all.
    """
    lines = str(error).strip().splitlines()
    return lines[0][:max_length] if lines else type(error).__name__
