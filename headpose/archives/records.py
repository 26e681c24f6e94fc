"""Records of an archive: pictures and videos one by one, wherever they lie."""

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

from headpose.archives.inputs import PARQUET, TAR, VIDEO, kind_of
from headpose.archives.shards import BY_THEMSELVES, Columns, Part, Shard
from headpose.archives.urls import local, read, suffix_of
from headpose.errors import HeadposeError, MissingPackageError
from headpose.parallel.prefetch import ahead
from headpose.video.addresses import without_secrets

FETCHED_AT_ONCE = 8  # files of a store
MAX_AHEAD = 128 << 20  # bytes of contents that wait for their turn; one may be larger


@dataclasses.dataclass(frozen=True)
class Record:
    """A picture or a video of an archive.

    Attributes:
        file: Where it lies, as tables name it.
        key: Its name in the archive.
        url: Where it was first, as the archive tells; None if it does not.
        content: What a file would hold; a path or URL; or why there is none.
        suffix_from: A name by whose suffix videos are told; that of `file` if it is empty.
        is_shard: Whether it stands for what is left of a shard that ends before its time.
        place: The path or URL as it is, secrets and all; empty where `file` tells it.
    """

    file: str
    key: str
    url: str | None
    content: bytes | str | HeadposeError
    suffix_from: str = ""
    is_shard: bool = False
    place: str = ""

    @property
    def is_video(self) -> bool:
        """Tells videos from pictures, by the suffix."""
        return kind_of(self.suffix_from or self.file) == VIDEO

    @property
    def size(self) -> int:
        """Bytes of its content that are held."""
        return len(self.content) if isinstance(self.content, bytes) else 0


def records_of(shard: Shard, columns: Columns = BY_THEMSELVES) -> Iterator[Record]:
    """Yields the records of a shard, in order.

    What cannot be read has an error for its content, and so has the last record where a shard
    ends before its time.
    """
    found = _records(shard, columns)
    while True:
        try:
            record = next(found, None)
        except HeadposeError as error:
            (item,) = shard.items
            yield Record(without_secrets(item.place), item.key, None, error, is_shard=True)
            return
        if record is None:
            return
        yield record


def _records(shard: Shard, columns: Columns) -> Iterator[Record]:
    if shard.kind == TAR:
        from headpose.archives.tars import members

        return members(shard.items[0].place)
    if shard.kind == PARQUET:
        from headpose.archives.parquet import rows

        assert isinstance(shard.part, Part)
        return rows(shard.items[0].place, columns, shard.part)
    return (
        Record(
            without_secrets(item.place), item.key, _url(item.place), item.place, place=item.place
        )
        for item in shard.items
    )


def _url(place: str) -> str | None:
    return None if local(place) is not None else without_secrets(place)


def fetched(records: Iterator[Record]) -> Iterator[Record]:
    """Yields records with the contents of pictures by URL, several of which come at once.

    Of what these and others hold, no more than `MAX_AHEAD` waits, and what comes at once.
    """

    def fetch(record: Record) -> Record:
        if record.is_video or not isinstance(record.content, str) or local(record.content):
            return record
        try:
            return dataclasses.replace(record, content=read(record.content))
        except MissingPackageError:
            raise  # which ends the work: nothing could be had
        except HeadposeError as error:
            return dataclasses.replace(record, content=error)

    workers, waiting = FETCHED_AT_ONCE, 2 * FETCHED_AT_ONCE
    return ahead(fetch, records, workers, waiting, lambda record: record.size, MAX_AHEAD)


@contextlib.contextmanager
def as_file(record: Record) -> Iterator[Path]:
    """Gives a record as a file of this machine, for what reads files alone.

    Raises:
        HeadposeError: If it cannot be had.
    """
    content = record.content
    if isinstance(content, HeadposeError):
        raise content
    path = local(content) if isinstance(content, str) else None
    if path is not None:
        yield path
        return
    suffix = suffix_of(record.suffix_from or record.file)
    with tempfile.TemporaryDirectory(prefix="headpose-") as folder:
        path = Path(folder, f"video{suffix}")
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            assert isinstance(content, str)
            _download(content, path)
        try:
            yield path
        except HeadposeError as error:  # of a name that nobody has heard of
            raise type(error)(str(error).replace(str(path), record.file)) from error


def _download(url: str, path: Path) -> None:
    from headpose.archives.urls import file_system, store_errors

    system, inside = file_system(url)
    with store_errors(url):
        system.get_file(inside, str(path))
