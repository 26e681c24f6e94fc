"""Trains a pose estimator from head crops, or from tables of heads in pictures.

DATA is a clean folder (its train, validation and test parts are used), or a CSV with a
row for each head: file, xmin, ymin, xmax, ymax, tilt, pan and perhaps roll. "#PART"
takes the rows whose column part says so, "@SHARE" sets a source's share of the examples:
labels.csv#train@0.4

A .toml names such sources for training, validation and test: models/pose-estimator.toml
is the one that the estimator that ships was trained with.
"""

from headpose.cli import common as cl
from headpose.training.pose_run import add_training_options, train_estimator


def main() -> None:
    parser = cl.parser(__doc__)
    add_training_options(parser)
    train_estimator(parser.parse_args())
