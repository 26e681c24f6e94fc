"""Serving the web page: Gradio kept from the network, the port, the folder for photos."""

import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from headpose.errors import HeadposeError, install, reason
from headpose.web.limits import LOOPBACK, MAX_UPLOAD, Guard, hosts_of

INSTALL = install("web")


def load_gradio():
    """Imports Gradio with everything off that would call home.

    Raises:
        HeadposeError: If it is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    try:
        import gradio
    except ImportError as error:
        raise HeadposeError(f"the page needs Gradio ({error}); {INSTALL}") from error
    return gradio


def port_for(host: str, port: int) -> int:
    """Returns a port that can be served on: the one asked for, or for 0 a free one.

    Raises:
        HeadposeError: If it is taken, or the address is none of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name != "nt":  # there it would allow what is taken
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return probe.getsockname()[1]
    except (OSError, UnicodeError) as error:
        place = f"{host} port {port}" if port else repr(host)
        named = isinstance(error, OSError)
        why = reason(error) if named else "no computer can be called that"
        raise HeadposeError(
            f"cannot serve on {place}: {why}; choose another --port or --host"
        ) from error


@contextlib.contextmanager
def upload_folder() -> Iterator[Path]:
    """Makes the folder for photos and answers, and removes it with all that is in it.

    Also where the process is ended with SIGTERM, as servers mostly are.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with tempfile.TemporaryDirectory(prefix="headpose-", ignore_cleanup_errors=True) as name:
            os.environ["GRADIO_TEMP_DIR"] = name
            yield Path(name)
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def served(
    page,
    css: str,
    host: str,
    port: int,
    folder: Path,
    names: Sequence[str] = (),
    browser: bool = False,
) -> Iterator[str]:
    """Serves a page while the block runs.

    Args:
        page: A `gradio.Blocks`.
        css: Its style.
        host: Name or address of this machine to listen at.
        port: Port.
        folder: Where photos and answers are kept.
        names: By which browsers ask for the page where a proxy stands before it.
        browser: Whether to open the page in a browser here.

    Yields:
        The page's address.

    Raises:
        HeadposeError: If it cannot be served there.
    """
    gr = load_gradio()
    from starlette.middleware import Middleware

    # Gradio looks at its own page first, which no proxy for the network should get to see.
    own = (*LOOPBACK, host)
    os.environ["no_proxy"] = ",".join(filter(None, (os.environ.get("no_proxy"), *own)))
    system = ("system-ui", "sans-serif")
    try:
        _, address, _ = page.launch(
            server_name=f"[{host}]" if ":" in host else host,
            server_port=port,
            inbrowser=browser,
            inline=False,
            quiet=True,
            prevent_thread_lock=True,
            share=False,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            enable_monitoring=False,
            run_history=False,
            footer_links=[],
            max_file_size=MAX_UPLOAD,
            app_kwargs={
                "middleware": [Middleware(Guard, folder=folder, hosts=hosts_of(host, names))]
            },
            theme=gr.themes.Default(font=system, font_mono=("ui-monospace", "monospace")),
            css=css,
        )
    except OSError as error:  # someone was faster than us
        raise HeadposeError(f"cannot serve on {host} port {port}: {error}") from error
    try:
        yield address
    finally:
        page.close(verbose=False)


def wait() -> None:
    """Waits for Ctrl-C."""
    while True:  # in pieces, because Windows tells of Ctrl-C only in between
        time.sleep(1)
