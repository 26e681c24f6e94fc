"""Trains the second stage of a detector: a classifier that looks at each candidate again.

DATA is as for headpose train-detector: pictures with a box for each head, or a .toml that
names them; models/head-classifier.toml is the one that what ships was trained with. Sources
in which only some heads are labelled are left out.

A detector of two stages is named by its classifier's file; the first stage must stand in
the same folder, unchanged.
"""

from headpose.cli import common as cl
from headpose.cli.config_options import add_config_options, config_from
from headpose.cli.pipeline_options import resolve_models
from headpose.cli.surroundings import outlive_reader
from headpose.models.shipped import CLASSIFIER_FILE, FIRST_STAGES, OURS
from headpose.training.classifier_config import ClassifierTrainingConfig


def main() -> None:
    parser = cl.parser(__doc__)
    add_config_options(parser, ClassifierTrainingConfig)
    arguments = parser.parse_args()
    resolve_models(arguments, start={OURS: CLASSIFIER_FILE})
    resolve_models(arguments, **dict.fromkeys(("detector", "others"), FIRST_STAGES))
    config = config_from(arguments, ClassifierTrainingConfig())
    outlive_reader(config.output)
    from headpose.training.classifier_run import train_classifier

    train_classifier(config)
