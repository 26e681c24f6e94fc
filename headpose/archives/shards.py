"""Archives divided into shards: what one worker does in one go."""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence

from headpose.archives.inputs import PARQUET, PICTURE, TAR, VIDEO, Inputs, Item
from headpose.errors import HeadposeError


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
class Shard:
    """Files that one worker does in one go.

    Attributes:
        name: Of its files of results.
        kind: `PICTURE`, `VIDEO`, `TAR` or `PARQUET` of `headpose.archives.inputs`.
        items: Pictures; or one video, tar shard or Parquet file.
        fingerprint: Changes when the files do.
        part: What of a Parquet file.
    """

    name: str
    kind: str
    items: tuple[Item, ...]
    fingerprint: str
    part: Part | None = None


def make_shards(inputs: Inputs, size: int, columns: Columns = BY_THEMSELVES) -> list[Shard]:
    """Divides files into shards: `size` pictures, a video, a tar shard, a part of a Parquet file.

    A part is a row group where the pictures are in it, as it is read whole; else `size` rows.

    Args:
        inputs: The files; gets a problem for each Parquet file that cannot be read.
        size: How many pictures.
        columns: Of Parquet.

    Raises:
        HeadposeError: If a Parquet file lacks a column, or a store does not give it.
    """
    pictures = inputs.items[PICTURE]
    groups = [(PICTURE, tuple(pictures[i : i + size])) for i in range(0, len(pictures), size)]
    groups += [(kind, (item,)) for kind in (VIDEO, TAR) for item in inputs.items[kind]]
    parts = [(kind, items, None) for kind, items in groups]
    whole: list[tuple[str, tuple[Item, ...], Part | None]] = [*parts]
    for item in inputs.items[PARQUET]:
        whole += [(PARQUET, (item,), part) for part in _parts(item, size, columns, inputs.problems)]
    numbers = dict.fromkeys(inputs.items, 0)
    shards = []
    for kind, items, part in whole:
        shards.append(
            Shard(f"{kind}-{numbers[kind]:06d}", kind, items, _fingerprint(items, part), part)
        )
        numbers[kind] += 1
    return shards


def _parts(item: Item, size: int, columns: Columns, problems: list[str]) -> Iterator[Part]:
    from headpose.archives.parquet import TableError, row_groups

    try:
        inside, groups = row_groups(item.place, columns)
    except TableError as error:
        problems.append(str(error))
        return
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


def _fingerprint(items: Sequence[Item], part: Part | None) -> str:
    """Returns a digest of names, of what is known of the contents, and of the rows."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(f"{item.place}\0{item.state}\n".encode(errors="surrogateescape"))
    if part is not None:
        digest.update(f"{part.group} {part.start} {part.stop}".encode())
    return digest.hexdigest()[:16]
