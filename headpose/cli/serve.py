"""Serves a REST endpoint: a photo as the body of a request, its heads as JSON or drawn."""

import argparse

from headpose.cli import common as cl
from headpose.cli.pipeline_options import SIGNS, add_pipeline_options, check_models
from headpose.cli.serving import add_address_options, loaded

PORT = 8000  # Uvicorn's usual one


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__, epilog=SIGNS)
    add_address_options(parser, PORT)
    add_pipeline_options(parser)
    return parser


def main() -> int:
    arguments = options().parse_args()
    # What can go wrong at once is looked at before models are loaded.
    from headpose.web.rest import build_app, check_fastapi, serve
    from headpose.web.server import port_for

    check_models(arguments.detector, arguments.estimator)
    port = port_for(arguments.host, arguments.port)
    check_fastapi()

    pipeline, settings = loaded(arguments)
    serve(build_app(pipeline, settings), arguments.host, port)
    return 0
