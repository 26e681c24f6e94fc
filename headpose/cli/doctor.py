"""Tells what is installed here and what is missing, for bug reports.

Versions, what can run networks and on which devices, formats of pictures and videos, fonts,
and whether the models that ship are whole. Nothing is sent anywhere.
"""

import argparse
import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from headpose import __version__
from headpose.cli import common as cl
from headpose.cli.surroundings import outlive_reader
from headpose.errors import EXTRAS, HeadposeError, first_line, install
from headpose.files import atomic_write, check_outputs

# What pip calls each package: what it is for here. The first are needed for photos.
NEEDED = ("numpy", "opencv-python", "onnxruntime", "pillow", "glob2", "tqdm")
FURTHER = {
    "av": "videos and cameras",
    "scipy": "following heads through videos",
    "tensorflow": "training, and Keras files",
    "keras": "training, and Keras files",
    "h5py": "Keras files",
    "pandas": "data sets",
    "scikit-learn": "cleaning data sets",
    "matplotlib": "figures",
    "optuna": "sweeps",
    "pyyaml": "sweeps",
    "gradio": "the page in the browser",
    "fastapi": "the REST endpoint",
    "uvicorn": "the REST endpoint",
    "openvino": "the backend openvino",
    "ai-edge-litert": "the backend litert",
    "tf2onnx": "exporting",
    "onnx": "exporting",
    "nncf": "exporting with eight bits",
    "ray": "work on several machines",
    "pyarrow": "Parquet tables",
    "pillow-heif": "HEIC pictures",
}
# What Python calls those of them whose name is another.
MODULES = {
    "ai-edge-litert": "ai_edge_litert",
    "pillow-heif": "pillow_heif",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
}
VECTOR_UNITS = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8")
# Other names under which the same package is installed.
ALIASES = {
    "opencv-python": ("opencv-python-headless", "opencv-contrib-python"),
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime-openvino"),
}
PICTURES = ("jpg", "webp", "zlib", "libtiff", "avif")  # Pillow's names
VIDEO_DECODERS = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mjpeg")
VIDEO_ENCODERS = ("libx264", "mpeg4", "libvpx-vp9", "libvpx")


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    parser.add_argument("--json", metavar="FILE", help="write it as JSON, too; - is stdout")
    cl.add_overwrite_option(parser)
    return parser


def version_of(package: str) -> str | None:
    """Returns the version of an installed package; None if it is missing."""
    for name in (package, *ALIASES.get(package, ())):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        return version if name == package else f"{version} ({name})"
    return None


def asked(question: Callable[[], Any]) -> Any:
    """Returns an answer, or why there is none: a broken package must not end the report."""
    try:
        return question()
    except HeadposeError as error:
        return f"broken: {error}"
    except Exception as error:  # whatever importing it raises
        return f"broken: {type(error).__name__}: {first_line(error)}"


def processor_name() -> str:
    """Returns what the processor calls itself, else its kind."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def system() -> dict[str, Any]:
    """Returns what computer this is."""
    from headpose.images.limits import available_memory
    from headpose.models.keras_setup import cpu_flags

    memory = available_memory()
    return {
        "headpose": __version__,
        "python": f"{platform.python_version()}, {sys.executable}",
        "system": platform.platform(),
        "processor": f"{processor_name()}, {os.cpu_count()} cores, "
        f"{' '.join(sorted(cpu_flags().intersection(VECTOR_UNITS))) or 'no vector units known'}",
        "free memory": "unknown" if memory is None else f"{memory / 1e9:.1f} GB",
        "locale": f"{sys.getfilesystemencoding()} names, {sys.stdout.encoding} output",
    }


def backends() -> dict[str, str]:
    """Returns what can run networks, and on what."""

    def onnxruntime() -> str:
        import onnxruntime

        names = onnxruntime.get_available_providers()
        return ", ".join(name.removesuffix("ExecutionProvider") for name in names)

    def openvino() -> str:
        import openvino

        return ", ".join(openvino.Core().available_devices)

    def opencv() -> str:
        import cv2

        return f"CPU, {cv2.getNumThreads()} threads"

    def litert() -> str:
        import ai_edge_litert.interpreter  # noqa: F401

        return "CPU"

    def keras() -> str:
        # Importing it takes ten seconds and more: only what it would use is told.
        from headpose.models.keras_setup import check_keras_backend

        check_keras_backend()
        return f"installed, would use {os.environ.get('KERAS_BACKEND') or 'tensorflow'}"

    modules = {
        "onnxruntime": ("onnxruntime", onnxruntime),
        "opencv": ("cv2", opencv),
        "openvino": ("openvino", openvino),
        "litert": ("ai_edge_litert", litert),
        "keras": ("keras", keras),
    }
    return {
        name: asked(question) if importlib.util.find_spec(module) else "not installed"
        for name, (module, question) in modules.items()
    }


def formats() -> dict[str, str]:
    """Returns which pictures, videos and fonts can be read and written."""

    def pictures() -> str:
        from PIL import features

        return ", ".join(name for name in PICTURES if features.check(name))

    def codecs(names: tuple[str, ...], mode: Literal["r", "w"]) -> str:
        from av.codec import Codec

        known = []
        for name in names:
            try:
                Codec(name, mode)
            except Exception:  # FFmpeg was built without it
                continue
            known.append(name)
        return ", ".join(known) or "none"

    def font() -> str:
        from PIL import ImageFont, features

        usual = ImageFont.load_default(12)
        name = usual.getname()[0] if isinstance(usual, ImageFont.FreeTypeFont) else "bitmap"
        return f"{name}, FreeType {features.version('freetype2')}"

    video = importlib.util.find_spec("av") is not None
    return {
        "pictures": asked(pictures),
        "video decoders": asked(lambda: codecs(VIDEO_DECODERS, "r")) if video else "not installed",
        "video encoders": asked(lambda: codecs(VIDEO_ENCODERS, "w")) if video else "not installed",
        "font": asked(font),
        "display": os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or "none",
    }


def models() -> dict[str, str]:
    """Returns whether the models that ship are whole."""
    from headpose.models.shipped import DETECTORS, ESTIMATORS, MISSING, MODELS, check_shipped

    found = asked(check_shipped)
    if isinstance(found, str):
        return {str(MODELS): found}
    if found:
        return found
    lost = [file for file in (*DETECTORS.values(), *ESTIMATORS.values()) if not file.is_file()]
    nothing = {str(MODELS): "no list of digests: nothing to compare with"}
    return nothing | {file.name: MISSING for file in lost}


def examine() -> dict[str, Any]:
    """Returns all that the report tells, in sections."""
    further = {name: version_of(name) for name in FURTHER}
    return {
        "system": system(),
        "needed packages": {name: version_of(name) or "missing" for name in NEEDED},
        "further packages": {name: v for name, v in further.items() if v},
        "backends": backends(),
        "formats": formats(),
        "models": models(),
        "missing": {name: remedy(name) for name, version in further.items() if not version},
    }


def remedy(package: str) -> str:
    """Returns what a package that is missing is for, and the command that installs it."""
    return f"for {FURTHER[package]}; {install(EXTRAS[MODULES.get(package, package)])}"


def faults(report: dict[str, Any]) -> list[str]:
    """Returns what keeps the demos from running here."""
    from headpose.models.shipped import DIFFERS, MISSING, UNREADABLE

    lost = [f"{name} is missing" for name, v in report["needed packages"].items() if v == "missing"]
    bad = (DIFFERS, MISSING, UNREADABLE)
    wrong = [f"{n} {v}" for n, v in report["models"].items() if v.startswith(bad)]
    parts = {**report["backends"], **report["formats"], **report["models"]}
    return lost + wrong + [f"{n}: {v}" for n, v in parts.items() if str(v).startswith("broken")]


def main() -> int:
    arguments = options().parse_args()
    check_outputs([arguments.json], overwrite=arguments.overwrite, texts=[arguments.json])
    report = examine()
    if arguments.json == "-":
        print(json.dumps(report, indent=1))
    else:
        outlive_reader(arguments.json)
        for section, rows in report.items():
            print(f"{section}:")
            for name, value in rows.items():
                print(f"  {name}: {value}")
    if arguments.json and arguments.json != "-":
        with atomic_write(Path(arguments.json), arguments.overwrite) as temporary:
            temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    found = faults(report)
    for fault in found:
        cl.tell(f"{cl.program()}: error: {fault}", sys.stderr)
    return 1 if found else 0
