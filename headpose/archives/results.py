"""What came of an archive: which shards are done, a manifest, and a table of failures.

A place of results holds

    heads/*.jsonl (or .parquet)  a file for each shard, a row for each head
    shards/*.json                what came of each shard that is done
    manifest.json                versions, settings with digests of the models, columns, a
                                 fingerprint of each shard's files; counts, at the end
    failures.jsonl               a row for each file that could not be read, or only in part
    parts/*.jsonl                for a while, what was measured of long videos

A shard is done when its file in `shards` is there; its rows are in place by then, and are
written anew, under the same name, where it is not. `NAME.again.json` is of a shard that a
store did not give in full, or for which memory was short: its rows are there, and the next run
does it once more.
"""

import importlib.metadata
import json
import platform
import re
from collections import Counter
from collections.abc import Sequence

from headpose import __version__
from headpose.archives.inputs import VIDEO
from headpose.archives.output import DONE, HEADS, PARTS, Output
from headpose.archives.shards import Joined, Shard
from headpose.errors import HeadposeError
from headpose.files import parse_json
from headpose.records.columns import ARCHIVE_FIELDS
from headpose.reporting import logger
from headpose.video.addresses import without_secrets

MANIFEST, FAILURES = "manifest.json", "failures.jsonl"
PARTS_OF_MANIFEST = ("settings", "shards", "versions")
OLD_COUNTS = "summary.json"  # where version 0.1 had them
AGAIN = ".again"  # in the name of what came of a shard that is to be done once more
_SHARD = r"(pictures|video|tar|parquet)-\d{6,}"  # as `headpose.archives.shards` names them
PART_NAME = re.compile(r"^(video-\d{6,})\.(\d{5,})-of-(\d{5,})\.jsonl$")
RESULT_NAME = re.compile(rf"^{_SHARD}(\.again)?\.(jsonl|parquet|json)$")
HALF_NAME = re.compile(rf"^\.+{_SHARD}\.")  # of a process that was killed while it wrote
COUNTED = ("pictures", "videos", "frames", "heads", "failures")
BYTES = "bytes"  # in the note of a shard that is done: of its table
PACKAGES = ("numpy", "opencv-python", "onnxruntime", "pillow", "av", "pyarrow", "fsspec", "ray")


def versions() -> dict[str, str]:
    """Returns the versions of what rows depend on, and of what spread the work."""
    found = {"headpose": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def open_results(
    output: Output, settings: dict, shards: Sequence[Shard], sole: bool = True
) -> list[Shard]:
    """Prepares a place of results and returns the shards that are still to be done.

    Parts of a video that lie there are done; `ready` tells of which videos all do.

    Args:
        output: The place.
        settings: What rows depend on.
        shards: All of them.
        sole: Whether nobody else works there: what was left half written is removed.

    Raises:
        HeadposeError: If it has results of other files or settings, or of something else.
    """
    prints = {shard.result: shard.fingerprint for shard in shards}
    before, done, parts = read_manifest(output), finished(output), measured(output)
    left = [f for f in (HEADS, DONE) if any(map(RESULT_NAME.match, output.names(f)))]
    # A run may have got no further than its manifest, as with a model that cannot be loaded.
    nothing = sole and not (done or parts or HEADS in left)
    if before is None or nothing:
        if before is None and output.read(FAILURES) is not None:
            left.append(FAILURES)
        if before is None and left:
            raise HeadposeError(
                f"{output} has {left[-1]} but no {MANIFEST}: not made by headpose annotate, or "
                "its manifest was removed; choose another --output"
            )
        manifest = {"versions": versions(), "settings": settings, "columns": list(ARCHIVE_FIELDS)}
        write_json(output, MANIFEST, manifest | {"shards": prints})
    else:
        _check_same(output, before, settings, shards)
    if sole:
        for folder in (HEADS, DONE, PARTS):
            _remove_matching(output, folder, HALF_NAME)
        # Of a process that was killed before it removed them.
        output.remove(*(f"{PARTS}/{name}.jsonl" for name, of in parts.items() if of[0] in done))
    return [shard for shard in shards if shard.result not in done and shard.name not in parts]


def _check_same(output: Output, before: dict, settings: dict, shards: Sequence[Shard]) -> None:
    """Compares with the manifest of a run that is gone on with.

    Raises:
        HeadposeError: If settings or files differ.
    """
    old = before["settings"]
    changed = [k for k in settings.keys() | old.keys() if old.get(k) != settings.get(k)]
    if changed:
        raise HeadposeError(
            f"{output} has results with other values of {', '.join(sorted(changed))}; "
            "give the same, use --overwrite or another --output"
        )
    if before["shards"] != {shard.result: shard.fingerprint for shard in shards}:
        differing = [s for s in shards if before["shards"].get(s.result) != s.fingerprint]
        near = without_secrets(differing[0].items[0].place) if differing else ""
        first = f", the first near {near}" if near else ""
        raise HeadposeError(
            f"{output} has results of other files: some were added, removed or changed"
            f"{first}; use --overwrite or another --output"
        )
    made_with = before["versions"].get("headpose")
    if made_with != __version__:
        logger.warning("%s was begun with headpose %s, this is %s", output, made_with, __version__)


def read_manifest(output: Output, parts: Sequence[str] = PARTS_OF_MANIFEST) -> dict | None:
    """Reads the manifest, which must have these parts; None if there is none.

    Raises:
        HeadposeError: If it is damaged.
    """
    content = output.read(MANIFEST)
    if content is None:
        return None
    told = (
        f"{output.named(MANIFEST)}: damaged, or not made by this headpose annotate; choose "
        "another --output, or remove it yourself"
    )
    try:
        manifest = parse_json(content)
    except ValueError as error:
        raise HeadposeError(told) from error
    if not isinstance(manifest, dict) or not all(isinstance(manifest.get(p), dict) for p in parts):
        raise HeadposeError(told)
    return manifest


def finished(output: Output) -> set[str]:
    """Returns the names of the shards that are done, and whose tables are still there."""
    names = (name for name in output.names(DONE) if name.endswith(".json"))
    noted = {stem for name in names if not (stem := name[: -len(".json")]).endswith(AGAIN)}
    return noted & with_table(output).keys()


def with_table(output: Output) -> dict[str, int | None]:
    """Returns the shards whose table is there and has not lost all its rows, and its bytes."""
    sizes = {name.rpartition(".")[0]: size for name, size in output.sizes(HEADS).items()}
    return {stem: size for stem, size in sizes.items() if size != 0 or not _had_rows(output, stem)}


def is_cut(result: dict, size: int | None) -> bool:
    """Tells whether a table has lost some of its rows, as a full disk or a broken copy leaves it.

    Args:
        result: What came of its shard; of earlier versions it does not tell the bytes.
        size: Bytes of the table; None where the store does not tell.
    """
    noted = result.get(BYTES)
    return isinstance(noted, int) and size is not None and size < noted


def _had_rows(output: Output, name: str) -> bool:
    """Tells whether a shard's table had rows; a damaged note is told by who reads it next."""
    try:
        return bool((result_of(output, name) or {}).get("heads"))
    except HeadposeError:
        return False


def measured(output: Output) -> dict[str, tuple[str, int]]:
    """Returns the parts of videos that lie there: of which video, and how many it has."""
    matches = (PART_NAME.match(name) for name in output.names(PARTS))
    return {m[0][: -len(".jsonl")]: (m[1], int(m[3])) for m in matches if m}


def ready(output: Output) -> list[Shard]:
    """Returns the videos whose parts are all there, as shards that join them."""
    done = finished(output)
    there = Counter(measured(output).values())
    return [
        Shard(video, VIDEO, (), "", Joined(count))
        for (video, count), found in sorted(there.items())
        if found == count and video not in done
    ]


def something_is_done(output: Output) -> bool:
    """Tells whether there is work that `clear` would remove; raises as it does."""
    if read_manifest(output, PARTS_OF_MANIFEST[:2]) is None:
        return False
    there = ((HEADS, RESULT_NAME), (DONE, RESULT_NAME), (PARTS, PART_NAME))
    return any(pattern.match(name) for folder, pattern in there for name in output.names(folder))


def clear(output: Output) -> None:
    """Removes results, and nothing else.

    The place may hold other things, and have folders and a manifest of these names from
    elsewhere.

    Raises:
        HeadposeError: If its manifest is none of ours.
    """
    manifest = read_manifest(output, PARTS_OF_MANIFEST[:2])  # version 0.1 had these
    if manifest is None:
        return
    for folder, pattern in ((HEADS, RESULT_NAME), (DONE, RESULT_NAME), (PARTS, PART_NAME)):
        _remove_matching(output, folder, pattern)
        output.remove_empty(folder)
    old = [OLD_COUNTS] if "versions" not in manifest and _has_old_counts(output) else []
    output.remove(FAILURES, *old, MANIFEST)


def _has_old_counts(output: Output) -> bool:
    """Tells whether a file of this name is version 0.1's; many other things have one."""
    try:
        told = parse_json(output.read(OLD_COUNTS) or b"")
    except ValueError:
        return False
    return isinstance(told, dict) and told.keys() == {"shards", *COUNTED}


def _remove_matching(output: Output, folder: str, pattern: re.Pattern) -> None:
    names = output.names(folder)
    output.remove(*(f"{folder}/{name}" for name in names if pattern.match(name)))


def begin(output: Output, name: str) -> None:
    """Removes the note of a shard whose table was lost, before there is a new table.

    It must not stand for what comes of the shard now.
    """
    output.remove(f"{DONE}/{name}.json")


def note_done(output: Output, name: str, result: dict, again: bool) -> None:
    """Notes what came of a shard whose rows are in place.

    Args:
        output: The place.
        name: The shard's.
        result: Counts, the table's `BYTES`, and `failures`, a list of rows.
        again: Whether a store did not give it in full, or memory was short.
    """
    write_json(output, f"{DONE}/{name}{AGAIN if again else ''}.json", result)
    if not again:
        output.remove(f"{DONE}/{name}{AGAIN}.json")


def result_of(output: Output, name: str) -> dict | None:
    """Reads what came of a shard, see `note_done`; None where nothing did.

    Raises:
        HeadposeError: If it is damaged.
    """
    for mark in ("", AGAIN):
        content = output.read(place := f"{DONE}/{name}{mark}.json")
        if content is not None:
            return _read_result(content, output.named(place))
    return None


def _read_result(content: bytes, place: str) -> dict:
    try:
        result = parse_json(content)
        whole = isinstance(result["failures"], list)
        whole = whole and all(isinstance(result.get(name, 0), int) for name in COUNTED[:-1])
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise HeadposeError(f"{place}: damaged; remove it and run the same command again")
    return result


def write_json(output: Output, name: str, content: dict) -> None:
    output.write(name, (json.dumps(content, indent=1) + "\n").encode())
