"""Trains a head detector from pictures with head boxes.

DATA is a CSV with a row for each head (file, xmin, ymin, xmax, ymax; a row without a box
names a picture without heads; a column ignore marks boxes that are neither head nor
background), a folder of VOC XML or YOLO text, COCO JSON, or CrowdHuman's odgt. "#PART"
takes the rows whose column part says so, or a class of boxes, "@SHARE" sets a source's
share of the examples: people.csv#train@0.2

A .toml names such sources for training and validation: models/head-detector.toml is the
one that the detector that ships was trained with.

ours stands for the detector that ships: --start ours goes on from it.
"""

from headpose.cli import common as cl
from headpose.cli.config_options import add_config_options, config_from
from headpose.cli.pipeline_options import check_models
from headpose.models.shipped import DETECTORS, named_model
from headpose.training.detection_config import DetectionTrainingConfig


def main() -> None:
    parser = cl.parser(__doc__)
    add_config_options(parser, DetectionTrainingConfig)
    arguments = parser.parse_args()
    for option in ("start", "mine_with"):
        if (name := getattr(arguments, option)) is not None:
            setattr(arguments, option, named_model(name, DETECTORS))
    arguments.incomplete_detector = tuple(
        named_model(name, DETECTORS) for name in arguments.incomplete_detector
    )
    config = config_from(arguments, DetectionTrainingConfig())
    check_models(config.network.start, *config.sources.incomplete_detector)
    from headpose.datasets.label_tables import SourceName
    from headpose.training.run_folder import check_saved

    sources = config.sources
    named = (*sources.data, *sources.validation, *sources.incomplete_labels)
    read = [SourceName.parse(name).path for name in named]
    check_saved(config.save, [], [*read, config.network.start])
    from headpose.training.detection_run import train_detector

    train_detector(config)
