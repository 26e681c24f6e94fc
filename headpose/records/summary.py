"""A summary of heads: a row for each picture or video."""

import dataclasses
from contextlib import ExitStack
from pathlib import Path

from headpose.files import csv_writer
from headpose.geometry.angles import angles_between, direction_vectors, mean_angle
from headpose.records.columns import ANGLES, Row, has_head
from headpose.records.sinks import BYTE_ORDER_MARK, Sink

FACING = 15.0  # degrees between the nose's direction and the camera, to be called facing it

SUMMARY_FIELDS = (
    "file",
    "frames",
    "frames_with_head",
    "share_with_head",
    "heads",
    "tracks",
    *(f"mean_{name}" for name in ANGLES),
    "mean_expected_error",
    "share_facing",
)


def angle_to_camera(azimuth: float, elevation: float) -> float:
    """Returns the angle between where the nose points and the way to the camera.

    The camera is taken to be far away, as everywhere in this project: the way to it is
    the same for all places of a picture.

    Args:
        azimuth, elevation: Degrees, see `headpose.geometry.angles.azimuth_elevation`.

    Returns:
        Degrees, 0..180.
    """
    return float(angles_between(direction_vectors(azimuth, elevation), (0.0, 0.0, 1.0)))


@dataclasses.dataclass
class FileSummary:
    """What is counted of one picture or video.

    Attributes:
        frames: Numbers of its frames; of a picture None alone.
        with_head: Of those that show a head.
        heads: How many rows have one.
        tracks: Their numbers in a video.
        facing: Heads within `FACING` degrees of the camera.
        values: Of each measure, where it is known.
    """

    frames: set[int | float | str | None] = dataclasses.field(default_factory=set)
    with_head: set[int | float | str | None] = dataclasses.field(default_factory=set)
    heads: int = 0
    tracks: set[int | float | str | None] = dataclasses.field(default_factory=set)
    facing: int = 0
    values: dict[str, list[float]] = dataclasses.field(
        default_factory=lambda: {name: [] for name in (*ANGLES, "expected_error")}
    )

    def add(self, row: Row) -> None:
        """Counts a row."""
        self.frames.add(row["frame"])
        if not has_head(row):
            return
        self.heads += 1
        self.with_head.add(row["frame"])
        if row["track"] is not None:
            self.tracks.add(row["track"])
        for name, values in self.values.items():
            value = row[name]
            if value is not None:
                values.append(float(value))
        azimuth, elevation = row["azimuth"], row["elevation"]
        if azimuth is not None and elevation is not None:
            self.facing += angle_to_camera(float(azimuth), float(elevation)) <= FACING

    def row(self, file: str) -> Row:
        """Returns the figures as a row of `SUMMARY_FIELDS`; without any heads some are None."""
        known = len(self.values["azimuth"])
        errors = self.values["expected_error"]
        row: Row = {
            "file": file,
            "frames": len(self.frames),
            "frames_with_head": len(self.with_head),
            "share_with_head": round(len(self.with_head) / len(self.frames), 4),
            "heads": self.heads,
            "tracks": len(self.tracks) if self.tracks else None,
            "mean_expected_error": round(sum(errors) / len(errors), 2) if errors else None,
            "share_facing": round(self.facing / known, 4) if known else None,
        }
        for name in ANGLES:
            values = self.values[name]
            row[f"mean_{name}"] = round(mean_angle(values), 2) if values else None
        return row


class SummarySink(Sink):
    """CSV with a row for each picture and video, written at the end.

    Args:
        target: A file, or "-" for standard output.
        excel: Whether to begin with a byte order mark.
    """

    def __init__(self, target: str | Path, excel: bool = False):
        super().__init__(target, SUMMARY_FIELDS, empty=True)
        self._excel = excel
        self._files: dict[str, FileSummary] = {}

    def _open(self, stack: ExitStack) -> None:
        self._file = self._text(stack)

    def _write(self, row: Row) -> None:
        self._files.setdefault(str(row["file"]), FileSummary()).add(row)

    def _finish(self) -> None:
        if self._excel:
            self._file.write(BYTE_ORDER_MARK)
        writer = csv_writer(self._file, self.fields)
        writer.writeheader()
        writer.writerows(summary.row(file) for file, summary in self._files.items())
