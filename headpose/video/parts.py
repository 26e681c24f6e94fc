"""Videos in parts: heads are measured apart, and followed when all parts are there.

Following takes no pictures where heads are detected in every frame that is read: a head is
where it was detected. So a video can be divided anywhere, among any number of workers, and
its tracks are those that it would have in one go.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator

import numpy as np

from headpose.geometry.boxes import as_boxes
from headpose.pipeline import Head, HeadPosePipeline
from headpose.video.frames import Frame
from headpose.video.pipeline import DETECTED_AT_ONCE, FollowedHead, batches
from headpose.video.smoothing import HeadSmoother
from headpose.video.tracking import Tracker


@dataclasses.dataclass(frozen=True)
class Measured:
    """A frame whose heads are measured, and not followed yet.

    Attributes:
        index: Its number in the video, from 0.
        time: Seconds from the video's first frame.
        size: Width and height, pixels.
        boxes: As they were detected, float32 (N, 4), the unsure ones that may continue a
            track among them.
        heads: What is in them, N.
    """

    index: int
    time: float
    size: tuple[int, int]
    boxes: np.ndarray
    heads: list[Head]

    def as_text(self) -> str:
        """Returns it as a line of JSON, with all digits."""
        heads = [dataclasses.astuple(head) for head in self.heads]
        return json.dumps([self.index, self.time, self.size, self.boxes.tolist(), heads])

    @classmethod
    def from_text(cls, line: str) -> "Measured":
        """Reads what `as_text` gave."""
        index, time, (width, height), boxes, heads = json.loads(line)
        read = [Head(tuple(box), *rest) for box, *rest in heads]
        return cls(index, time, (width, height), as_boxes(boxes), read)


def measure(
    pipeline: HeadPosePipeline, frames: Iterable[Frame], confidence: float
) -> Iterator[Measured]:
    """Yields each frame with all heads that `follow` may need.

    Args:
        pipeline: Detector and estimator.
        frames: Of one part of a video.
        confidence: Threshold that begins a track.
    """
    min_score = Tracker(confidence).min_score
    for batch in batches(frames, DETECTED_AT_ONCE):
        pictures = [frame.picture for frame in batch]
        found = pipeline.detector.detect(pictures, min_score)
        measured = pipeline.estimate(pictures, found)
        for frame, (boxes, _), heads in zip(batch, found, measured, strict=True):
            height, width = frame.picture.shape[:2]
            yield Measured(frame.index, frame.time, (width, height), as_boxes(boxes), heads)


def follow(
    frames: Iterable[Measured], confidence: float, smoother: HeadSmoother
) -> Iterator[tuple[Measured, list[FollowedHead]]]:
    """Yields each frame with the heads that a video in one go shows, by the same numbers.

    Args:
        frames: Of all parts, in order.
        confidence: Threshold that begins a track.
        smoother: Of all parts.
    """
    tracker = Tracker(confidence)
    for frame in frames:
        tracker.predict(frame.time)
        tracker.update(frame.boxes, [head.score for head in frame.heads])
        followed = []
        for track in tracker.visible:
            (row, *_) = np.flatnonzero((frame.boxes == track.box).all(axis=1))
            head = frame.heads[row]
            smooth = smoother(track.number, head, frame.time)
            followed.append(FollowedHead(track.number, head, smooth))
        smoother.keep(track.number for track in tracker.tracks)
        yield frame, followed
