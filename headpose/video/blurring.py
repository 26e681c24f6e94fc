"""Hiding heads in a video, those that are not seen for a moment among them."""

from collections import deque
from collections.abc import Sequence

from headpose.reporting import logger
from headpose.video.frames import Frame
from headpose.video.pipeline import FollowedHead

Box = tuple[float, float, float, float]

# Seconds before and after a head is seen in which its place is hidden, too, or more where
# heads are detected less often.
AROUND = 0.5
MAX_HELD = 10**9  # bytes of pictures that wait at most: half a second of 4K at 80 frames a second


class HeadHider:
    """Tells which boxes to hide in each frame.

    A head is often found a few frames after it came into view, and missed for some in
    between: frames are held for a moment, so that the place where a head is first seen is
    hidden before, and the one where it was last seen, after.

    Args:
        around: Seconds, see `AROUND`; 0 holds nothing back, as for a window.
        max_held: Bytes, see `MAX_HELD`; if that is less, it is told once.
    """

    def __init__(self, around: float = AROUND, max_held: int = MAX_HELD):
        self._around, self._max_held = around, max_held
        self._told = False
        self._held: deque[tuple[Frame, list[FollowedHead]]] = deque()
        self._last: dict[int, tuple[float, Box]] = {}  # time and box where it was last seen

    def put(
        self, frame: Frame, heads: list[FollowedHead]
    ) -> list[tuple[Frame, list[FollowedHead], list[Box]]]:
        """Takes a frame; returns those that are ready, with the boxes to hide."""
        self._held.append((frame, heads))
        ready = []
        while self._held:
            waited = frame.time - self._held[0][0].time
            if waited < self._around:
                if len(self._held) * frame.picture.nbytes <= self._max_held:
                    break
                self._tell(waited)
            ready.append(self._next())
        return ready

    def _tell(self, seconds: float) -> None:
        if not self._told:
            logger.warning(
                "frames of this size and rate need too much memory: heads are hidden only "
                "%.2f s before they are found, not %.2f s; --max-size makes frames smaller",
                *(seconds, self._around),
            )
        self._told = True

    def rest(self) -> list[tuple[Frame, list[FollowedHead], list[Box]]]:
        """Returns what is still held, at the end."""
        return [self._next() for _ in range(len(self._held))]

    def _next(self) -> tuple[Frame, list[FollowedHead], list[Box]]:
        frame, heads = self._held.popleft()
        boxes = {head.track: head.head.box for head in heads}
        later: Sequence = self._held
        for _, others in later:
            for head in others:
                boxes.setdefault(head.track, head.head.box)
        for track, (time, box) in list(self._last.items()):
            if frame.time - time > self._around:
                del self._last[track]
            else:
                boxes.setdefault(track, box)
        self._last |= {head.track: (frame.time, head.head.box) for head in heads}
        return frame, heads, list(boxes.values())
