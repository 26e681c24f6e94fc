"""Archives divided into shards: what one worker does in one go."""

import dataclasses
import hashlib
import math
from collections.abc import Iterator, Sequence

from headpose.archives.inputs import PARQUET, PICTURE, TAR, VIDEO, Inputs, Item
from headpose.archives.urls import without_secrets
from headpose.errors import HeadposeError
from headpose.parallel.prefetch import ahead
from headpose.reporting import logger

ASKED_AT_ONCE = 16  # videos for their length


@dataclasses.dataclass(frozen=True)
class Columns:
    """Which columns of Parquet hold what.

    Attributes:
        picture: Bytes of pictures, their paths or URLs, or both as Hugging Face's data sets
            have them; None: the only one with bytes.
        key: Names of rows; None: `key` or `__key__`, where there is one.
    """

    picture: str | None = None
    key: str | None = None


BY_THEMSELVES = Columns()


@dataclasses.dataclass(frozen=True)
class Part:
    """Rows of a Parquet file.

    Attributes:
        group: The row group.
        start, stop: Rows in it, `stop` not included.
        first: Number of the group's first row in the file.
    """

    group: int
    start: int
    stop: int
    first: int


@dataclasses.dataclass(frozen=True)
class Span:
    """A part of a long video.

    Attributes:
        number: Which, from 1.
        count: How many there are.
        seconds: How long each is; the last goes on to the end, however long.
    """

    number: int
    count: int
    seconds: float

    @property
    def start(self) -> float:
        """Seconds from the first frame."""
        return (self.number - 1) * self.seconds

    @property
    def end(self) -> float:
        """Seconds from the first frame; none of the part's frames is there."""
        return self.number * self.seconds if self.number < self.count else math.inf


@dataclasses.dataclass(frozen=True)
class Joined:
    """Of a long video all parts, which are done.

    Attributes:
        count: How many there are.
    """

    count: int


@dataclasses.dataclass(frozen=True)
class Trial:
    """Nothing to do but to get ready for work.

    Attributes:
        videos: Whether there will be some.
    """

    videos: bool


@dataclasses.dataclass(frozen=True)
class Shard:
    """Files that one worker does in one go.

    Attributes:
        name: Which it is.
        kind: `PICTURE`, `VIDEO`, `TAR` or `PARQUET` of `headpose.archives.inputs`.
        items: Pictures; or one video, tar shard or Parquet file.
        fingerprint: Changes when the files do; of all parts of a video the same.
        part: What of a Parquet file or of a video; or that there is nothing to do.
    """

    name: str
    kind: str
    items: tuple[Item, ...]
    fingerprint: str
    part: Part | Span | Joined | Trial | None = None

    @property
    def result(self) -> str:
        """Name of its files of results, which the parts of a video have in common."""
        return self.name.partition(".")[0]


def trial(videos: bool) -> Shard:
    """Returns what a worker is given to find out whether it can begin, see `Trial`."""
    return Shard("trial", PICTURE, (), "", Trial(videos))


def make_shards(
    inputs: Inputs, size: int, columns: Columns = BY_THEMSELVES, seconds: float = math.inf
) -> list[Shard]:
    """Divides files into shards: `size` pictures, a video, a tar shard, a part of a Parquet file.

    A part of Parquet is a row group where the pictures are in it, as it is read whole; else
    `size` rows. A video of `seconds` or more is divided into parts of about that length.

    Args:
        inputs: The files.
        size: How many pictures.
        columns: Of Parquet.
        seconds: Of a part of a video.

    Raises:
        HeadposeError: If a Parquet file lacks a column, or a store does not give one, or the
            head of a video.
    """
    pictures = inputs.items[PICTURE]
    groups = [tuple(pictures[i : i + size]) for i in range(0, len(pictures), size)]
    shards = [_shard(PICTURE, i, items) for i, items in enumerate(groups)]
    for i, (item, spans) in enumerate(_divided(inputs.items[VIDEO], seconds)):
        whole = _shard(VIDEO, i, (item,), spans[0] if spans else None)
        shards += [
            dataclasses.replace(
                whole, name=part_name(whole.name, span.number, span.count), part=span
            )
            for span in spans
        ] or [whole]
    shards += [_shard(TAR, i, (item,)) for i, item in enumerate(inputs.items[TAR])]
    rows = [(item, part) for item in inputs.items[PARQUET] for part in _parts(item, size, columns)]
    return shards + [_shard(PARQUET, i, (item,), part) for i, (item, part) in enumerate(rows)]


def _shard(kind: str, number: int, items: tuple[Item, ...], part: Part | Span | None = None):
    return Shard(f"{kind}-{number:06d}", kind, items, _fingerprint(items, part), part)


def part_name(result: str, number: int, count: int) -> str:
    """Returns the name of a part of a video, see `Span`."""
    return f"{result}.{number:05d}-of-{count:05d}"


def _divided(videos: Sequence[Item], seconds: float) -> Iterator[tuple[Item, list[Span]]]:
    """Yields videos with their parts; with none those that are done in one go."""
    if math.isinf(seconds):
        yield from ((item, []) for item in videos)
        return
    from headpose.archives.films import seconds_of

    lengths = ahead(lambda item: seconds_of(item, seconds), videos, ASKED_AT_ONCE, 64)
    for item, length in zip(videos, lengths, strict=True):
        count = round(length / seconds)  # the last part is not much shorter than others
        spans = [Span(number, count, seconds) for number in range(1, count + 1)]
        yield item, spans if count > 1 else []


def _parts(item: Item, size: int, columns: Columns) -> Iterator[Part]:
    from headpose.archives.parquet import TableError, row_groups

    try:
        inside, groups = row_groups(item.place, columns)
    except TableError:
        yield Part(0, 0, 1, 0)  # who reads it finds out why, and lists it as a failure
        return
    if not sum(groups):
        logger.warning("%s: no rows in it", without_secrets(item.place))
    first = 0
    for group, count in enumerate(groups):
        step = max(1, count) if inside else size
        for start in range(0, count, step):
            yield Part(group, start, min(start + step, count), first)
        first += count


def choose(shards: Sequence[Shard], number: int, count: int) -> list[Shard]:
    """Returns one of `count` divisions of the work, the same wherever it is asked for.

    Args:
        shards: All.
        number: Which, from 1.
        count: How many there are.

    Raises:
        HeadposeError: If there is no such division.
    """
    if not 1 <= number <= count:
        raise HeadposeError(f"there is no part {number} of {count}; count from 1")
    return list(shards[number - 1 :: count])


def _fingerprint(items: Sequence[Item], part: Part | Span | None) -> str:
    """Returns a digest of names, of what is known of the contents, and of the division."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(f"{item.place}\0{item.state}\n".encode(errors="surrogateescape"))
    if isinstance(part, Part):
        digest.update(f"{part.group} {part.start} {part.stop}".encode())
    if isinstance(part, Span):
        digest.update(f"{part.count} parts of {part.seconds:g} s".encode())
    return digest.hexdigest()[:16]
