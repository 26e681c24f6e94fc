"""Long videos: parts that several workers measure, and what brings these together.

A part is a stretch of time, whose worker begins to decode at the key frame before it. What it
has measured lies in the folder `PARTS` of the results until all parts are there; then heads
are followed through all of them, see `headpose.video.parts`, and the video has the files of
results that it would have in one go.
"""

import contextlib
import json
import math
from collections.abc import Iterator
from typing import IO

from headpose.archives.inputs import Item
from headpose.archives.output import Output
from headpose.archives.records import Record, as_file, records_of
from headpose.archives.results import BYTES, HEADS, PARTS, begin, note_done
from headpose.archives.shards import Shard, Span, part_name
from headpose.archives.tasks import FRAMES, sink
from headpose.archives.urls import StoreError, local, opened, store_errors
from headpose.errors import HeadposeError
from headpose.parallel.background import Prefetcher
from headpose.pipeline import HeadPosePipeline
from headpose.records.columns import has_head, place_row
from headpose.reporting import progress

# FFmpeg's names of the kinds of files whose index has a time for every frame. Others may have
# frames without times, or times that jump back, and then only who reads all can number them.
DIVISIBLE = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
# Bytes a second below which a video is not asked for its length: 128 kbit/s, the least that
# is common for moving pictures. A short file is not worth a look.
MIN_BYTES = 16_000


class _File:
    """A file as FFmpeg reads it, which goes on for ever after errors: it ends at the first.

    Args:
        file: What is read.
        place: For messages.

    Attributes:
        refused: Why the store does not give it; None if it does.
        ended: Whether there was an error.
    """

    def __init__(self, file: IO[bytes], place: str):
        self._file, self._place = file, place
        self.refused: StoreError | None = None
        self.ended = False

    def read(self, size: int) -> bytes:
        try:
            with store_errors(self._place):
                return b"" if self.ended else self._file.read(size)
        except StoreError as error:
            self.refused, self.ended = error, True
            return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._file.seek(offset, whence)
        except (ValueError, OSError):  # some servers give files from the beginning only
            self.ended = True
            return 0

    def tell(self) -> int:
        return self._file.tell()


def seconds_of(item: Item, at_least: float) -> float:
    """Returns how long a video is that can be divided; 0 for others, and for bad ones.

    Args:
        item: The video.
        at_least: Seconds; of one that is sure to be shorter 0 may be told.

    Raises:
        StoreError: If a store does not give its head.
    """
    size = item.state.partition(" ")[0]
    if size.isdecimal() and int(size) < MIN_BYTES * at_least:
        return 0.0
    try:
        import av
    except ImportError:
        return 0.0  # which the worker will tell
    length, refused = 0.0, None
    try:
        with opened(item.place) as raw:
            file = _File(raw, item.place)
            with (
                contextlib.suppress(av.error.FFmpegError),
                av.open(file, "r", metadata_errors="replace") as container,
            ):
                if container.format.name in DIVISIBLE and container.streams.video:
                    length = (container.duration or 0) / av.time_base
        refused, length = file.refused, 0.0 if file.ended else length
    except StoreError as error:
        refused = error
    except HeadposeError:
        return 0.0  # likewise
    if refused is not None and local(item.place) is None:
        raise refused
    return length


def failure_of(record: Record, shard: str, why: HeadposeError) -> dict:
    """Returns the row of the table of failures for a file that could not be read."""
    place = {"file": record.file, "key": record.key, "url": record.url}
    return {**place, "shard": shard, "reason": str(why)}


# ------------------------------------------------------------------------------- a part


def measure_part(shard: Shard, output: Output, pipeline: HeadPosePipeline, every: int) -> dict:
    """Measures the heads of a part of a video, and leaves them for `join`.

    Args:
        shard: The part.
        output: Where to.
        pipeline: What finds heads.
        every: Only each so manieth frame of the video is looked at.

    Returns:
        Counts of frames and failures; all others are told by `join`.

    Raises:
        HeadposeError: If it cannot be written.
    """
    from headpose.video.pipeline import video_confidence

    (record,) = records_of(shard)
    confidence = video_confidence(pipeline)
    place = {"file": record.file, "key": record.key, "url": record.url}
    head = {**place, "confidence": confidence, "every": every}
    end: dict = {"failures": [], "again": False, "opened": False}
    frames = 0
    with (
        output.atomic_write(f"{PARTS}/{shard.name}.jsonl") as path,
        path.open("w", encoding="utf-8") as file,
    ):
        file.write(json.dumps(head) + "\n")
        for line in _lines(shard, record, pipeline, confidence, every, end):
            file.write(line + "\n")
            frames += 1
        file.write(json.dumps(end) + "\n")
    counts = {"pictures": 0, "videos": 0, "frames": frames, "heads": 0}
    return {**counts, "failures": len(end["failures"])}


def _lines(shard, record, pipeline, confidence, every, end) -> Iterator[str]:
    """Yields frames as text; notes in `end` what went wrong."""
    from headpose.video.frames import Reading
    from headpose.video.opening import open_source
    from headpose.video.parts import measure
    from headpose.video.pipeline import WAITING

    span: Span = shard.part
    reading = Reading(start=span.start, end=span.end, every=every, counted_from=0)
    try:
        with (
            as_file(record) as path,
            open_source(str(path), reading, take_drawn=False) as source,
        ):
            with Prefetcher(source, WAITING) as frames:
                found = measure(pipeline, frames, confidence)
                for measured in progress(found, FRAMES, source.total):
                    yield measured.as_text()
            problems = [HeadposeError(problem) for problem in source.problems]
            end["opened"] = True
    except HeadposeError as failure:
        problems = [failure]
        end["again"] = isinstance(failure, StoreError)
    end["failures"] = [failure_of(record, shard.result, problem) for problem in problems]


# ----------------------------------------------------------------------------- all parts


def join(output: Output, name: str, count: int, kind: str, empty: bool) -> dict:
    """Follows heads through all parts of a video and writes its results.

    Args:
        output: Where the parts are, and where results go.
        name: Of the results.
        count: How many parts there are.
        kind: Of the table: `jsonl` or `parquet`.
        empty: Whether frames without heads have a row, too.

    Returns:
        Counts as of any other shard.

    Raises:
        HeadposeError: If a part is missing, or results cannot be written.
    """
    from headpose.video.parts import follow
    from headpose.video.pipeline import followed_rows
    from headpose.video.smoothing import BETA, MIN_CUTOFF, HeadSmoother

    parts = _Parts(output, [part_name(name, number, count) for number in range(1, count + 1)])
    origin = {"key": parts.head["key"], "url": parts.head["url"]}
    counts = dict.fromkeys(("pictures", "videos", "frames", "heads"), 0)
    smoother = HeadSmoother(MIN_CUTOFF, BETA)
    begin(output, name)
    with output.atomic_write(f"{HEADS}/{name}.{kind}") as path:
        with sink(kind, path, empty) as table:
            for frame, heads in follow(parts.frames(), parts.head["confidence"], smoother):
                counts["frames"] += 1
                place = place_row(parts.head["file"], frame.size, frame.index, frame.time)
                for row in followed_rows(place, heads):
                    counts["heads"] += has_head(row)
                    table.write(row | origin)
        size = path.stat().st_size
    counts["videos"] = int(parts.opened)
    failures = [*parts.failures.values()]
    note_done(output, name, {**counts, "failures": failures, BYTES: size}, bool(parts.again))
    # Those that a store did not give are measured anew by the next run, the others kept.
    output.remove(*(f"{PARTS}/{part}.jsonl" for part in parts.again or parts.names))
    return {**counts, "failures": len(failures)}


class _Parts:
    """What was measured of a video.

    Args:
        output: Where.
        names: Of the parts, in order.

    Attributes:
        head: Of the first part, and of all.
        failures: By what they say, as parts of a video that is cut all say the same.
        again: Parts that a store did not give in full.
        opened: Whether all could be opened.
    """

    def __init__(self, output: Output, names: list[str]):
        self._output, self.names = output, names
        self.head: dict = json.loads(self._read(names[0])[0])
        self.failures: dict[str, dict] = {}
        self.again: list[str] = []
        self.opened = True

    def _read(self, name: str) -> list[bytes]:
        content = self._output.read(f"{PARTS}/{name}.jsonl")
        if content is None:
            raise HeadposeError(f"{self._output.named(PARTS)}/{name}.jsonl: missing; run again")
        return content.splitlines()

    def frames(self) -> Iterator:
        """Yields the frames of all parts; then the attributes are known."""
        from headpose.video.parts import Measured

        last = -math.inf
        for name in self.names:
            _, *lines, end = self._read(name)
            if self._note(name, json.loads(end)):
                last = -math.inf  # it may lack frames, which was told
            for i, line in enumerate(lines):
                frame = Measured.from_text(line.decode())
                if i == 0 and last >= 0 and frame.index != last + self.head["every"]:
                    self._tell_gap(int(last), frame.index)
                last = frame.index
                yield frame

    def _note(self, name: str, end: dict) -> bool:
        self.failures |= {failure["reason"]: failure for failure in end["failures"]}
        self.again += [name] if end["again"] else []
        self.opened &= end["opened"]
        return bool(end["failures"])

    def _tell_gap(self, before: int, after: int) -> None:
        place = {name: self.head[name] for name in ("file", "key", "url")}
        reason = (
            f"{place['file']}: frame {after} follows frame {before} where two parts meet; its "
            "times are not to be relied on, read it in one go with --split-videos 0"
        )
        shard = self.names[0].partition(".")[0]
        self.failures[reason] = {**place, "shard": shard, "reason": reason}
