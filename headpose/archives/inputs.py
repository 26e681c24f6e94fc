"""What an archive consists of: pictures, videos, tar shards and Parquet, in folders or by URL."""

import dataclasses
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from headpose.archives.urls import (
    WEB,
    below,
    file_system,
    first_link,
    is_pattern,
    is_url,
    local,
    path_of,
    read,
    suffix_of,
)
from headpose.errors import reason
from headpose.files import lines_of
from headpose.images import copies, heic
from headpose.images.listing import VIDEO_SUFFIXES, expand_lists, find_inputs
from headpose.images.pictures import SUFFIXES as PICTURE_SUFFIXES
from headpose.reporting import logger
from headpose.video import drawn_mark
from headpose.video.addresses import without_secrets

TAR_SUFFIXES, PARQUET_SUFFIXES = (".tar", ".tgz"), (".parquet", ".pq")
PICTURE, VIDEO, TAR, PARQUET = "pictures", "video", "tar", "parquet"
_COMPRESSED_TAR = re.compile(r"\.tar\.(gz|bz2|xz)$", re.IGNORECASE)
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
MAX_NAMES = 1_000_000  # that braces may stand for: each is looked for by itself
SHOWN = 200  # letters of such a name
MAX_DIGITS = 1000  # of numbers in braces; Python refuses some thousands
_BRACES = re.compile(r"\{([^{}]*)\}")


@dataclasses.dataclass(frozen=True)
class Item:
    """A file of an archive.

    Attributes:
        place: Its path or URL.
        key: Its name in the archive, by WebDataset's rule: the path in the folder, up to the
            first dot of the file's name.
        state: Changes with its content, as far as is known without reading it.
    """

    place: str
    key: str
    state: str = ""


@dataclasses.dataclass
class Inputs:
    """What names stand for.

    Attributes:
        items: Each file once, by kind: `PICTURE`, `VIDEO`, `TAR`, `PARQUET`; in order.
        problems: A message for each name that gave nothing.
    """

    items: dict[str, list[Item]]
    problems: list[str]


def kind_of(place: str) -> str | None:
    """Tells by the suffix what a file is; None for what is none of an archive's files."""
    suffix = suffix_of(place)
    if suffix in TAR_SUFFIXES or _COMPRESSED_TAR.search(path_of(place)):
        return TAR
    if suffix in PARQUET_SUFFIXES:
        return PARQUET
    if suffix in VIDEO_SUFFIXES:
        return VIDEO
    return PICTURE if suffix in PICTURE_SUFFIXES + heic.SUFFIXES else None


def key_of(path: str) -> str:
    """Returns the key of a file: its path, with slashes, up to the first dot of its name."""
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", ".")]
    name = parts[-1] if parts else path
    stem = name[: name.find(".", 1)] if "." in name[1:] else name
    return "/".join([*parts[:-1], stem])


def find_files(names: Sequence[str], skip: Iterable[Path] = ()) -> Inputs:
    """Finds the files that names stand for.

    A name is what `headpose.images.listing.find_inputs` takes, or a URL: of a file, of a
    folder, a pattern. In `@LIST` (a path or URL) stands a name a line. `{a,b}` and `{000..146}`
    stand for each of these, as in a shell. What is left out of folders is logged.

    Args:
        names: Files, folders, patterns, URLs, and lists of these.
        skip: Folders to leave out, for what is written there.

    Raises:
        HeadposeError: If a store does not answer: a list that lacks something is of no use.
    """
    inputs = Inputs({kind: [] for kind in (PICTURE, VIDEO, TAR, PARQUET)}, [])
    found: dict[str, dict[str, Item]] = {kind: {} for kind in inputs.items}
    here: list[str] = []
    for name in _expanded(names, inputs.problems):
        path = local(name)
        if path is not None:
            here.append(str(path) if is_url(name) else name)
            continue
        items = list(_of_url(name))
        if not items:
            told = without_secrets(name)
            inputs.problems.append(f"{told}: no pictures, videos, tar shards or Parquet there")
        for item in items:
            found[kind_of(item.place) or PICTURE].setdefault(item.place, item)
    for item in _of_this_machine(here, skip, inputs.problems):
        found[kind_of(item.place) or PICTURE].setdefault(item.place, item)
    _tell_same_names(place for places in found.values() for place in places)
    for kind, items_of_kind in found.items():
        inputs.items[kind] = sorted(items_of_kind.values(), key=_in_order)
    return inputs


def _tell_same_names(places: Iterable[str]) -> None:
    """Warns of URLs that tables cannot tell apart, as what differs is not shown."""
    shown = Counter(without_secrets(place) for place in places if is_url(place))
    for name, number in shown.items():
        if number > 1:
            told = "they differ in what is taken for a secret; put them into Parquet and name --key"
            logger.warning("%d URLs are shown as %s: %s", number, name, told)


def _in_order(item: Item):
    return item.place if is_url(item.place) else Path(item.place).as_posix()


def _expanded(names: Iterable[str], problems: list[str]) -> Iterator[str]:
    """Yields names, those in lists and of braces in their place."""
    for name in names:
        if name.startswith("@") and is_url(name) and local(name[1:]) is None:
            lines = lines_of(read(name[1:]).decode("utf-8-sig", "replace"))
            listed: Iterable[str] = [line.strip() for line in lines if line.strip()]
        else:
            listed = expand_lists([name], problems)
        for one in listed:
            path = local(one)
            exists = path is not None and "{" in one and os.path.lexists(path)
            if exists:
                yield one
            elif _count(one) <= MAX_NAMES:
                yield from braces(one)
            else:
                told = f"{without_secrets(one)[:SHOWN]}: more than {MAX_NAMES:,} names"
                problems.append(f"{told}; name the folder, or give them in parts")


def _count(name: str) -> int:
    """Returns for how many names the braces of one stand."""
    count = 1
    for inside in _BRACES.findall(name):
        numbers = _RANGE.fullmatch(inside)
        if numbers is None:
            count *= inside.count(",") + 1
        elif len(inside) > MAX_DIGITS:
            return MAX_NAMES + 1
        else:
            count *= abs(int(numbers[2]) - int(numbers[1])) + 1
    return count


def braces(name: str) -> Iterator[str]:
    """Yields what a name with braces stands for, in a shell's order.

    `{000..146}` is each number, as long as the first; `{a,b}` each word. Other braces stay.
    """
    for found in _BRACES.finditer(name):
        before, after = name[: found.start()], name[found.end() :]
        numbers = _RANGE.fullmatch(found[1])
        if numbers:
            first, last = int(numbers[1]), int(numbers[2])
            steps = range(first, last + 1) if first <= last else range(first, last - 1, -1)
            width = len(numbers[1]) if numbers[1].startswith("0") else 0
            words: Iterable[str] = (f"{number:0{width}d}" for number in steps)
        elif "," in found[1]:
            words = found[1].split(",")
        else:
            continue
        for word in words:
            yield from (f"{before}{word}{rest}" for rest in braces(after))
        return
    yield name


def _of_url(url: str) -> Iterator[Item]:
    """Yields the files that a URL stands for; one that is named is not asked for."""
    file_system(url)  # a package that is missing is told before the work
    pattern = is_pattern(url)
    page = first_link(url).partition("://")[0] in WEB and not path_of(url).endswith("/")
    if not pattern and (page or kind_of(url)):
        yield Item(url, key_of(_name_of(url)))
        return
    path = path_of(url)
    root = re.split(r"[*\[]", path)[0].rpartition("/")[0] if pattern else path.rstrip("/")
    for entry in below(url):
        if kind_of(entry.place):
            relative = path_of(entry.place).removeprefix(root).lstrip("/")
            yield Item(entry.place, key_of(relative), entry.state)


def _name_of(url: str) -> str:
    """Returns a file's name in a URL; where a query alone tells which it is, with that."""
    name = path_of(url).rpartition("/")[2]
    if "." in name[1:]:
        return name
    shown = without_secrets(first_link(url))
    return shown.partition("://")[2].rpartition("/")[2]


def _of_this_machine(
    names: Sequence[str], skip: Iterable[Path], problems: list[str]
) -> Iterator[Item]:
    if not names:
        return
    suffixes: tuple[str, ...] = (*PICTURE_SUFFIXES, *VIDEO_SUFFIXES, *TAR_SUFFIXES)
    suffixes += PARQUET_SUFFIXES
    suffixes += heic.SUFFIXES if heic.is_available() else ()
    found = find_inputs(names, suffixes, skip)
    for leave_copies_out in (copies.leave_copies_out, drawn_mark.leave_copies_out):
        leave_copies_out(found)
    for line in found.left_out:
        logger.warning(line)
    problems += found.problems
    for file in found.files:
        root = found.roots.get(file)
        relative = file.relative_to(root) if root is not None else Path(file.name)
        try:
            status = file.stat()
            state = f"{status.st_size} {status.st_mtime_ns}"
        except OSError as error:
            state = reason(error)  # it will be listed as a failure
        yield Item(str(file), key_of(relative.as_posix()), state)


def count(inputs: Inputs) -> str:
    """Says how many files of each kind there are."""
    names = {PICTURE: "pictures", VIDEO: "videos", TAR: "tar shards", PARQUET: "Parquet files"}
    return ", ".join(
        f"{name}: {len(items)}" for k, name in names.items() if (items := inputs.items[k])
    )
