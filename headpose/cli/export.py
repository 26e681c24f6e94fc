"""Writes a head detector or a pose estimator for other runtimes than Keras.

The file tells what it takes and gives; the demos run it without TensorFlow. It is kept
only if it computes what the Keras model does: angles within 0.1 degree, boxes within 0.5
pixels; with --int8, angles within 1 degree on average.
"""

import argparse
import contextlib
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.pipeline_options import check_models
from headpose.errors import HeadposeError
from headpose.files import check_outputs
from headpose.models.exported import read_metadata
from headpose.models.formats import FORMATS, default_target

SAMPLES = "a folder or pattern of pictures, or a table of heads such as labels.csv#validation"


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add(
        "model",
        type=cl.path,
        metavar="MODEL",
        help="a .keras model, or the published .h5 estimator",
    )
    add(
        "--format",
        choices=FORMATS,
        required=True,
        help="onnx for ONNX Runtime; opencv for OpenCV, an ONNX file without the decoding; "
        "openvino; litert; saved_model for TensorFlow",
    )
    add("--output", type=cl.path, metavar="FILE", help="beside MODEL if not given")
    add(
        "--int8",
        action="append",
        metavar="CALIBRATION",
        help=f"with eight-bit convolutions, tuned on {SAMPLES}; repeat it for several, of "
        "which as many are taken of each",
    )
    add(
        "--check",
        action="append",
        metavar="DATA",
        help=f"compare with Keras on {SAMPLES}; if not given, on a portrait and drawn "
        "textures, with --int8 on a quarter of CALIBRATION",
    )
    add("--overwrite", action="store_true", help="replace a file that is no earlier export, too")
    return parser


def size_of(path: Path) -> int:
    """Returns the bytes of a file (with the weights beside it) or a folder."""
    files = [f for f in path.rglob("*") if f.is_file()] if path.is_dir() else [path]
    if path.suffix == ".xml":
        files.append(path.with_suffix(".bin"))
    return sum(f.stat().st_size for f in files)


def check_target(target: Path, model: Path, overwrite: bool) -> None:
    """Refuses to replace what is no earlier export, and the model itself.

    Raises:
        HeadposeError: If `target`, or the weights beside it, stand there and may not be
            replaced, or cannot be written.
    """
    files = [target, target.with_suffix(".bin")] if target.suffix == ".xml" else [target]
    ours = False
    with contextlib.suppress(HeadposeError, OSError, ValueError):  # no model that can be read
        ours = read_metadata(target) is not None
    check_outputs(files, [model], overwrite or ours)


def main() -> None:
    arguments = options().parse_args()
    from headpose.export.exporter import export

    form, int8 = arguments.format, arguments.int8 is not None
    target = arguments.output or default_target(arguments.model, form, int8)
    check_models(arguments.model)
    if FORMATS[form].suffix:  # else it is a folder, which the exporter looks at
        check_target(target, arguments.model, arguments.overwrite)
    for difference in export(arguments.model, form, target, arguments.int8, arguments.check):
        print(difference)
    print(f"{arguments.model} -> {target}, {size_of(target) / 1e6:.2f} MB")
