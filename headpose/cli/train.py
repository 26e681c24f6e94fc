"""Trains a pose estimator from head crops, or from tables of heads in pictures.

DATA is a clean folder (its train, validation and test parts are used), or a CSV with a
row for each head: file, xmin, ymin, xmax, ymax, tilt, pan and perhaps roll. "#PART"
takes the rows whose column part says so, "@SHARE" sets a source's share of the examples:
labels.csv#train@0.4

DATA may also be a published data set as it was downloaded: pointing04:FOLDER, 300w-lp:FOLDER
(headpose clean --help lists the names). Every tenth person or photo is then for validation;
of Pointing'04, persons 5 and 10 are, and 3, 8 and 13 for testing.

A .toml names such sources for training, validation and test: models/pose-estimator.toml
is the one that the estimator that ships was trained with.

--start ours goes on from the weights that ship.
"""

from headpose.cli import common as cl
from headpose.cli.config_options import add_config_options, config_from
from headpose.cli.pipeline_options import resolve_models
from headpose.cli.surroundings import outlive_reader
from headpose.models.shipped import DETECTORS, ESTIMATORS
from headpose.training.pose_config import PoseTrainingConfig


def main() -> None:
    parser = cl.parser(__doc__)
    add_config_options(parser, PoseTrainingConfig)
    arguments = parser.parse_args()
    estimators = dict.fromkeys(("start", "teacher", "average_with"), ESTIMATORS)
    resolve_models(arguments, **estimators, detector=DETECTORS)
    config = config_from(arguments, PoseTrainingConfig())
    outlive_reader(config.output)
    from headpose.training.pose_run import train_estimator

    train_estimator(config)
