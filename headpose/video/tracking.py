"""Following heads from frame to frame: which box of this frame is which head of the last.

After Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box",
ECCV 2022: sure boxes are given to tracks first, then unsure ones to the tracks that are
left. Boxes are widened before they are compared, as in Yang et al., "Hard to Track Objects
with Irregular Motions and Similar Appearances? Make It Easier by Buffering the Matching
Space", WACV 2023: small heads may move by more than their size between two frames.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike

from headpose.geometry.boxes import as_boxes, assign, iou

UNSURE = 0.4  # boxes that score this share of the threshold may continue a track
BEYOND_DOUBT = 0.5  # share of the way from the threshold to 1: a head is shown at once
MIN_SURE, MIN_UNSURE = 0.15, 0.4  # overlap (IoU) with which a box continues a track
MIN_WIDENED, MAX_WIDENED = 0.3, 1.0  # of a head's size, on each side
LOST_SECONDS, LOST_DETECTIONS = 1.0, 3  # a head unseen for more than both is forgotten

# Of a motion at constant speed, in head sizes: standard deviations of a measured position,
# of the speed of a new head (a second), and of the acceleration (a second squared).
MEASURED, FIRST_SPEED, ACCELERATION = 0.05, 2.0, 6.0


class _Motion:
    """A Kalman filter for a box that moves and grows at nearly constant speed.

    Deviations are in head sizes and the same for centre, width and height, so that one
    covariance of position and speed (2, 2) does for all.
    """

    def __init__(self, box: np.ndarray):
        self._state = np.stack([_centred(box), np.zeros(4)])  # position, speed
        self._covariance = np.diag([MEASURED**2, FIRST_SPEED**2])

    def predict(self, seconds: float) -> None:
        turn = np.array([[1, seconds], [0, 1]])
        push = np.array([seconds**2 / 2, seconds])
        self._state = turn @ self._state
        self._covariance = turn @ self._covariance @ turn.T + ACCELERATION**2 * np.outer(push, push)
        self._state[0, 2:] = np.maximum(self._state[0, 2:], 1)

    def correct(self, box: np.ndarray) -> None:
        gain = self._covariance[:, 0] / (self._covariance[0, 0] + MEASURED**2)
        self._state += np.outer(gain, _centred(box) - self._state[0])
        self._covariance -= np.outer(gain, self._covariance[0])

    def stop_growing(self) -> None:
        self._state[1, 2:] = 0

    @property
    def box(self) -> np.ndarray:
        centre, half = self._state[0, :2], self._state[0, 2:] / 2
        return np.concatenate([centre - half, centre + half])

    @property
    def deviation(self) -> float:
        """Of the position, in head sizes."""
        return math.sqrt(self._covariance[0, 0])


def _centred(box: np.ndarray) -> np.ndarray:
    """Returns centre x, y, width and height of a box."""
    x0, y0, x1, y1 = np.asarray(box, np.float64)
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0])


@dataclasses.dataclass
class Track:
    """One head that is followed.

    Attributes:
        number: Its name, from 1 on, never used again; 0 until it is shown.
        box: Where it was last seen, xmin, ymin, xmax, ymax.
        score: Of the last detection.
        seen: Seconds, when that was.
        missed: Detections without it since.
        sure: Whether it was detected more than once.
    """

    number: int
    box: np.ndarray
    score: float
    seen: float
    motion: _Motion
    missed: int = 0
    sure: bool = False

    def place(self, box: np.ndarray, time: float) -> None:
        """Places the head where it is seen."""
        self.box, self.seen = np.asarray(box, np.float32), time
        self.motion.correct(box)

    def find(self, box: np.ndarray, score: float, time: float) -> None:
        """Places the head where it is detected."""
        self.place(box, time)
        self.score, self.missed, self.sure = score, 0, True

    def miss(self) -> None:
        """Notes that a detection did not show the head."""
        self.missed += 1
        self.motion.stop_growing()


class Tracker:
    """Follows heads.

    A head gets a number and is shown from its second detection on, as many a false one is
    seen only once; in the first frame, or with a high score, from the first.

    For each frame call `predict` first; then `carry`, if boxes are followed between
    detections; then `update`, if heads were detected in the frame. `visible` has the heads.

    Args:
        confidence: Score above which a box that continues no track begins one.

    Attributes:
        tracks: Heads that are followed, those that are lost from sight among them.
    """

    def __init__(self, confidence: float):
        self.confidence = confidence
        self.tracks: list[Track] = []
        self._last_number, self._first = 0, True
        self._time: float | None = None

    @property
    def min_score(self) -> float:
        """Below this score a box is of no use."""
        return UNSURE * self.confidence

    @property
    def visible(self) -> list[Track]:
        """The heads that the last frame showed."""
        return [t for t in self.tracks if t.number and t.seen == self._time and not t.missed]

    def predict(self, time: float) -> None:
        """Goes on to the frame at `time`, seconds; must grow."""
        step = 0.0 if self._time is None else time - self._time
        self._time = time
        for track in self.tracks:
            track.motion.predict(step)

    def carry(self, track: Track, box: np.ndarray | None) -> None:
        """Places a head where it was followed to without detection.

        Args:
            track: One that the last frame showed.
            box: Where it is seen; None places it where its motion leads to.
        """
        if box is not None:
            track.place(box, self._now)
        else:
            track.box, track.seen = as_boxes([track.motion.box])[0], self._now

    def update(self, boxes: ArrayLike, scores: ArrayLike, hidden: bool = False) -> None:
        """Gives detected boxes to tracks, begins new ones and forgets old ones.

        Args:
            boxes: (N, 4), all that score `min_score` or more.
            scores: (N,).
            hidden: Whether something hides most heads: those that were detected only once so
                far are not forgotten for it.
        """
        boxes, scores = as_boxes(boxes), np.asarray(scores, np.float64)
        is_sure = scores > self.confidence
        rows = np.flatnonzero(is_sure)
        pairs = assign(_widened_overlap(self.tracks, boxes[rows]), MIN_SURE)
        left, free = self._find(self.tracks, boxes, scores, rows, pairs)
        # An unsure box must fit well, and only continues what was shown the last time.
        rows = np.flatnonzero(~is_sure)
        shown = [t for t in left if t.number and not t.missed]
        pairs = assign(iou([t.motion.box for t in shown], boxes[rows]), MIN_UNSURE)
        unshown = [t for t in left if not t.number or t.missed]
        left, _ = self._find(shown, boxes, scores, rows, pairs)
        for track in (*unshown, *left):
            track.miss()
        for row in free:
            box, score = boxes[row], float(scores[row])
            self.tracks.append(Track(0, box, score, self._now, _Motion(box)))
        self.tracks = [track for track in self.tracks if not self._is_over(track, hidden)]
        plain = self.confidence + BEYOND_DOUBT * (1 - self.confidence)
        for track in self.tracks:
            if not track.number and (track.sure or track.score >= plain or self._first):
                self._last_number += 1
                track.number = self._last_number
        self._first = False

    def _find(self, tracks, boxes, scores, rows, pairs) -> tuple[list[Track], np.ndarray]:
        """Gives rows to tracks by pairs of indices; returns the tracks and rows left over."""
        chosen, taken = pairs
        for i, row in zip(chosen, rows[taken], strict=True):
            tracks[i].find(boxes[row], float(scores[row]), self._now)
        return [t for i, t in enumerate(tracks) if i not in chosen], np.delete(rows, taken)

    @property
    def _now(self) -> float:
        """Seconds of the frame that `predict` went on to."""
        return self._time or 0.0

    def _is_over(self, track: Track, hidden: bool) -> bool:
        if not track.missed:
            return False
        long_ago = self._now - track.seen > LOST_SECONDS and track.missed > LOST_DETECTIONS
        return long_ago or not (track.sure or hidden)


def _widened_overlap(tracks: list[Track], boxes: np.ndarray) -> np.ndarray:
    """Returns the IoU (N, M) of predicted boxes and detected ones, both widened.

    The less it is known where a head is, the wider.
    """
    result = np.zeros((len(tracks), len(boxes)))
    for row, track in enumerate(tracks):
        share = float(np.clip(MIN_WIDENED + track.motion.deviation, 0, MAX_WIDENED))
        result[row] = iou(_widened(track.motion.box[None], share), _widened(boxes, share))
    return result


def _widened(boxes: np.ndarray, share: float) -> np.ndarray:
    margin = share * np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return boxes + margin * [-1, -1, 1, 1]
