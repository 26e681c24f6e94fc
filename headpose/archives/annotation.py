"""Heads of the pictures and videos of an archive: what a worker does with a shard."""

import contextlib
import dataclasses
import importlib
from collections.abc import Iterator

from headpose.archives.earlier import RECORDS, Known, earlier, name_of
from headpose.archives.films import failure_of, join, measure_part
from headpose.archives.inputs import TAR
from headpose.archives.records import MAX_AHEAD, Record, as_file, fetched, records_of
from headpose.archives.results import BYTES, HEADS, MANIFEST, begin, note_done
from headpose.archives.shards import Joined, Span, Trial
from headpose.archives.tasks import FRAMES, ShardTask, loaded, sink
from headpose.archives.urls import StoreError
from headpose.errors import HeadposeError, PictureError, ShortOfMemoryError, missing_package
from headpose.parallel.background import Prefetcher
from headpose.pipeline import HeadPosePipeline
from headpose.records.columns import Row, has_head, picture_rows
from headpose.reporting import progress

AT_ONCE = 8  # pictures in one call of the pipeline, and as many that wait for it
PATIENCE = 1.0  # seconds that Ctrl-C and SIGTERM wait for who reads ahead, perhaps from a server


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
    output, name = task.output, task.shard.name
    if output.read(MANIFEST) is None:
        raise HeadposeError(f"{output}: not to be seen from here; all workers must see it")
    if isinstance(task.shard.part, Joined):
        return join(output, name, task.shard.part.count, task.kind, task.empty)
    pipeline = loaded(task.pipeline)
    if isinstance(task.shard.part, Trial):
        if task.shard.part.videos:
            _check_videos()
        return {}
    if isinstance(task.shard.part, Span):
        return measure_part(task.shard, output, pipeline, task.every)
    work = _Shard(task, pipeline)
    begin(output, name)
    with output.atomic_write(f"{HEADS}/{name}.{task.kind}") as path:
        with sink(task.kind, path, task.empty) as table:
            for row in work.rows():
                table.write(row)
        size = path.stat().st_size
    result = {**work.counts, "failures": work.failures, BYTES: size}
    note_done(output, name, result | ({RECORDS: work.records} if work.again else {}), work.again)
    return {**work.counts, "failures": len(work.failures)}


def _check_videos() -> None:
    """Raises MissingPackageError if what reads videos is not installed."""
    try:
        importlib.import_module("headpose.video.file")
    except ImportError as error:
        raise missing_package(error) or error from error


class _Shard:
    """A shard that is being done.

    Args:
        task: What to do.
        pipeline: What finds heads.

    Attributes:
        counts: Pictures, videos, frames and heads so far.
        failures: A row for each file that could not be read, or only in part.
        again: Whether a store did not give something, or memory was short.
        records: What there is of each record, in order, see `Known.noted`.
    """

    def __init__(self, task: ShardTask, pipeline: HeadPosePipeline):
        self._task, self._pipeline = task, pipeline
        self.counts = dict.fromkeys(("pictures", "videos", "frames", "heads"), 0)
        self.failures: list[dict] = []
        self.again = False
        self.records: list[list] = []
        self._written = 0  # rows
        self._earlier = earlier(task.output, task.shard.name, task.kind)

    def rows(self) -> Iterator[Row]:
        """Yields a row for each head, in the order of the records and best first."""
        shard = self._task.shard
        records = records_of(shard, self._task.columns)
        if shard.kind != TAR:  # whose members are there
            records = fetched(records)
        batch: list[tuple] = []
        decoded = _decoded(records)
        with Prefetcher(
            decoded, AT_ONCE, size=_size, max_bytes=MAX_AHEAD, patience=PATIENCE
        ) as ready:
            for record, picture in ready:
                if isinstance(picture, HeadposeError):
                    yield from self._pictures(batch)
                    yield from self._not_read(record, picture)
                elif picture is None:
                    yield from self._pictures(batch)
                    with self._record(name_of(record)):
                        yield from self._video(record)
                else:
                    batch.append((record, picture))
                if len(batch) == AT_ONCE:
                    yield from self._pictures(batch)
            yield from self._pictures(batch)

    @contextlib.contextmanager
    def _record(self, name: str) -> Iterator[None]:
        """Notes what the block adds as the next record's, by its `name_of`."""
        before, written, failed = dict(self.counts), self._written, len(self.failures)
        yield
        added = {name: value - before[name] for name, value in self.counts.items()}
        known = Known(name, read=len(self.failures) == failed, counts=added)
        self.records.append(known.noted(self._written - written))

    def _not_read(self, record: Record, why: HeadposeError) -> Iterator[Row]:
        """Notes what could not be read, and yields the rows that it had earlier, if any.

        What was read in full then is no failure.
        """
        if record.is_shard:  # with all that is behind
            self._note(record, why)
            met = len(self.records)
            same = [note[0] for note in self.records] == [k.name for k in self._earlier[:met]]
            for known in self._earlier[met:] if same else ():
                yield from self._kept(known)
                self.records.append(known.noted(len(known.rows)))
            return
        with self._record(name_of(record)):
            yield from self._kept_or_noted(record, why)

    def _kept_or_noted(self, record: Record, why: HeadposeError) -> Iterator[Row]:
        known = next(iter(self._earlier[len(self.records) :]), Known())
        if known.name != name_of(record):
            known = Known()
        if not known.read:
            self._note(record, why)
        # An earlier version may have shown more of a URL, or less.
        yield from self._kept(known, file=record.file, key=record.key, url=record.url)

    def _kept(self, known: Known, **names: str | None) -> Iterator[Row]:
        """Yields the rows that a record had earlier, with other names if there are any."""
        for name, value in known.counts.items():
            self.counts[name] += value
        for row in known.rows:
            yield self._counted({**row, **names})

    def _pictures(self, batch: list[tuple]) -> Iterator[Row]:
        """Yields the rows of pictures and forgets these."""
        if not batch:
            return
        found = self._pipeline([picture for _, picture in batch])
        for (record, picture), heads in zip(batch, found, strict=True):
            size = picture.shape[1], picture.shape[0]
            with self._record(name_of(record)):
                self.counts["pictures"] += 1
                for row in picture_rows(record.file, size, heads):
                    yield self._complete(row, record)
        batch.clear()

    def _video(self, record: Record) -> Iterator[Row]:
        """Yields the rows of a video whose heads are followed."""
        from headpose.video.frames import Reading
        from headpose.video.opening import open_source
        from headpose.video.pipeline import WAITING, VideoPipeline, frame_rows
        from headpose.video.smoothing import BETA, MIN_CUTOFF, HeadSmoother

        reading, frames_before = Reading(every=self._task.every), self.counts["frames"]
        follow = VideoPipeline(self._pipeline, smoother=HeadSmoother(MIN_CUTOFF, BETA))
        try:
            with (
                as_file(record) as path,
                open_source(str(path), reading, take_drawn=False) as source,
            ):
                with Prefetcher(source, WAITING) as frames:
                    for frame, heads in progress(follow(frames), FRAMES, source.total):
                        self.counts["frames"] += 1
                        for row in frame_rows(record.file, frame, heads):
                            yield self._complete(row, record)
                for problem in source.problems:
                    self._note(record, HeadposeError(problem.replace(str(path), record.file)))
                self.counts["videos"] += 1
        except HeadposeError as failure:
            if self.counts["frames"] > frames_before:
                self._note(record, failure)
            else:
                yield from self._kept_or_noted(record, failure)

    def _complete(self, row: Row, record: Record) -> Row:
        return self._counted(row | {"key": record.key, "url": record.url})

    def _counted(self, row: Row) -> Row:
        self.counts["heads"] += has_head(row)
        self._written += has_head(row) or self._task.empty  # which the table has
        return row

    def _note(self, record: Record, why: HeadposeError) -> None:
        self.again |= isinstance(why, StoreError | ShortOfMemoryError)
        self.failures.append(failure_of(record, self._task.shard.name, why))


def _size(ready: tuple) -> int:
    """Returns the bytes that a record with its picture holds, see `_decoded`."""
    record, picture = ready
    return record.size + getattr(picture, "nbytes", 0)


def _decoded(records: Iterator[Record]) -> Iterator[tuple]:
    """Yields records with their pictures; with None for videos, else with what went wrong."""
    from headpose.images.drawn_mark import decode_photo, read_photo

    for record in records:
        if isinstance(record.content, HeadposeError):
            yield record, record.content
        elif record.is_video:
            yield record, None
        else:
            try:
                if isinstance(record.content, bytes):
                    picture = decode_photo(record.content, record.file)
                else:
                    picture = read_photo(record.content)
                yield dataclasses.replace(record, content=b""), picture
            except PictureError as error:
                yield record, error
