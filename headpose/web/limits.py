"""What the page lets in: requests of its own origin, of bounded size, time and number."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MEGABYTE = 2**20  # bytes, called MB in messages as browsers do
UPLOAD_PATH = "/upload"  # how the address ends at which Gradio takes photos
MAX_UPLOAD = 200 * MEGABYTE  # bytes of a request with photos; the largest cameras write 150 MB
MAX_CALL = 8 * MEGABYTE  # of any other; a camera's frame has below one
MAX_SECONDS = 120.0  # for a request to arrive: a phone sends 20 MB at 1.5 megabits a second
UPLOADS_AT_ONCE = 8
MAX_KEPT_BYTES, MAX_KEPT_FILES = 4_000 * MEGABYTE, 10_000  # of photos and answers in the folder
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def hosts_of(host: str, names: Iterable[str] = ()) -> tuple[str, ...] | None:
    """Returns the names by which browsers may ask a page that listens at `host`; None for all.

    Who listens to all that reaches this computer cannot know what it is called there.
    """
    return (*LOOPBACK, *names) if host.lower() in LOOPBACK else None


def is_of_other_origin(told: Mapping[str, str]) -> bool:
    """Tells whether a page of somebody else had a visitor's browser send a request.

    Args:
        told: The request's headers, by their names in small letters.
    """
    origin = told.get("origin")
    # A proxy in front of the page may tell the name that the browser used.
    own = {_name(f"//{told.get(name, '')}") for name in ("host", "x-forwarded-host")}
    return origin is not None and (_name(origin) not in own or not _name(origin))


class Guard:
    """An ASGI application around another that answers bad requests itself.

    Refused are pages of other origins, whose requests a visitor's browser sends without
    being asked, and names that only a foreign name server gives this machine; bodies that
    are too large or come too slowly; more uploads at once, or in the folder, than there is
    room for.

    Args:
        app: Answers the others.
        folder: Where photos and answers are kept.
        hosts: Names by which the page may be asked for; None allows all.
    """

    def __init__(self, app: App, folder: Path, hosts: Iterable[str] | None = LOOPBACK):
        self._app, self._folder = app, folder
        self._hosts = None if hosts is None else {name.lower() for name in hosts}
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # nothing here uses one
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = _headers(scope)
        if why := self._is_foreign(told):
            await _answer(send, 403, why)
            return
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            await self._app(scope, receive, send)
            return
        is_upload = scope["path"].endswith(UPLOAD_PATH)
        limit = MAX_UPLOAD if is_upload else MAX_CALL
        declared = told.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > limit:
            await _answer(send, 413, f"more than {limit // MEGABYTE} MB; scale the photo down")
            return
        if is_upload and (why := self._is_full()):
            await _answer(send, 503, why)
            return
        self._uploads += is_upload
        try:
            await self._bounded(scope, receive, send, limit)
        finally:
            self._uploads -= is_upload

    def _is_foreign(self, told: dict[str, str]) -> str:
        """Says why a request is not one of this page; empty if it is."""
        host = _name(f"//{told.get('host', '')}")
        if self._hosts is not None and host not in self._hosts:
            return f"this page is not called {host or 'that'}; ask for localhost"
        return "only this page itself may ask" if is_of_other_origin(told) else ""

    def _is_full(self) -> str:
        """Says why no photo is taken now; empty if one is."""
        if self._uploads >= UPLOADS_AT_ONCE:
            return "too many photos arrive at once; try again in a moment"
        size, count = kept(self._folder)
        if size >= MAX_KEPT_BYTES or count >= MAX_KEPT_FILES:
            return "too many photos are kept here; try again in an hour"
        return ""

    async def _bounded(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        """Has the application answer, with a body that is bounded in size and time."""
        deadline, size, started, whole = time.monotonic() + MAX_SECONDS, 0, False, False

        async def bounded_receive() -> MutableMapping[str, Any]:
            nonlocal size, whole
            if whole:  # from here on the application waits for the visitor to leave
                return await receive()
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise _TooLargeError
            whole = not message.get("more_body", False)
            return message

        async def noted_send(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, bounded_receive, noted_send)
        except (TimeoutError, _TooLargeError) as error:
            if started:
                raise
            if isinstance(error, TimeoutError):
                await _answer(send, 408, f"did not arrive within {MAX_SECONDS:.0f} s")
            else:
                await _answer(send, 413, f"more than {limit // MEGABYTE} MB")


class _TooLargeError(Exception):
    """A body that is larger than it may be, whatever its header said."""


def kept(folder: Path) -> tuple[int, int]:
    """Returns how many bytes and files are in a folder and below."""
    size = count = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118
                count += 1
            except OSError:  # removed meanwhile
                continue
    return size, count


def _headers(scope: Scope) -> dict[str, str]:
    return {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}


def _name(address: str) -> str:
    """Returns the host's name in an address; empty where there is none."""
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


async def _answer(send: Send, status: int, text: str) -> None:
    """Answers with a sentence and closes the connection, whose body nobody reads."""
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
