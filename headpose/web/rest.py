"""The REST endpoint: a photo in the body of a request, its heads as JSON or as a drawing."""

import contextlib
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal

import numpy as np

from headpose import __version__
from headpose.cli.surroundings import ONE_WISH
from headpose.errors import HeadposeError, install
from headpose.images.drawn_mark import marked
from headpose.images.encoding import encode
from headpose.images.pictures import read_image
from headpose.records.columns import Row, has_head, picture_rows
from headpose.web.answers import Settings, SharedPipeline
from headpose.web.reception import Reception

CONNECTIONS = 1000  # open at once, those that ask nothing among them
STYLES = Literal["arrow", "axes", "cube", "none"]
DESCRIPTION = """Send the bytes of a photo as the body of a POST request. `/heads` answers with
the columns of the project's tables, `/drawing` with the photo and the heads drawn on it."""


def check_fastapi() -> None:
    """Checks that FastAPI is installed.

    Raises:
        HeadposeError: If it, or Uvicorn, which runs it, is not installed.
    """
    try:
        import fastapi  # noqa: F401 - asked for early, as is what runs it
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise HeadposeError(f"the endpoint needs FastAPI ({error}); {install('rest')}") from error


def build_app(pipeline: SharedPipeline, settings: Settings):
    """Makes the application.

    Args:
        pipeline: Finds the heads.
        settings: What counts where a request does not say otherwise.

    Returns:
        A `fastapi.FastAPI`. Its own pages of documentation are off, because they fetch scripts
        from elsewhere; `/openapi.json` describes it.
    """
    check_fastapi()
    import fastapi

    app = fastapi.FastAPI(
        title="headpose",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
    )
    reception = Reception(pipeline)

    def chosen(confidence: float | None, max_error: float | None, style: str | None) -> Settings:
        return Settings(
            settings.confidence if confidence is None else confidence,
            settings.limit if max_error is None else max_error,
            style or settings.style,
        )

    @app.get("/health", summary="Tells that the models are loaded")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @app.post("/heads", summary="Finds the heads of a photo")
    async def heads(
        request: fastapi.Request,
        confidence: Annotated[float | None, fastapi.Query(ge=0, le=1)] = None,
        max_error: Annotated[float | None, fastapi.Query(ge=0, le=180)] = None,
    ) -> dict:
        return await reception.answer(request, heads_of, chosen(confidence, max_error, None))

    @app.post("/drawing", summary="Draws the heads of a photo", response_class=fastapi.Response)
    async def drawing(
        request: fastapi.Request,
        confidence: Annotated[float | None, fastapi.Query(ge=0, le=1)] = None,
        max_error: Annotated[float | None, fastapi.Query(ge=0, le=180)] = None,
        style: STYLES | None = None,
    ) -> fastapi.Response:
        content = await reception.answer(request, drawing_of, chosen(confidence, max_error, style))
        return fastapi.Response(content, media_type="image/jpeg")

    return app


def heads_of(pipeline: SharedPipeline, photo: Path, settings: Settings) -> dict:
    """Returns what `/heads` answers.

    Returns:
        `width` and `height` of the photo, upright, in pixels, and `heads`: a row of
        `headpose.records.columns` for each, best score first, without what only files and
        videos have.
    """
    picture = read_image(photo)
    height, width = picture.shape[:2]
    rows = picture_rows("", (width, height), pipeline.heads(picture, settings))
    return {"width": width, "height": height, "heads": [_own(row) for row in rows if has_head(row)]}


def _own(row: Row) -> Row:
    left_out = ("file", "track", "frame", "time", "width", "height")
    return {name: value for name, value in row.items() if name not in left_out}


def drawing_of(pipeline: SharedPipeline, photo: Path, settings: Settings) -> bytes:
    """Returns the photo with its heads drawn, as JPEG.

    Raises:
        PictureError: If it is none, or larger than JPEG can have it.
    """
    picture = read_image(photo)
    heads = pipeline.heads(picture, settings)
    drawn = pipeline.drawn(picture, heads, settings.style)
    encoded = encode(drawn, ".jpg")
    return encoded if np.array_equal(drawn, picture) else marked(encoded)


def serve(app, host: str, port: int) -> None:
    """Serves the application until Ctrl-C or the like; prints where, once it is reached there.

    Args:
        app: Of `build_app`.
        host: Name or address of this machine.
        port: A port that is free there, see `headpose.web.server.port_for`.
    """
    import uvicorn

    # SIGTERM in the moment before its loop runs leaves one, which is nobody's fault.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="error",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
    )
    listening = config.bind_socket()
    listening.listen()  # who comes before the loop runs waits
    shown = f"[{host}]" if ":" in host else host
    server = uvicorn.Server(config)
    server.handle_exit = _once_a_second(server.handle_exit)  # type: ignore[method-assign]
    print(f"ready: http://{shown}:{port} (Ctrl-C ends)", flush=True)
    with _ended_by_hang_up(server):
        server.run(sockets=[listening])


def _once_a_second(handle: Callable[..., None]) -> Callable[..., None]:
    """Returns a handler of signals for which Ctrl-C that is pressed twice in a second is one.

    The second would break off what ends for the first, with tracebacks.
    """
    came = [-ONE_WISH]

    def handler(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now - came[0] >= ONE_WISH:
            came[0] = now
            handle(number, frame)

    return handler


@contextlib.contextmanager
def _ended_by_hang_up(server) -> Iterator[None]:
    """Has SIGHUP end a server of Uvicorn as SIGTERM does, where it ends this process at all."""
    number = next((one for one in signal.Signals if one.name == "SIGHUP"), None)
    before = None if number is None else signal.getsignal(number)
    in_main = threading.current_thread() is threading.main_thread()
    if number is None or not (in_main and callable(before)):
        yield
        return
    came = []

    def end(received: int, frame: FrameType | None) -> None:
        came.append(received)
        server.should_exit = True  # its loop must not be left by an exception

    signal.signal(number, end)
    try:
        yield
    finally:
        signal.signal(number, before)
        if came:
            signal.raise_signal(number)
