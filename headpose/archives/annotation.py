"""Heads of whole archives: pictures and videos in shards, each done by one worker.

A folder of results holds

    heads/*.jsonl (or .parquet)  a file for each shard, a row for each head
    shards/*.json                what came of each shard that is done
    manifest.json                settings, and a fingerprint of each shard's files
    failures.jsonl               a line for each file that could not be read, or only in part
    summary.json                 counts

A shard is done when its file in `shards` is there; its rows are in place by then.
"""

import contextlib
import dataclasses
import functools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from headpose.archives.shards import Shard
from headpose.errors import HeadposeError
from headpose.files import atomic_write
from headpose.models.backends import Backend
from headpose.pipeline import HeadPosePipeline, load_pipeline
from headpose.records.columns import Row, head_row, place_row
from headpose.records.sinks import JsonLinesSink, ParquetSink

HEADS, DONE, MANIFEST = "heads", "shards", "manifest.json"
FAILURES, SUMMARY = "failures.jsonl", "summary.json"
RESULT_NAME = re.compile(r"^(pictures|video)-\d{6,}\.(jsonl|parquet|json)$")  # as shards' are
AT_ONCE = 8  # pictures or frames in one call of the pipeline


def open_results(folder: Path, settings: dict, shards: Sequence[Shard]) -> list[Shard]:
    """Prepares a folder of results and returns the shards that are still to be done.

    Raises:
        HeadposeError: If it has results of other files or settings.
    """
    path = folder / MANIFEST
    manifest = {"settings": settings, "shards": {s.name: s.fingerprint for s in shards}}
    if path.exists():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            old, old_shards = before["settings"], before["shards"]
        except (ValueError, KeyError, TypeError) as error:
            raise HeadposeError(f"{path}: damaged; use --overwrite or another --output") from error
        changed = [k for k in settings if old.get(k) != settings[k]]
        if changed:
            raise HeadposeError(
                f"{folder} has results with other values of {', '.join(changed)}; "
                "give the same, use --overwrite or another --output"
            )
        if old_shards != manifest["shards"]:
            differing = [s for s in shards if old_shards.get(s.name) != s.fingerprint]
            first = f", the first near {differing[0].files[0]}" if differing else ""
            raise HeadposeError(
                f"{folder} has results of other files: some were added, removed or changed"
                f"{first}; use --overwrite or another --output"
            )
    else:
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    for place in (folder / HEADS, folder / DONE):
        place.mkdir(exist_ok=True)
    return [s for s in shards if not (folder / DONE / f"{s.name}.json").exists()]


def clear(folder: Path) -> None:
    """Removes results from a folder, and nothing else.

    The folder may hold other things, and have sub-folders of these names from elsewhere.
    """
    if not (folder / MANIFEST).exists():
        return
    for name in (HEADS, DONE):
        place = folder / name
        for file in place.iterdir() if place.is_dir() else ():
            if RESULT_NAME.match(file.name):
                file.unlink()
        with contextlib.suppress(OSError):  # what is not ours stays, and its folder with it
            place.rmdir()
    for name in (FAILURES, SUMMARY, MANIFEST):
        (folder / name).unlink(missing_ok=True)


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """A pipeline to load, see `headpose.pipeline.load_pipeline`.

    Attributes:
        detector, estimator: Files or names; None for those that ship. A worker does not
            export: a `.keras` file that its backend cannot open must be exported before.
        confidence: Threshold on scores; None for the detector's own.
        detector_size: Long side in pixels to detect at; None for the detector's own.
        max_error: Expected error in degrees from which angles are left out; None for none.
        backend: What runs the networks, and where.
        tiles, any_rotation: See `headpose.pipeline.load_pipeline`.
    """

    detector: str | None = None
    estimator: str | None = None
    confidence: float | None = None
    detector_size: int | None = None
    max_error: float | None = None
    backend: Backend = Backend()
    tiles: int | None = None
    any_rotation: bool = False

    def load(self) -> HeadPosePipeline:
        """Loads the pipeline.

        Raises:
            HeadposeError: If a file is missing or of the wrong kind.
        """
        return load_pipeline(
            self.detector,
            self.estimator,
            self.confidence,
            self.detector_size,
            self.max_error,
            self.backend,
            self.tiles,
            self.any_rotation,
        )


@dataclasses.dataclass(frozen=True)
class ShardTask:
    """What a worker is given.

    Attributes:
        shard: Its files.
        folder: Of all results.
        pipeline: What finds heads.
        kind: Of the table: `jsonl` or `parquet`.
        every: Only each so manieth frame of a video is looked at.
    """

    shard: Shard
    folder: Path
    pipeline: PipelineConfig = PipelineConfig()
    kind: str = "jsonl"
    every: int = 1


def annotate_shard(task: ShardTask, ask: object = None) -> dict:
    """Finds the heads in a shard's files and writes them; what a worker does.

    Args:
        task: What to do.
        ask: Not used.

    Returns:
        Counts: pictures, videos, frames, heads, failures.

    Raises:
        HeadposeError: If the models cannot be loaded or results not written.
    """
    shard, folder = task.shard, task.folder
    if not (folder / HEADS).is_dir():
        raise HeadposeError(
            f"{folder}: not to be seen from here; use a folder that all machines share"
        )
    pipeline = _pipeline(task.pipeline)
    failures: list[dict] = []
    seen = {"pictures": 0, "videos": 0, "frames": 0}
    pictures = _frames(shard, task.every, failures, seen) if shard.is_video else None
    rows = _rows(pipeline, pictures or _pictures(shard, failures, seen))
    heads = write_rows(folder / HEADS / f"{shard.name}.{task.kind}", rows, task.kind)
    result = {**seen, "heads": heads, "failures": failures}
    with atomic_write(folder / DONE / f"{shard.name}.json") as temporary:
        temporary.write_text(json.dumps(result) + "\n", encoding="utf-8")
    return {**result, "failures": len(failures)}


@functools.lru_cache(maxsize=1)
def _pipeline(config: PipelineConfig) -> HeadPosePipeline:
    """Loads the models, once in a worker's life."""
    return config.load()


def _pictures(shard: Shard, failures: list, seen: dict) -> Iterator[tuple]:
    """Yields file, frame, time and picture of each picture that can be read."""
    from headpose.images.pictures import PictureError, read_image
    from headpose.parallel.prefetch import ahead

    def read(file: str):
        try:
            return read_image(file)
        except PictureError as error:
            return error

    for file, picture in zip(shard.files, ahead(read, shard.files, 1, AT_ONCE), strict=True):
        if isinstance(picture, PictureError):
            failures.append({"file": file, "reason": str(picture)})
        else:
            seen["pictures"] += 1
            yield file, None, None, picture


def _frames(shard: Shard, every: int, failures: list, seen: dict) -> Iterator[tuple]:
    """Yields file, number, time and picture of each frame of a video."""
    from headpose.video.frames import Reading
    from headpose.video.opening import open_source

    (file,) = shard.files
    try:
        with open_source(file, Reading(every=every)) as source:
            for frame in source:
                seen["frames"] += 1
                yield file, frame.index, frame.time, frame.picture
            failures += [{"file": file, "reason": problem} for problem in source.problems]
            seen["videos"] += 1
    except HeadposeError as failure:
        failures.append({"file": file, "reason": str(failure)})


def _rows(pipeline: HeadPosePipeline, pictures: Iterator[tuple]) -> Iterator[Row]:
    """Yields a row for each head, in the order of the pictures and best first."""
    batch: list[tuple] = []

    def flush() -> Iterator[Row]:
        found = pipeline([picture for *_, picture in batch])
        for (file, frame, time, picture), heads in zip(batch, found, strict=True):
            place = place_row(file, (picture.shape[1], picture.shape[0]), frame, time)
            for number, head in enumerate(heads, 1):
                yield place | head_row(head) | {"head": number}
        batch.clear()

    for picture in pictures:
        batch.append(picture)
        if len(batch) == AT_ONCE:
            yield from flush()
    if batch:
        yield from flush()


def write_rows(path: Path, rows: Iterable[Row], kind: str) -> int:
    """Writes rows as they come, as JSON lines or Parquet, whole or not at all.

    Returns:
        How many there were.
    """
    count = 0
    # A shard is whole or not at all: it is done again after a run that was killed.
    kept = JsonLinesSink(path, growing=False) if kind == "jsonl" else ParquetSink(path)
    with kept as sink:
        for count, row in enumerate(rows, 1):  # noqa: B007
            sink.write(row)
    return count


def finish(folder: Path, shards: Sequence[Shard], lost: dict[str, str]) -> dict:
    """Brings together what came of the shards; writes failures and the summary.

    Args:
        folder: Of the results.
        shards: All of them.
        lost: Why shards were given up, by name.

    Returns:
        The summary: counts of shards, pictures, videos, frames, heads and failures.
    """
    summary = dict.fromkeys(("shards", "pictures", "videos", "frames", "heads", "failures"), 0)
    with (
        atomic_write(folder / FAILURES) as temporary,
        temporary.open("w", encoding="utf-8") as file,
    ):
        for shard in shards:
            path = folder / DONE / f"{shard.name}.json"
            if path.exists():
                result = json.loads(path.read_text(encoding="utf-8"))
                summary["shards"] += 1
            else:
                cause = lost.get(shard.name, "not done yet")
                told = [{"file": name, "reason": cause} for name in shard.files]
                result = {"failures": told}
            for failure in result["failures"]:
                file.write(json.dumps(failure) + "\n")
            result["failures"] = len(result["failures"])
            for name in summary:
                summary[name] += result.get(name, 0)
    with atomic_write(folder / SUMMARY) as temporary:
        temporary.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return summary
