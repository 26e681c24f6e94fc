"""How photos reach the REST endpoint: so many at a time, whole, and none too large."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headpose.errors import HeadposeError, PictureError, reason
from headpose.reporting import logger
from headpose.web.answers import PHOTOS_AT_ONCE, SharedPipeline
from headpose.web.limits import MAX_SECONDS, MAX_UPLOAD, MEGABYTE, is_of_other_origin

# Photos that may arrive or wait for their turn; more are answered with 503, so that a crowd does
# not fill the disk with photos that nobody waits for any more.
WAITING = 64
FORMS = ("multipart/", "application/x-www-form-urlencoded")  # of which no part is looked for


class Reception:
    """Receives photos and has them answered; what goes wrong becomes a status and a sentence.

    Args:
        pipeline: Finds the heads.
    """

    def __init__(self, pipeline: SharedPipeline):
        self._pipeline = pipeline
        self._turns = asyncio.Semaphore(PHOTOS_AT_ONCE)
        self._waiting = 0

    async def answer(self, request, work: Callable[..., Any], *more) -> Any:
        """Receives the photo of a request, and has a thread do the work when it is its turn.

        Args:
            request: A `starlette.requests.Request`.
            work: Called with the pipeline, the photo's file and `more`.

        Returns:
            What it returns.

        Raises:
            fastapi.HTTPException: If there is no answer; its `detail` says why.
        """
        from fastapi import HTTPException
        from starlette.requests import ClientDisconnect

        if is_of_other_origin(request.headers):
            raise HTTPException(403, "pages of other origins may not ask")
        if told := wrong_parameters(request):
            raise HTTPException(422, told)
        if self._waiting >= WAITING:
            raise HTTPException(503, f"{WAITING} photos are waiting already; come again")
        self._waiting += 1
        try:
            return await self._received(request, work, *more)
        except ClientDisconnect as error:  # whom nothing reaches any more
            raise HTTPException(400, "the photo did not arrive whole") from error
        except OSError as error:  # the temporary folder is full, or was removed
            told = f"the photo cannot be kept while it is looked at: {reason(error)}"
            logger.warning("%s (%s)", told, tempfile.gettempdir())
            raise HTTPException(507, f"{told}; come again") from error
        finally:
            self._waiting -= 1

    async def _received(self, request, work: Callable[..., Any], *more) -> Any:
        from fastapi import HTTPException
        from starlette.concurrency import run_in_threadpool

        with tempfile.TemporaryDirectory(prefix="headpose-", ignore_cleanup_errors=True) as folder:
            photo = Path(folder) / "photo"
            try:
                async with asyncio.timeout(MAX_SECONDS):
                    await receive(request, photo)
                async with self._turns:
                    return await run_in_threadpool(work, self._pipeline, photo, *more)
            except TimeoutError as error:
                raise HTTPException(408, "the photo took too long to arrive") from error
            except TooLarge as error:
                raise HTTPException(413, str(error)) from error
            except PictureError as error:
                told = str(error).replace(str(photo), "photo")
                raise HTTPException(422, told + how_to_send(request.headers)) from error


def wrong_parameters(request) -> str:
    """Says which parameter of a request the endpoint does not know, or has twice; else "".

    Args:
        request: A `starlette.requests.Request` that was given to its endpoint.
    """
    known = [parameter.name for parameter in request.scope["route"].dependant.query_params]
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            return f"no parameter {name!r} here; there are {', '.join(known)}"
        if given.count(name) > 1:
            return f"the parameter {name!r} is there twice; give it once"
    return ""


def how_to_send(headers) -> str:
    """Says how a photo is sent where the headers tell that more or less than it was; else ""."""
    is_form = headers.get("content-type", "").startswith(FORMS)
    if is_form or headers.get("content-encoding", "identity") != "identity":
        return "; send its bytes themselves, as curl does with --data-binary @photo.jpg"
    return ""


class TooLarge(HeadposeError):
    """A body that is larger than any photo."""


async def receive(request, target: Path) -> None:
    """Writes the body of a request to a file, piece by piece.

    Args:
        request: A `starlette.requests.Request`.
        target: The file.

    Raises:
        TooLarge: As soon as it passes `MAX_UPLOAD`, whatever its length was said to be.
        PictureError: If there is none.
    """
    size = 0
    with target.open("wb") as file:
        async with contextlib.aclosing(request.stream()) as pieces:
            async for piece in pieces:
                size += len(piece)
                if size > MAX_UPLOAD:
                    raise TooLarge(f"more than {MAX_UPLOAD // MEGABYTE} MB; send a smaller photo")
                file.write(piece)
    if not size:
        raise PictureError("the request has no body; send the bytes of a photo as its body")
