"""Hiding heads in a video, those that are not seen for a moment among them."""

from collections import deque
from collections.abc import Sequence

from headpose.reporting import logger
from headpose.video.frames import Frame
from headpose.video.pipeline import FollowedHead

Box = tuple[float, float, float, float]

AROUND = 0.5  # seconds before and after a head is seen in which its place is hidden, too
MAX_HELD = 10**9  # bytes of pictures that wait at most: half a second of 4K at 80 frames a second


class HeadHider:
    """Tells which boxes to hide in each frame.

    A head is often found a few frames after it came into view, and missed for some in
    between: frames are held for a moment, so that the place where a head is first seen is
    hidden before, and the one where it was last seen, after.

    Args:
        around: Seconds, see `AROUND`; 0 holds nothing back, as for a window.
        frames: The same, of whichever is more: where frames come at uneven times, or seldom,
            as many as a head may be in before it gets a number.
        max_held: Bytes, see `MAX_HELD`; if that is less, it is told once.
    """

    def __init__(self, around: float = AROUND, frames: int = 0, max_held: int = MAX_HELD):
        self._around, self._frames, self._max_held = around, frames, max_held
        self._count = 0  # frames that went on
        self._told = False
        self._held: deque[tuple[Frame, list[FollowedHead]]] = deque()
        # Time, frame and box where it was last seen.
        self._last: dict[int, tuple[float, int, Box]] = {}

    def put(
        self, frame: Frame, heads: list[FollowedHead]
    ) -> list[tuple[Frame, list[FollowedHead], list[Box]]]:
        """Takes a frame; returns those that are ready, with the boxes to hide."""
        self._held.append((frame, heads))
        ready = []
        while self._held:
            waited = frame.time - self._held[0][0].time
            if waited < self._around or len(self._held) <= self._frames:
                if len(self._held) * frame.picture.nbytes <= self._max_held:
                    break
                self._tell(waited)
            ready.append(self._next())
        return ready

    def _tell(self, seconds: float) -> None:
        if not self._told:
            logger.warning(
                "frames of this size and rate need too much memory: heads are hidden only "
                "%.2f s before they are found, which may be less than that takes; --max-size makes "
                "frames smaller",
                seconds,
            )
        self._told = True

    def rest(self) -> list[tuple[Frame, list[FollowedHead], list[Box]]]:
        """Returns what is still held, at the end."""
        return [self._next() for _ in range(len(self._held))]

    def _next(self) -> tuple[Frame, list[FollowedHead], list[Box]]:
        frame, heads = self._held.popleft()
        self._count += 1
        boxes = {head.track: head.head.box for head in heads}
        later: Sequence = self._held
        for _, others in later:
            for head in others:
                boxes.setdefault(head.track, head.head.box)
        for track, (time, count, box) in list(self._last.items()):
            if frame.time - time > self._around and self._count - count > self._frames:
                del self._last[track]
            else:
                boxes.setdefault(track, box)
        seen = frame.time, self._count
        self._last |= {head.track: (*seen, head.head.box) for head in heads}
        return frame, heads, list(boxes.values())
