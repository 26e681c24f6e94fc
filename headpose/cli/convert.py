"""Converts the published SSD512 head detector to a .keras file that demos and tools take.

FILE is head-detector.mat (or upper-body-detector.mat) as published for MatConvNet, or
head-detector.h5, weights that the original project saved with Keras 2.
"""

import argparse
from pathlib import Path

from headpose.cli import common as cl
from headpose.cli.surroundings import outlive_reader
from headpose.errors import HeadposeError
from headpose.files import atomic_write, check_outputs, is_hdf5, is_regular
from headpose.models.shipped import HOME, MODELS


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("file", type=cl.path, metavar="FILE", help=".mat of MatConvNet, or .h5 of Keras 2")
    add("-o", "--output", type=cl.path, help="models/<name of FILE>-ssd512.keras if not given")
    add(
        "--preset",
        choices=("original", "matconvnet"),
        default="original",
        help="priors and mean colour: as the published demos have them (pose estimators were"
        " trained on crops of these boxes), or as the network was trained",
    )
    add(
        "--layers",
        type=cl.path,
        default=MODELS / "layers.csv",
        help="table of tensors, for names that are missing and to check the others",
    )
    add("--weights", type=cl.path, metavar="FILE", help="also write .weights.h5 here")
    cl.add_overwrite_option(parser)
    return parser


def read(path: Path, layers: Path):
    """Reads either kind of file; returns tensors, prior arguments and remarks."""
    from headpose.convert import keras2_weights, matconvnet, ssd512_weights

    table = ssd512_weights.read_table(layers)
    if is_hdf5(path):
        return keras2_weights.read(path), None, []
    network = matconvnet.read(path, table)
    others = matconvnet.differences_from_published(path)
    remarks = [f"not the published head-detector.mat: {line}" for line in others]
    return network.tensors, network.priors, remarks + network.remarks


def report(tensors: list) -> None:
    """Prints what goes where, a line a tensor."""
    from headpose.convert.ssd512_weights import as_text

    for t in tensors:
        place = "" if t.index is None else f"vars{{{t.index}}}"
        print(f"{t.layer:<23} {t.part:<8} {as_text(t.array.shape):<15} {place:<10} {t.name}")


def compare_priors(path: Path, priors: dict, preset: str) -> None:
    """Says with which priors the network was trained, and warns if no preset has them."""
    from headpose.convert.matconvnet_fields import prior_differences
    from headpose.detection import networks

    differences = {
        name: prior_differences(priors, p.scales, networks.SSD512_STRIDES, networks.SSD512_RATIOS)
        for name, p in networks.PRESETS.items()
    }
    trained = next((name for name, lines in differences.items() if not lines), None)
    if trained == preset:
        print(f"priors: preset {preset}, with which the network was trained")
    elif trained:
        print(
            f"priors: preset {preset}; the network was trained with {trained}:"
            f" {len(differences[preset])} differences, first: {differences[preset][0]}"
        )
    else:
        nearest = min(differences, key=lambda name: len(differences[name]))
        cl.warn(
            f"{path}: trained with priors of neither preset; from {nearest} differ:"
            f" {'; '.join(differences[nearest][:4])}"
        )


def main() -> None:
    parser = options()
    arguments = parser.parse_args()
    output = arguments.output or HOME / "models" / f"{arguments.file.stem}-ssd512.keras"
    if output.suffix != ".keras":
        parser.error(f"--output must end in .keras, {output} does not")
    if arguments.weights and not arguments.weights.name.endswith(".weights.h5"):
        parser.error(f"--weights must end in .weights.h5, {arguments.weights} does not")
    inputs = [arguments.file, arguments.layers]
    check_outputs([output, arguments.weights], inputs, arguments.overwrite)
    outlive_reader(output)
    for file in (arguments.file, arguments.layers):
        if file.exists() and not file.is_dir() and not is_regular(file):
            raise HeadposeError(f"{file}: no regular file (a pipe or a device)")
    tensors, priors, remarks = read(arguments.file, arguments.layers)
    for line in remarks:
        cl.warn(f"{arguments.file}: {line}")
    report(tensors)

    from headpose.models.keras_setup import set_up

    set_up("cpu", "float32")
    from headpose.convert.ssd512_weights import lay
    from headpose.detection import networks
    from headpose.models.keras_files import save_model, weights_as_bytes

    if priors is not None:
        compare_priors(arguments.file, priors, arguments.preset)
    model = networks.build_ssd512(arguments.preset)
    lay(model, tensors)
    if arguments.weights:
        with atomic_write(arguments.weights, arguments.overwrite) as temporary:
            temporary.write_bytes(weights_as_bytes(model))
            save_model(model, output, replace=arguments.overwrite)
        print(f"weights: {arguments.weights}")
    else:
        save_model(model, output, replace=arguments.overwrite)
    print(f"detector: {output} ({model.count_params():,} parameters, preset {arguments.preset})")
