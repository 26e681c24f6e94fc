"""Trains a head detector from pictures with head boxes.

DATA is a CSV with a row for each head (file, xmin, ymin, xmax, ymax; a row without a box
names a picture without heads; a column ignore marks boxes that are neither head nor
background), a folder of VOC XML or YOLO text, COCO JSON, or CrowdHuman's odgt. "#PART"
takes the rows whose column part says so, or a class of boxes, "@SHARE" sets a source's
share of the examples: people.csv#train@0.2

A .toml names such sources for training and validation: models/head-detector.toml is the
one that the detector that ships was trained with.

ours stands for the detector that ships, without its second stage: --start ours goes on
from it. As a --teacher it has both stages; single-stage teaches without the second.
"""

from headpose.cli import common as cl
from headpose.cli.config_options import add_config_options, config_from
from headpose.cli.pipeline_options import resolve_models
from headpose.cli.surroundings import outlive_reader
from headpose.models.shipped import DETECTORS, FIRST_STAGES
from headpose.training.detection_config import DetectionTrainingConfig


def main() -> None:
    parser = cl.parser(__doc__)
    add_config_options(parser, DetectionTrainingConfig)
    arguments = parser.parse_args()
    taken = ("start", "pruned_from", "mine_with", "incomplete_detector")
    resolve_models(arguments, teacher=DETECTORS, **dict.fromkeys(taken, FIRST_STAGES))
    config = config_from(arguments, DetectionTrainingConfig())
    outlive_reader(config.output)
    from headpose.training.detection_run import train_detector

    train_detector(config)
