"""Heads through a video: detected, followed, measured and smoothed, several frames at a time."""

import contextlib
import dataclasses
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from headpose.detection.published import VIDEO_CONFIDENCE
from headpose.geometry.boxes import as_boxes
from headpose.pipeline import Head, HeadPosePipeline
from headpose.records.columns import SMOOTH, SMOOTH_FIELDS, Row, head_row, place_row
from headpose.video.frames import Frame
from headpose.video.optical_flow import BoxFlow, inside
from headpose.video.smoothing import HeadSmoother
from headpose.video.tracking import Tracker

if TYPE_CHECKING:
    from headpose.video.reidentification import Reidentifier

WAITING = 8  # frames that are read ahead, and that wait to be written
DETECTED_AT_ONCE = 4  # frames in one call of the detector
MAX_AT_ONCE, MAX_BYTES = 16, 128 << 20  # frames in a batch, and what they may take


@dataclasses.dataclass(frozen=True)
class FollowedHead:
    """One head in one frame.

    Attributes:
        track: Number that the head keeps from frame to frame, from 1 on.
        head: As the estimator measured it.
        smooth: The same with smoothed angles.
    """

    track: int
    head: Head
    smooth: Head


def frame_rows(file: str, frame: Frame, heads: Sequence[FollowedHead]) -> list[Row]:
    """Returns a row of `VIDEO_FIELDS` for each head in a frame, or one without a head.

    Args:
        file: Name of the video.
        frame: The frame.
        heads: What `VideoPipeline` gave for it.
    """
    height, width = frame.picture.shape[:2]
    return followed_rows(place_row(file, (width, height), frame.index, frame.time), heads)


def followed_rows(place: Row, heads: Sequence[FollowedHead]) -> list[Row]:
    """Returns a row of `VIDEO_FIELDS` for each head, or `place`, a row without a head."""
    rows = []
    for followed in heads:
        smooth = head_row(followed.smooth)
        angles = {name: smooth[name.removeprefix(SMOOTH)] for name in SMOOTH_FIELDS}
        rows.append(place | {"track": followed.track} | head_row(followed.head) | angles)
    return rows or [place]


class Statistics:
    """Counts and times of a run; the first frame, whose calls compile, is left out of the means.

    Attributes:
        frames, heads: How many, the first frame's too.
        tracks: Numbers of all heads that were followed.
        seconds: Spent in each part of the work, without the first frame.
        detected: Frames in which heads were detected, without the first.
    """

    def __init__(self):
        self.frames = self.heads = self.detected = 0
        self.tracks: set[int] = set()
        self.seconds = dict.fromkeys(("detection", "tracking", "estimation"), 0.0)
        self._first_heads = 0
        self._started: float | None = None
        self._wall = 0.0

    @contextlib.contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Counts the time that the block takes."""
        started = time.perf_counter()
        yield
        if self._started is not None:
            self.seconds[part] += time.perf_counter() - started

    def count(self, heads: Sequence[FollowedHead]) -> None:
        """Counts a frame that is done."""
        self.frames += 1
        self.heads += len(heads)
        if self._started is None:
            self._started, self._first_heads = time.perf_counter(), self.heads

    def count_detected(self, frames: int) -> None:
        """Counts frames in which heads were detected."""
        if self._started is not None:
            self.detected += frames

    def finish(self) -> None:
        """Takes the time at which all is done."""
        if self._started is not None:
            self._wall = time.perf_counter() - self._started

    def report(self) -> dict:
        """Returns the figures by name; a mean without anything to average is None."""
        frames, heads = max(0, self.frames - 1), self.heads - self._first_heads

        def milliseconds(part: str, count: int) -> float | None:
            return round(1000 * self.seconds[part] / count, 3) if count else None

        return {
            "frames": self.frames,
            "heads": self.heads,
            "tracks": len(self.tracks),
            "detection ms a detected frame": milliseconds("detection", self.detected),
            "detection ms a frame": milliseconds("detection", frames),
            "tracking ms a frame": milliseconds("tracking", frames),
            "estimation ms a frame": milliseconds("estimation", frames),
            "estimation ms a head": milliseconds("estimation", heads),
            "frames a second": round(frames / self._wall, 2) if frames and self._wall else None,
        }


class VideoPipeline:
    """Finds the heads of a video's frames and follows them.

    Args:
        pipeline: Detector and estimator. Its threshold, or the one for videos with its
            detector, is what begins a track; see `headpose.video.tracking`.
        detect_every: Detect in one frame of so many; in between boxes are carried by
            optical flow, and detected where most are gone, as after a cut.
        smoother: None does not smooth.
        at_once: Most frames in a batch; None takes several detector's calls' worth.
        reidentifier: Gives heads that come back their old numbers; None gives new ones.

    Attributes:
        statistics: Of all frames so far.
    """

    def __init__(
        self,
        pipeline: HeadPosePipeline,
        detect_every: int = 1,
        smoother: HeadSmoother | None = None,
        at_once: int | None = None,
        reidentifier: "Reidentifier | None" = None,
    ):
        self.statistics = Statistics()
        self._pipeline, self._every, self._smoother = pipeline, detect_every, smoother
        self._at_once = at_once or min(DETECTED_AT_ONCE * detect_every, MAX_AT_ONCE)
        self._reidentifier = reidentifier
        confidence = video_confidence(pipeline)
        self._tracker = Tracker(confidence)
        self._flow = BoxFlow() if detect_every > 1 else None
        self._missing = 0  # heads that are looked for in each frame, see `_track`
        self._seen = 0

    def __call__(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, list[FollowedHead]]]:
        """Yields each frame with its heads, in the order in which they were first seen."""
        followed = self._followed(frames)
        for frame, heads in self._reidentifier(followed) if self._reidentifier else followed:
            self.statistics.tracks |= {head.track for head in heads}
            yield frame, heads

    def _followed(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, list[FollowedHead]]]:
        for batch in batches(frames, self._at_once, not self._seen):
            for frame, heads in zip(batch, self._follow(batch), strict=True):
                self.statistics.count(heads)
                yield frame, heads

    def _follow(self, batch: list[Frame]) -> list[list[FollowedHead]]:
        statistics = self.statistics
        first, self._seen = self._seen, self._seen + len(batch)
        due = [i for i in range(len(batch)) if (first + i) % self._every == 0]
        with statistics.timed("detection"):
            pictures = [batch[i].picture for i in due]
            min_score = self._tracker.min_score
            found = dict(zip(due, self._pipeline.detector.detect(pictures, min_score), strict=True))
        tracks = [self._track(frame, found.get(i)) for i, frame in enumerate(batch)]
        with statistics.timed("estimation"):
            boxes = [
                (as_boxes([t[1] for t in row]), np.array([t[2] for t in row], float))
                for row in tracks
            ]
            heads = self._pipeline.estimate([frame.picture for frame in batch], boxes)
        followed = [
            [self._smoothed(t[0], head, frame.time) for t, head in zip(row, found_, strict=True)]
            for frame, row, found_ in zip(batch, tracks, heads, strict=True)
        ]
        if self._smoother is not None:
            self._smoother.keep(track.number for track in self._tracker.tracks)
        statistics.count_detected(len(due))
        return followed

    def _track(self, frame: Frame, found) -> list[tuple[int, np.ndarray, float]]:
        """Returns number, box and score of the heads that are visible in a frame.

        Where most heads are lost from sight and the picture shows something else in their
        places, there was a cut, or something passes before them: from there on they are
        looked for in each frame, until as many are there again, or it is a frame's turn.
        """
        tracker = self._tracker
        with self.statistics.timed("tracking"):
            gone = self._carry(frame)
        self._missing = max(self._missing, gone) if found is None else gone
        if found is None and self._missing:
            with self.statistics.timed("detection"):
                (found,) = self._pipeline.detector.detect([frame.picture], tracker.min_score)
            self.statistics.count_detected(1)
        if found is not None:
            boxes, scores = found
            with self.statistics.timed("tracking"):
                tracker.update(boxes, scores, hidden=self._missing > 0)
        visible = tracker.visible
        if len(visible) >= self._missing:
            self._missing = 0
        return [(t.number, t.box, t.score) for t in visible]

    def _carry(self, frame: Frame) -> int:
        """Goes on to a frame; returns how many heads there were if most of them are gone.

        After a cut from a scene without heads it is 1: somebody may be there now.
        """
        tracker = self._tracker
        before = tracker.visible
        tracker.predict(frame.time)
        if self._flow is None:
            return 0
        boxes, trusted, changed = self._flow.move(frame.picture, [t.box for t in before])
        height, width = frame.picture.shape[:2]
        for track, box, sure in zip(before, boxes, trusted, strict=True):
            # What is smooth or blurred has nothing to follow; its motion goes on.
            if sure or inside([track.motion.box], width, height)[0]:
                tracker.carry(track, box if sure else None)
        if not before:
            return int(self._flow.is_cut())
        return len(before) if 2 * changed.sum() > len(before) else 0

    def _smoothed(self, track: int, head: Head, moment: float) -> FollowedHead:
        smooth = self._smoother(track, head, moment) if self._smoother else head
        return FollowedHead(track, head, smooth)


def batches(frames: Iterable[Frame], at_once: int, is_first: bool = True) -> Iterator[list[Frame]]:
    """Yields the first frame alone, whose call compiles, then as many as fit.

    Args:
        frames: Of a video.
        at_once: Most frames in a batch.
        is_first: Whether nothing came before.
    """
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        room = max(1, MAX_BYTES // frame.picture.nbytes)
        if len(batch) >= min(at_once, room) or is_first:
            yield batch
            batch, is_first = [], False
    if batch:
        yield batch


def video_confidence(pipeline: HeadPosePipeline) -> float:
    """Returns the threshold for videos: what was asked for, or the detector's."""
    if pipeline.confidence is not None:
        return pipeline.confidence
    if getattr(pipeline.detector, "fixed_size", None):  # of our networks SSD512's alone
        return VIDEO_CONFIDENCE
    return pipeline.detector.confidence
