"""Turns deepgaze's TensorFlow checkpoints into one .keras file.

The file is a pose estimator of colour crops; its crop is the square face box of the
cascades, not the whole head. comparison/test_on_dataset.py reads the checkpoints too.
"""

import argparse

from headpose.baselines.deepgaze_files import find_checkpoints
from headpose.baselines.predictors import PEERS
from headpose.baselines.weight_files import weight_files
from headpose.cli import common as cl
from headpose.cli.surroundings import outlive_reader
from headpose.errors import HeadposeError
from headpose.files import check_outputs


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add(
        "models",
        type=cl.path,
        nargs="?",
        default=PEERS,
        help="folder with the checkpoints in pitch (or tilt), yaw (or pan) and roll "
        "(default: comparison/models)",
    )
    add("--output", type=cl.keras_path, default=PEERS / "deepgaze.keras", help="the file to write")
    cl.add_overwrite_option(parser)
    return parser


def main() -> None:
    arguments = options().parse_args()
    check_outputs([arguments.output], overwrite=arguments.overwrite)
    if not arguments.models.is_dir():
        raise HeadposeError(
            f"{arguments.models}: no such folder; put deepgaze's checkpoints there, "
            "see comparison/README.md"
        )
    found = find_checkpoints(arguments.models)
    check_outputs([arguments.output], weight_files(arguments.models), arguments.overwrite)
    outlive_reader(arguments.output)
    for angle, path in found.items():
        print(f"{angle}: {path}")
    from headpose.models.keras_setup import set_up

    set_up("cpu", "float32")
    from headpose.baselines.deepgaze import load_deepgaze
    from headpose.models.keras_files import save_model

    model = load_deepgaze(arguments.models)
    save_model(model, arguments.output, replace=arguments.overwrite)
    outputs = {2: "tilt, pan", 3: "tilt, pan, roll"}[model.output_shape[1]]
    print(f"{outputs}, {model.count_params():,} parameters -> {arguments.output}")
