"""What a worker of an archive is given."""

import dataclasses
import functools

from headpose.archives.output import Output
from headpose.archives.shards import BY_THEMSELVES, Columns, Shard
from headpose.models.backends import Backend
from headpose.pipeline import HeadPosePipeline, load_pipeline
from headpose.records.columns import ARCHIVE_FIELDS
from headpose.records.sinks import JsonLinesSink, ParquetSink, Sink

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


@functools.lru_cache(maxsize=1)
def loaded(config: PipelineConfig) -> HeadPosePipeline:
    """Loads a pipeline, once in a worker's life."""
    return config.load()


def sink(kind: str, path, empty: bool) -> Sink:
    """Returns what writes a table of the kind `jsonl` or `parquet`."""
    if kind == "jsonl":
        # A shard is whole or not at all: it is done again after a run that was killed.
        return JsonLinesSink(path, ARCHIVE_FIELDS, empty, growing=False)
    return ParquetSink(path, ARCHIVE_FIELDS, empty)
