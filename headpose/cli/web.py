"""Serves a web page to try the pipeline: photos or a camera in, heads and angles out."""

import argparse

from headpose.cli import common as cl
from headpose.cli.pipeline_options import SIGNS, add_pipeline_options, pipeline_from

PORT = 7860  # Gradio's usual one


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
    add(
        "--name",
        action="append",
        default=[],
        metavar="NAME",
        help="what browsers call this page where a proxy stands before it; may be repeated",
    )
    add("--open", action="store_true", help="open the page in a browser")
    add_pipeline_options(parser)
    return parser


def main() -> int:
    arguments = options().parse_args()
    # What can go wrong at once is looked at before models are loaded.
    from headpose.web.server import load_gradio, port_for, served, upload_folder, wait

    port = port_for(arguments.host, arguments.port)
    load_gradio()

    from headpose.images.pictures import read_image, sample_portrait
    from headpose.web.answers import Settings, SharedPipeline
    from headpose.web.page import CSS, build_page

    pipeline = SharedPipeline(pipeline_from(arguments))
    confidence = arguments.confidence
    settings = Settings(
        pipeline.detector.confidence if confidence is None else confidence,
        arguments.max_error,
        arguments.draw,
    )
    # The first call is the slowest.
    pipeline.heads(read_image(sample_portrait()), settings)
    with upload_folder() as folder:
        page = build_page(pipeline, settings, folder)
        place = arguments.host, port, folder, arguments.name, arguments.open
        with served(page, CSS, *place) as address:
            print(f"ready: {address} (Ctrl-C ends)", flush=True)
            wait()
    return 0
