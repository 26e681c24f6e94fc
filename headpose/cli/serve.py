"""Serves a REST endpoint: a photo as the body of a request, its heads as JSON or drawn."""

import argparse

from headpose.cli import common as cl
from headpose.cli.pipeline_options import SIGNS, add_pipeline_options, pipeline_from

PORT = 8000  # Uvicorn's usual one


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__, epilog=SIGNS)
    add = parser.add_argument
    add(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen; 0.0.0.0 lets in everyone who reaches this computer",
    )
    add("--port", type=cl.in_range(0, 65535, int), default=PORT, help="port; 0 takes a free one")
    add_pipeline_options(parser)
    return parser


def main() -> int:
    arguments = options().parse_args()
    # What can go wrong at once is looked at before models are loaded.
    from headpose.web.rest import build_app, check_fastapi, serve
    from headpose.web.server import port_for

    port = port_for(arguments.host, arguments.port)
    check_fastapi()

    from headpose.images.pictures import read_image, sample_portrait
    from headpose.web.answers import Settings, SharedPipeline

    pipeline = SharedPipeline(pipeline_from(arguments))
    confidence = arguments.confidence
    settings = Settings(
        pipeline.detector.confidence if confidence is None else confidence,
        arguments.max_error,
        arguments.draw,
    )
    # The first call is the slowest.
    pipeline.heads(read_image(sample_portrait()), settings)
    serve(build_app(pipeline, settings), arguments.host, port)
    return 0
