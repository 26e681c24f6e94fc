"""WebDataset's tar shards: members of one key belong together, `a/0001.jpg` and `a/0001.json`.

The format: https://github.com/webdataset/webdataset. A key is the path up to the first dot
of the file's name. A picture's URL is what its `.json` has for `url`, as img2dataset writes it.
"""

import bz2
import contextlib
import gzip
import lzma
import sys
import tarfile
import zlib
from collections import deque
from collections.abc import Iterator
from typing import IO, Any

from headpose.archives.inputs import PICTURE, VIDEO, key_of, kind_of
from headpose.archives.records import Record
from headpose.archives.urls import MAX_PICTURE, opened, store_errors, too_large
from headpose.errors import HeadposeError, first_line
from headpose.files import parse_json
from headpose.video.addresses import without_secrets

# By how their files begin: RFC 1952, bzip2's source, and the description of .xz (1.2.1, 2.1.1.1).
OPENERS: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    **{b"BZh%d1AY&SY" % level: bz2.open for level in range(1, 10)},
    b"\xfd7zXZ\0": lzma.open,
}
END = 1024  # zero bytes that end an archive (POSIX.1-2017, pax, "ustar Interchange Format")
KEPT = 2 * tarfile.RECORDSIZE  # bytes; `tarfile` reads a record ahead at most
MAX_JSON = 1 << 20  # bytes; what is larger tells no URL
# Bytes of pictures that wait for a `.json` behind them. WebDataset's writer sorts the members of
# a sample by suffix, so that .jpg is before .json; a sample is a picture or a few.
MAX_WAITING = 64 << 20
# What a bad archive makes `tarfile` and decompressors raise; the last two where headers are
# before headers without end, and for sizes beyond all numbers.
CUT = (
    tarfile.TarError,
    EOFError,
    OSError,
    ValueError,
    lzma.LZMAError,
    zlib.error,
    RecursionError,
    OverflowError,
)


class _Plain:
    """A file of a store as decompressors and `tarfile` read it; its errors stay the store's.

    Args:
        file: What is read.
        place: For messages.
    """

    def __init__(self, file: IO[bytes], place: str):
        self._file, self._place = file, place
        self._begin = b""

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            size = sys.maxsize
        begin, self._begin = self._begin[:size], self._begin[size:]
        with store_errors(self._place):
            return begin + self._file.read(size - len(begin))

    def unpacked(self) -> Any:
        """Returns a context with the tar in it: what decompresses it, or itself."""
        self._begin = begin = self.read(max(map(len, OPENERS)))
        opener = next((o for start, o in OPENERS.items() if begin.startswith(start)), None)
        return opener(self) if opener else contextlib.nullcontext(self)


class _Stream:
    """A tar that is read once, and how it ended."""

    def __init__(self, file: Any):
        self._file, self._end, self._total = file, b"", 0
        self.goes_on = False

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._end = (self._end + data)[-KEPT:]
        self._total += len(data)
        return data

    def has_end(self, offset: int) -> bool:
        """Reads what is left and tells whether an archive ends there.

        Behind an archive's end are zeros alone; else `goes_on` is true.

        Args:
            offset: Where its end begins; `tarfile` has read on for some blocks.
        """
        self.goes_on = any(self._end[max(0, offset - self._total + len(self._end)) :])
        while data := self.read(1 << 20):
            self.goes_on |= any(data)
        return self._end[-END:] == bytes(END)


def members(place: str) -> Iterator[Record]:
    """Yields the pictures and videos of a tar shard, in order.

    Raises:
        HeadposeError: At the end, if the shard is cut, damaged or holds neither.
        StoreError: If the store does not give it.
    """
    shown, found = without_secrets(place), False
    count = 0
    names: set[str] = set()
    group = _Group(shown)
    with opened(place) as raw, contextlib.ExitStack() as stack:
        stream: Any = _Stream(stack.enter_context(_Plain(raw, place).unpacked()))
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    if member.islnk() or member.issym():
                        if _wanted(member) and not member.name.endswith(".json"):
                            found = True
                            yield _link(shown, member.name)
                        continue
                    if not member.isfile():
                        continue
                    count += 1
                    wanted = _wanted(member)
                    medium = wanted and not member.name.endswith(".json")
                    found |= medium
                    if medium and (refused := _refused(shown, member, names)):
                        yield refused
                        continue
                    # Before it is read, as it may be large.
                    yield from group.before(member.name, member.size if medium else 0)
                    content = archive.extractfile(member) if wanted else None
                    if content is not None:
                        yield from group.with_member(member.name, content.read())
                yield from group.left()
                whole = stream.has_end(archive.offset)
        except CUT as error:
            yield from group.left()  # which are whole
            raise _cut(shown, count, first_line(error)) from error
    if not whole:
        raise _cut(shown, count, "its end is missing")
    if stream.goes_on:
        raise HeadposeError(
            f"{shown}: more behind its end, which was not read (shards joined by cat?); "
            "give each shard by itself"
        )
    if not found:
        raise HeadposeError(f"{shown}: no pictures or videos in this shard")


class _Group:
    """Members of one key, whose URL a `.json` among them may tell, before or behind them.

    They wait for it as long as they are no more than `MAX_WAITING` bytes, or one.

    Args:
        shown: The shard, as it is named.
    """

    def __init__(self, shown: str):
        self._shown = shown
        self._key: str | None = None
        self._url: str | None = None
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._held, self._waits = 0, True

    def before(self, name: str, size: int) -> Iterator[Record]:
        """Yields what need not wait any longer, as a member of so many bytes comes."""
        if key_of(name) != self._key:
            yield from self.left()
            self._key, self._url, self._waits = key_of(name), None, True
        if size and self._held and self._held + size > MAX_WAITING:
            self._waits = False
            yield from self.left()

    def with_member(self, name: str, content: bytes) -> Iterator[Record]:
        """Takes a member, and yields what need not wait any longer."""
        if name.endswith(".json"):
            self._url = _url_in(content) or self._url
        else:
            self._waiting.append((name, content))
            self._held += len(content)
        del content  # who gets it shall be the only one to hold it
        if self._url or not self._waits:
            yield from self.left()

    def left(self) -> Iterator[Record]:
        """Yields all that wait."""
        self._held = 0
        while self._waiting:
            path = self._waiting[0][0].removeprefix("./")
            file = f"{self._shown}/{path}"
            # In a shard's URL a query, or the rest of a chain, would hide a video's suffix.
            yield Record(file, key_of(path), self._url, self._waiting.popleft()[1], path)


def _link(shown: str, name: str) -> Record:
    """Returns what stands for a picture that is a link to another member."""
    path = name.removeprefix("./")
    told = HeadposeError(
        f"{shown}/{path}: a link to another file; pack with tar --dereference --hard-dereference"
    )
    return Record(f"{shown}/{path}", key_of(path), None, told)


def _refused(shown: str, member: tarfile.TarInfo, names: set[str]) -> Record | None:
    """Returns what stands for a picture or video that is not taken, or None.

    Args:
        shown: The shard, as it is named.
        member: The picture or video.
        names: Of those before it; gets its own. `tar -r` and `-u` put a newer file of the same
            name at the end, which nobody knows of who reads an archive once: the first is taken.
    """
    path = member.name.removeprefix("./")
    file = f"{shown}/{path}"
    if path in names:
        told = HeadposeError(
            f"{file}: there again, perhaps newer (tar -r, tar -u), and the first was taken; "
            "unpack the shard, which keeps the last, and pack it anew"
        )
    elif kind_of(path) == PICTURE and member.size > MAX_PICTURE:
        told = too_large(file)
    else:
        names.add(path)
        return None
    return Record(file, key_of(path), None, told)


def _cut(shown: str, count: int, why: str) -> HeadposeError:
    return HeadposeError(f"{shown}: cut or damaged after {count} members ({why}); get it anew")


def _wanted(member: tarfile.TarInfo) -> bool:
    *folders, name = member.name.split("/")
    if name.startswith(".") or any(f.startswith(".") and f not in (".", "..") for f in folders):
        return False  # hidden, as in folders
    meta = name.endswith(".json") and member.size <= MAX_JSON
    return meta or kind_of(name) in (PICTURE, VIDEO)


def _url_in(content: bytes) -> str | None:
    """Returns what JSON tells for `url`; None if it tells none, or is none."""
    try:
        told = parse_json(content)
    except ValueError:
        return None
    url = told.get("url") if isinstance(told, dict) else None
    return without_secrets(url) if isinstance(url, str) else None
