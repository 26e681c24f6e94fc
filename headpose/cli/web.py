"""Serves a web page to try the pipeline: photos or a camera in, heads and angles out."""

import argparse

from headpose.cli import common as cl
from headpose.cli.pipeline_options import SIGNS, add_pipeline_options, check_models
from headpose.cli.serving import add_address_options, loaded

PORT = 7860  # Gradio's usual one


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__, epilog=SIGNS)
    add = parser.add_argument
    add_address_options(parser, PORT)
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

    check_models(arguments.detector, arguments.estimator)
    port = port_for(arguments.host, arguments.port)
    load_gradio()

    from headpose.web.page import CSS, build_page

    pipeline, settings = loaded(arguments)
    with upload_folder() as folder:
        page = build_page(pipeline, settings, folder)
        place = arguments.host, port, folder, arguments.name, arguments.open
        with served(page, CSS, *place) as address:
            print(f"ready: {address} (Ctrl-C ends)", flush=True)
            wait()
    return 0
