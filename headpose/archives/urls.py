"""Files by URL, through fsspec: s3://, gs://, hf://, https://, memory:// and what else it knows.

Where a store refuses, whatever its library raises becomes a `StoreError` of one line.
"""

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TypeGuard
from urllib.parse import unquote, urlsplit

from headpose.errors import HeadposeError, MissingPackageError, first_line, install
from headpose.files import check_readable
from headpose.video.addresses import is_address as is_url
from headpose.video.addresses import without_secrets

__all__ = ["Entry", "StoreError", "below", "file_system", "is_url", "local", "opened", "status"]

EXTRA = "cloud"
NO_BUCKET = "bucket does not exist"  # what S3 says, NoSuchBucket of its list of error codes
HTTP = "http"  # and https: protocols whose servers may be busy
CONNECTING, SILENCE = 20.0, 30.0  # seconds that a server may take to answer, or be silent
MISSING = (404, 410)  # statuses of HTTP: not found, gone
# By which stores tell that an object has changed, the surest first.
STATES = ("ETag", "etag", "md5Hash", "checksum", "mtime", "LastModified", "updated", "created")


class StoreError(HeadposeError):
    """A store that did not give or take a file: another try may succeed."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file in a store.

    Attributes:
        place: Its path or URL.
        state: Changes when its content does: size, and what the store knows beside.
    """

    place: str
    state: str


def local(place: str) -> Path | None:
    """Returns the path of a file of this machine; None for one by URL."""
    if not is_url(place):
        return Path(place)
    scheme, _, path = place.partition("://")
    return Path(unquote(path)) if scheme in ("file", "local") else None


def suffix_of(place: str) -> str:
    """Returns the suffix of a path or URL, in lower case; a query is left out."""
    link = first_link(place)
    path = urlsplit(link).path if link.startswith(("http://", "https://")) else link
    return Path(path).suffix.lower()


def first_link(place: str) -> str:
    """Returns what a chain of URLs, `simplecache::zip://a.jpg::b.zip`, is of: its first address."""
    return next(filter(is_url, place.split("::")), place)


def file_system(url: str):
    """Returns the fsspec file system of a URL, and the path in it.

    Raises:
        MissingPackageError: If fsspec, or what it needs for that kind of URL, is not installed.
        HeadposeError: If there is no such kind.
    """
    shown = without_secrets(url)
    try:
        import fsspec
    except ImportError as error:
        raise MissingPackageError(
            f"{shown}: URLs need fsspec, which is not installed: {install(EXTRA)}"
        ) from error
    try:
        return fsspec.core.url_to_fs(url, **_patience(url))
    except ImportError as error:
        raise MissingPackageError(f"{shown}: {first_line(error)}: {install(EXTRA)}") from error
    except ValueError as error:
        raise HeadposeError(
            f"{shown}: no kind of URL that is known ({first_line(error)})"
        ) from error
    except Exception as error:  # what the libraries of stores raise has no common class
        raise StoreError(f"{shown}: {why(error)}") from error


def _patience(url: str) -> dict[str, dict]:
    """Returns options by which no server is waited for for ever, beside those of the user.

    A dead host of a list of URLs accepts, perhaps, and says nothing.
    """
    asked = [protocol for protocol in ("http", "https") if f"{protocol}://" in url]
    if not asked:
        return {}
    import aiohttp
    import fsspec

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECTING, sock_read=SILENCE)
    options = {}
    for protocol in asked:
        own = fsspec.config.conf.get(protocol, {}).get("client_kwargs", {})
        options[protocol] = {"client_kwargs": {"timeout": timeout} | own}
    return options


@contextlib.contextmanager
def store_errors(place: str) -> Iterator[None]:
    """Makes whatever a store's library raises one sentence that names the place."""
    try:
        yield
    except HeadposeError:
        raise
    except FileNotFoundError as error:
        if _is_of_the_way(error.__cause__):
            raise StoreError(f"{without_secrets(place)}: {why(error.__cause__)}") from error
        if "::" in place and HTTP in place and error.__cause__ is None:
            # Of a chain, as simplecache::https://, fsspec does not keep what the server said.
            told = "no such file, or the server did not give it"
            raise StoreError(f"{without_secrets(place)}: {told}") from error
        told = "no such bucket" if NO_BUCKET in str(error) else "no such file"
        raise HeadposeError(f"{without_secrets(place)}: {told}") from error
    except Exception as error:  # what the libraries of stores raise has no common class
        raise StoreError(f"{without_secrets(place)}: {why(error)}") from error


def _is_of_the_way(cause: BaseException | None) -> TypeGuard[Exception]:
    """Tells whether a file was not reached, rather than missing.

    For fsspec a server that is busy, down, or refuses is a missing file, too.
    """
    status = getattr(cause, "status", None)  # aiohttp's, of what the server answered
    if status is not None:
        return status not in MISSING
    foreign = type(cause).__module__.partition(".")[0] == "aiohttp"
    return foreign or isinstance(cause, ConnectionError | TimeoutError)


def why(error: Exception) -> str:
    """Says in a few words why a store refused."""
    if isinstance(error, PermissionError):
        told = error.strerror or first_line(error)
        return f"access refused ({told}); check credentials and rights"
    return f"{first_line(error)} ({type(error).__name__})"


@contextlib.contextmanager
def opened(place: str) -> Iterator[IO[bytes]]:
    """Opens a file by path or URL for reading.

    Raises:
        StoreError: If it cannot be opened, or read in the block.
        HeadposeError: If it is missing.
    """
    path = local(place)
    with contextlib.ExitStack() as stack:
        with store_errors(place):
            if path is not None:
                check_readable(path)
                file = stack.enter_context(path.open("rb"))
            else:
                system, inside = file_system(place)
                file = stack.enter_context(system.open(inside, "rb"))
        yield file


def read(place: str) -> bytes:
    """Returns the content of a file by path or URL.

    Raises:
        StoreError: If it cannot be read.
        HeadposeError: If it is missing.
    """
    with store_errors(place), opened(place) as file:
        return file.read()


def status(place: str) -> Entry:
    """Asks for the state of a file by path or URL.

    Raises:
        StoreError: If the store does not tell.
        HeadposeError: If it is missing.
    """
    path = local(place)
    with store_errors(place):
        if path is not None:
            found = path.stat()
            return Entry(place, f"{found.st_size} {found.st_mtime_ns}")
        system, inside = file_system(place)
        return Entry(place, _state(system.info(inside)))


def below(url: str) -> list[Entry]:
    """Lists the files of a folder by URL at any depth, or those that a pattern matches.

    Hidden files and folders are left out.

    Raises:
        StoreError: If the store does not list them.
        HeadposeError: If there is no such folder.
    """
    system, inside = file_system(url)
    with store_errors(url):
        fixed = re.split(r"[*\[]", inside)[0]
        search = system.find if fixed == inside else system.glob
        if fixed != inside:  # its name begins before what * stands for
            fixed = fixed[: fixed.rfind("/") + 1]
        return [
            Entry(_full(system, url, inside, path), _state(info))
            for path, info in sorted(search(inside, detail=True).items())
            if info.get("type") != "directory" and not _is_hidden(path[len(fixed) :])
        ]


def _full(system, url: str, inside: str, path: str) -> str:
    """Returns a path in a store as a URL, by the chain of protocols that `url` has."""
    link = first_link(url)
    if link.endswith(inside):
        return url.replace(link, link.removesuffix(inside) + path, 1)
    return system.unstrip_protocol(path)


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))


def _state(info: dict) -> str:
    known = next((str(info[name]) for name in STATES if info.get(name)), "")
    return f"{info.get('size')} {known}".strip()
