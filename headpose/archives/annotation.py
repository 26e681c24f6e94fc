"""Heads of the pictures and videos of an archive: what a worker does with a shard."""

import dataclasses
import functools
from collections.abc import Iterator

from headpose.archives.output import Output
from headpose.archives.records import Record, as_file, fetched, records_of
from headpose.archives.results import HEADS, MANIFEST, note_done
from headpose.archives.shards import BY_THEMSELVES, Columns, Shard
from headpose.archives.urls import StoreError
from headpose.errors import HeadposeError, PictureError
from headpose.models.backends import Backend
from headpose.parallel.background import Prefetcher
from headpose.pipeline import HeadPosePipeline, load_pipeline
from headpose.records.columns import ARCHIVE_FIELDS, Row, has_head, picture_rows
from headpose.records.sinks import JsonLinesSink, ParquetSink, Sink
from headpose.reporting import progress

AT_ONCE = 8  # pictures in one call of the pipeline, and as many that wait for it
FRAMES = "frames"  # what the progress bar of a video counts


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
        shard: What to do.
        output: Where results go.
        pipeline: What finds heads.
        kind: Of the table: `jsonl` or `parquet`.
        every: Only each so manieth frame of a video is looked at.
        columns: Of Parquet that is read.
        empty: Whether pictures and frames without heads have a row, too.
    """

    shard: Shard
    output: Output
    pipeline: PipelineConfig = PipelineConfig()
    kind: str = "jsonl"
    every: int = 1
    columns: Columns = BY_THEMSELVES
    empty: bool = False


def annotate_shard(task: ShardTask, _: object = None) -> dict:
    """Finds the heads in a shard's files and writes them; what a worker does.

    Args:
        task: What to do.
        _: Would ask whoever spreads the work; there is nothing to ask.

    Returns:
        Counts: pictures, videos, frames, heads, failures.

    Raises:
        HeadposeError: If the models cannot be loaded or results not written.
    """
    output = task.output
    if output.read(MANIFEST) is None:
        raise HeadposeError(f"{output}: not to be seen from here; all workers must see it")
    pipeline = _pipeline(task.pipeline)
    work = _Shard(task, pipeline)
    name = task.shard.name
    with output.written(f"{HEADS}/{name}.{task.kind}") as path, _sink(task, path) as table:
        for row in work.rows():
            table.write(row)
    note_done(output, name, {**work.counts, "failures": work.failures}, work.again)
    return {**work.counts, "failures": len(work.failures)}


def _sink(task: ShardTask, path) -> Sink:
    if task.kind == "jsonl":
        # A shard is whole or not at all: it is done again after a run that was killed.
        return JsonLinesSink(path, ARCHIVE_FIELDS, task.empty, growing=False)
    return ParquetSink(path, ARCHIVE_FIELDS, task.empty)


@functools.lru_cache(maxsize=1)
def _pipeline(config: PipelineConfig) -> HeadPosePipeline:
    """Loads the models, once in a worker's life."""
    return config.load()


class _Shard:
    """A shard that is being done.

    Args:
        task: What to do.
        pipeline: What finds heads.

    Attributes:
        counts: Pictures, videos, frames and heads so far.
        failures: A row for each file that could not be read, or only in part.
        again: Whether a store did not give something.
    """

    def __init__(self, task: ShardTask, pipeline: HeadPosePipeline):
        self._task, self._pipeline = task, pipeline
        self.counts = dict.fromkeys(("pictures", "videos", "frames", "heads"), 0)
        self.failures: list[dict] = []
        self.again = False

    def rows(self) -> Iterator[Row]:
        """Yields a row for each head, in the order of the records and best first."""
        records = fetched(records_of(self._task.shard, self._task.columns))
        batch: list[tuple] = []
        with Prefetcher(_decoded(records), AT_ONCE) as ready:
            for record, picture in ready:
                if isinstance(picture, HeadposeError):
                    self._note(record, picture)
                elif picture is None:
                    yield from self._pictures(batch)
                    yield from self._video(record)
                else:
                    batch.append((record, picture))
                if len(batch) == AT_ONCE:
                    yield from self._pictures(batch)
            yield from self._pictures(batch)

    def _pictures(self, batch: list[tuple]) -> Iterator[Row]:
        """Yields the rows of pictures and forgets these."""
        if not batch:
            return
        found = self._pipeline([picture for _, picture in batch])
        for (record, picture), heads in zip(batch, found, strict=True):
            self.counts["pictures"] += 1
            size = picture.shape[1], picture.shape[0]
            for row in picture_rows(record.file, size, heads):
                yield self._complete(row, record)
        batch.clear()

    def _video(self, record: Record) -> Iterator[Row]:
        """Yields the rows of a video whose heads are followed."""
        from headpose.video.frames import Reading
        from headpose.video.opening import open_source
        from headpose.video.pipeline import WAITING, VideoPipeline, frame_rows
        from headpose.video.smoothing import BETA, MIN_CUTOFF, HeadSmoother

        follow = VideoPipeline(self._pipeline, smoother=HeadSmoother(MIN_CUTOFF, BETA))
        try:
            with (
                as_file(record) as path,
                open_source(str(path), Reading(every=self._task.every)) as source,
            ):
                with Prefetcher(source, WAITING) as frames:
                    for frame, heads in progress(follow(frames), FRAMES, source.total):
                        self.counts["frames"] += 1
                        for row in frame_rows(record.file, frame, heads):
                            yield self._complete(row, record)
                for problem in source.problems:
                    self._note(record, HeadposeError(problem))
                self.counts["videos"] += 1
        except HeadposeError as failure:
            self._note(record, failure)

    def _complete(self, row: Row, record: Record) -> Row:
        self.counts["heads"] += has_head(row)
        return row | {"key": record.key, "url": record.url}

    def _note(self, record: Record, why: HeadposeError) -> None:
        self.again |= isinstance(why, StoreError)
        self.failures.append(
            {
                "file": record.file,
                "key": record.key,
                "url": record.url,
                "shard": self._task.shard.name,
                "reason": str(why),
            }
        )


def _decoded(records: Iterator[Record]) -> Iterator[tuple]:
    """Yields records with their pictures; with None for videos, else with what went wrong."""
    from headpose.images.pictures import decode_image, read_image

    for record in records:
        if isinstance(record.content, HeadposeError):
            yield record, record.content
        elif record.is_video:
            yield record, None
        else:
            try:
                if isinstance(record.content, bytes):
                    yield record, decode_image(record.content, record.file)
                else:
                    yield record, read_image(record.content)
            except PictureError as error:
                yield record, error
