"""Writes a head detector or a pose estimator for other runtimes than Keras.

The file tells what it takes and gives; the demos run it without TensorFlow. It is kept
only if it computes what the Keras model does: angles within 0.1 degree, boxes within 0.5
pixels; with --int8, angles within 1 degree on average.
"""

import argparse
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.pipeline_options import check_models
from headpose.cli.surroundings import outlive_reader
from headpose.errors import HeadposeError
from headpose.files import check_outputs
from headpose.models.formats import FORMATS, default_target
from headpose.models.shipped import DETECTORS, ESTIMATORS

SAMPLES = (
    "a folder (with all below it) or pattern of pictures, or a table of heads such as "
    "labels.csv#validation"
)


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add(
        "model",
        type=cl.path,
        metavar="MODEL",
        help="a .keras model, or the published .h5 estimator; large and single-stage ship",
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
        type=cl.named,
        action="append",
        metavar="CALIBRATION",
        help=f"with eight-bit convolutions, tuned on {SAMPLES} (an estimator on heads that "
        "single-stage finds, where only pictures are named); repeat it for several, of which "
        "as many are taken of each",
    )
    add(
        "--check",
        type=cl.named,
        action="append",
        metavar="DATA",
        help=f"compare with Keras on {SAMPLES}; if not given, on a portrait and drawn "
        "textures, with --int8 on a quarter of CALIBRATION",
    )
    add(
        "--half",
        action="store_true",
        help="store the weights of an ONNX file as float16, in half the size; they are computed "
        "with as float32",
    )
    cl.add_overwrite_option(parser)
    return parser


def named_file(model: Path) -> Path:
    """Returns the file of a model that ships, if its name was given, else what was given.

    Raises:
        HeadposeError: If a detector and an estimator have that name.
    """
    found = [named[str(model)] for named in (DETECTORS, ESTIMATORS) if str(model) in named]
    if len(found) > 1 and not model.exists():
        raise HeadposeError(f"{model}: there are two of that name; give {found[0]} or {found[1]}")
    return found[0] if found and not model.exists() else model


def size_of(path: Path) -> int:
    """Returns the bytes of a file (with the weights beside it) or a folder."""
    from headpose.models.openvino_files import weights_beside

    files = [f for f in path.rglob("*") if f.is_file()] if path.is_dir() else [path]
    if path.suffix == ".xml":
        files.append(weights_beside(path))
    return sum(f.stat().st_size for f in files)


def main() -> None:
    arguments = options().parse_args()
    arguments.model = named_file(arguments.model)
    from headpose.export.exporter import export
    from headpose.models.openvino_files import weights_beside

    form, int8 = arguments.format, arguments.int8 is not None
    target = arguments.output or default_target(arguments.model, form, int8)
    check_models(arguments.model)
    if FORMATS[form].suffix:  # else it is a folder, which the exporter looks at
        weights = [weights_beside(target)] if target.suffix == ".xml" else []
        check_outputs([target, *weights], [arguments.model], arguments.overwrite)
    outlive_reader(target)
    how = arguments.int8, arguments.check, arguments.half
    for difference in export(arguments.model, form, target, *how, replace=arguments.overwrite):
        print(difference)
    print(f"{arguments.model} -> {target}, {size_of(target) / 1e6:.2f} MB")
