"""Files by URL, through fsspec: s3://, gs://, hf://, https://, memory:// and what else it knows.

Where a store refuses, whatever its library raises becomes a `StoreError` of one line.
"""

import contextlib
import dataclasses
import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TypeGuard
from urllib.parse import unquote

from headpose.errors import HeadposeError, MissingPackageError, first_line, install
from headpose.files import check_readable
from headpose.video.addresses import is_address as is_url
from headpose.video.addresses import links, text_without_secrets, without_secrets

__all__ = ["Entry", "StoreError", "below", "file_system", "is_url", "local", "opened", "status"]

EXTRA = "cloud"
NO_BUCKET = "bucket does not exist"  # what S3 says, NoSuchBucket of its list of error codes
HTTP = "http"  # and https: protocols whose servers may be busy
CONNECTING, SILENCE = 10.0, 15.0  # seconds that a server may take to answer, or be silent
MAX_PICTURE = 200_000_000  # bytes; the largest cameras write 150 MB
WEB = (HTTP, "https")
_HOST = re.compile(r"(?<=//)(?:[^/?#@]*@)?\[([0-9a-fA-F:.]+)(?:%\w+)?\]")  # by IPv6
MAX_TOLD = 200  # letters of what a store's library says
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
    return Path(path_of(place)).suffix.lower()


def path_of(place: str) -> str:
    """Returns the path of what a path or URL is of, without the query that web servers get.

    In other stores a question mark is part of a name.
    """
    link = first_link(place)
    scheme, between, rest = link.partition("://")
    if scheme not in WEB or not between:
        return rest or link
    _, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return slash + path


def first_link(place: str) -> str:
    """Returns what a chain of URLs, `simplecache::zip://a.jpg::b.zip`, is of: its first address."""
    return next(filter(is_url, links(place)), place)


def is_pattern(url: str) -> bool:
    """Tells whether a URL has a * or [ that stands for names; those of a query do not."""
    in_web = [link.partition("://")[0] in WEB for link in links(url)]
    searched = [
        path_of(link) if web else _HOST.sub("", link)
        for web, link in zip(in_web, links(url), strict=True)
    ]
    return any(c in text for text in searched for c in "*[")


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
        return fsspec.core.url_to_fs(_with_long_hosts(url), **_patience(url))
    except ImportError as error:
        raise MissingPackageError(f"{shown}: {_told(error)}: {install(EXTRA)}") from error
    except ValueError as error:
        if "rotocol" not in str(error):  # as of servers that give no part of a file
            raise HeadposeError(f"{shown}: {_told(error)}") from error
        raise HeadposeError(f"{shown}: no kind of URL that is known ({_told(error)})") from error
    except Exception as error:  # what the libraries of stores raise has no common class
        raise StoreError(f"{shown}: {why(error)}") from error


def _patience(url: str) -> dict[str, dict]:
    """Returns options by which no server is waited for for ever, beside those of the user.

    A dead host of a list of URLs accepts, perhaps, and says nothing.
    """
    asked = [protocol for protocol in WEB if f"{protocol}://" in url]
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


def _with_long_hosts(url: str) -> str:
    """Returns a URL with IPv6 addresses in full: for fsspec `::` divides a chain."""

    def whole(found: re.Match) -> str:
        with contextlib.suppress(ValueError):
            return found[0].replace(found[1], ipaddress.IPv6Address(found[1]).exploded)
        return found[0]

    return _HOST.sub(whole, url)


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
        if len(links(place)) > 1 and HTTP in place and error.__cause__ is None:
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
        told = error.strerror or _told(error)
        return f"access refused ({told}); check credentials and rights"
    return f"{_told(error)} ({type(error).__name__})"


def _told(error: Exception) -> str:
    """Returns what a store's library says; it may name the URL, secrets and all."""
    return text_without_secrets(first_line(error, None))[:MAX_TOLD]


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
    """Returns the content of a picture by path or URL.

    Raises:
        StoreError: If it cannot be read.
        HeadposeError: If it is missing, or larger than `MAX_PICTURE`.
    """
    with store_errors(place), opened(place) as file:
        size = getattr(file, "size", None)  # some servers do not tell, and some never end
        content = b"" if size and size > MAX_PICTURE else file.read(-1 if size else MAX_PICTURE + 1)
    if len(content) > MAX_PICTURE or (not content and size):
        raise too_large(without_secrets(place))
    return content


def too_large(shown: str) -> HeadposeError:
    """Returns what is told of a picture larger than `MAX_PICTURE`, which nobody reads whole."""
    return HeadposeError(f"{shown}: more than {MAX_PICTURE / 1e6:.0f} MB, larger than any photo")


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
        fixed, found = _found(system, inside)
        return [
            Entry(_full(system, url, inside, path), _state(info))
            for path, info in sorted(found.items())
            if info.get("type") != "directory" and not _is_hidden(path[len(fixed) :])
        ]


def _found(system, inside: str) -> tuple[str, dict[str, dict]]:
    """Returns the folder that is searched, and what is in it, or matches a pattern."""
    host = _HOST.search(inside)
    start = host.end() if host else 0
    fixed = inside[:start] + re.split(r"[*\[]", inside[start:])[0]
    if fixed == inside:
        return fixed, system.find(inside, detail=True)
    folder = fixed[: fixed.rfind("/") + 1]  # names begin before what * stands for
    if not host:
        return folder, system.glob(inside, detail=True)
    # For fsspec the brackets of a host are a pattern's, too.
    from fsspec.utils import glob_translate

    pattern = inside.removeprefix(folder)
    wanted = re.compile(re.escape(folder) + f"(?:{glob_translate(pattern)})")
    depth = None if "**" in pattern else pattern.count("/") + 1
    found = system.find(folder, maxdepth=depth, detail=True)
    return folder, {path: info for path, info in found.items() if wanted.match(path)}


def _full(system, url: str, inside: str, path: str) -> str:
    """Returns a path in a store as a URL, by the chain of protocols that `url` has."""
    long = _with_long_hosts(url)
    link = first_link(long)
    # For stores a folder is the same with a slash at its end and without.
    named = link if link.endswith(inside) else link.rstrip("/")
    if not named.endswith(inside):
        return system.unstrip_protocol(path)
    whole = long.replace(link, named.removesuffix(inside) + path, 1)
    for short, full in zip(_HOST.finditer(url), _HOST.finditer(long), strict=True):
        whole = whole.replace(full[0], short[0])
    return whole


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))


def _state(info: dict) -> str:
    known = next((str(info[name]) for name in STATES if info.get(name)), "")
    return f"{info.get('size')} {known}".strip()
