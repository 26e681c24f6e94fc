"""What the web page and the REST endpoint share: where they listen, and the loaded pipeline."""

import argparse
import functools
from typing import TYPE_CHECKING

from headpose.cli import common as cl
from headpose.cli.drawing_options import drawing_from
from headpose.cli.pipeline_options import pipeline_from

if TYPE_CHECKING:
    from headpose.web.answers import Settings, SharedPipeline


def add_address_options(parser: argparse.ArgumentParser, port: int) -> None:
    """Adds the options that say where to listen; `port` is the usual one."""
    add = parser.add_argument
    add(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen; 0.0.0.0 lets in everyone who reaches this computer",
    )
    add("--port", type=cl.in_range(0, 65535, int), default=port, help="port; 0 takes a free one")


def loaded(arguments: argparse.Namespace) -> tuple["SharedPipeline", "Settings"]:
    """Returns the pipeline, after its first and slowest call, and what counts by default."""
    from headpose.images.pictures import read_image, sample_portrait
    from headpose.web.answers import Settings, SharedPipeline

    drawing = functools.partial(drawing_from, arguments)
    pipeline = SharedPipeline(pipeline_from(arguments), drawing, arguments.blur)
    confidence = arguments.confidence
    settings = Settings(
        pipeline.detector.confidence if confidence is None else confidence,
        arguments.max_error,
        arguments.draw,
    )
    pipeline.heads(read_image(sample_portrait()), settings)
    return pipeline, settings
