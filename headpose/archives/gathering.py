"""What came of all shards of an archive, brought together: counts, and a table of failures."""

import json
from collections.abc import Iterable, Sequence

from headpose.archives.output import PARTS, Output
from headpose.archives.results import (
    COUNTED,
    FAILURES,
    MANIFEST,
    begin,
    is_cut,
    read_manifest,
    result_of,
    with_table,
    write_json,
)
from headpose.archives.shards import Shard
from headpose.errors import HeadposeError
from headpose.files import spelled_texts
from headpose.parallel.prefetch import ahead
from headpose.video.addresses import without_secrets

READ_AT_ONCE = 16  # small files of a store


def lost_failure(shard: Shard, place: str, why: str) -> dict:
    """Returns the row of failures for a file of a shard that was given up."""
    return {
        "file": without_secrets(place),
        "key": None,
        "url": None,
        "shard": shard.result,
        "reason": why,
    }


def finish(output: Output, shards: Sequence[Shard], lost: dict[str, str]) -> dict[str, int]:
    """Brings together what came of all shards; writes failures, and counts in the manifest.

    Args:
        output: The place.
        shards: All of them.
        lost: Why shards were given up, by the name of their results.

    Returns:
        Counts of shards, pictures, videos, frames, heads and failures.
    """

    def failures(name: str, why: str) -> list[dict]:
        shard = by_name[name]
        return [lost_failure(shard, i.place, lost.get(name, why)) for i in shard.items]

    by_name = {shard.result: shard for shard in shards}
    return _gather(output, by_name, failures)


def merge(output: Output) -> tuple[dict[str, int], list[str]]:
    """Brings together what runs with parts of the work have left.

    Returns:
        The counts, see `finish`, and the names of shards that are not done.

    Raises:
        HeadposeError: If there are no results.
    """
    manifest = read_manifest(output)
    if manifest is None:
        raise HeadposeError(f"{output}: no results of headpose annotate; run it there first")
    missing: list[str] = []

    def failures(name: str, _: str) -> list[dict]:
        missing.append(name)
        return []

    return _gather(output, manifest["shards"], failures), missing


def _gather(output: Output, names: Iterable[str], missing) -> dict[str, int]:
    names = list(names)
    there = with_table(output)
    counts = dict.fromkeys(("shards", *COUNTED), 0)

    def result_if_there(name: str) -> dict | None:
        return result_of(output, name) if name in there else None

    with output.atomic_write(FAILURES) as path, path.open("w", encoding="utf-8") as file:
        results = ahead(result_if_there, names, READ_AT_ONCE, 2 * READ_AT_ONCE)
        for name, result in zip(names, results, strict=True):
            why = "not done yet"
            if result is not None and is_cut(result, there[name]):
                result, why = None, "its table was cut short; the next run does it again"
                begin(output, name)
            counts["shards"] += result is not None
            told = missing(name, why) if result is None else result["failures"]
            for failure in told:
                file.write(json.dumps(spelled_texts(failure)) + "\n")
            for counted in COUNTED:
                counts[counted] += (
                    len(told) if counted == "failures" else (result or {}).get(counted, 0)
                )
    output.remove_empty(PARTS)
    manifest = read_manifest(output)
    if manifest is not None:
        write_json(output, MANIFEST, manifest | {"counts": counts})
    return counts
