"""Face detection by OpenCV's cascades (Viola and Jones 2001), for comparison.

It finds frontal faces and profiles of some size, and needs no model file: the cascades
come with OpenCV.
"""

from pathlib import Path

import cv2
import numpy as np

from headpose.errors import HeadposeError
from headpose.geometry.boxes import as_boxes, centres, iou
from headpose.images.arrays import Pictures, as_pictures
from headpose.parallel.locking import one_at_a_time

FRONTAL, PROFILE = "haarcascade_frontalface_alt.xml", "haarcascade_profileface.xml"
FRONTAL_SCALE, PROFILE_SCALE = 1.2, 1.15  # deepgaze's scale factors
MIN_NEIGHBORS = 4  # hits that a face has at least
# Smallest face and long side of the picture, pixels; chosen by hand, not measured. The frontal
# cascade was trained on faces of 20 pixels.
MIN_SIZE, SIZE = 24, 1024
DEEPGAZE_MIN_SIZE = 64  # pixels, whatever the picture's size
TURN = 30.0  # degrees, of the turned passes
MERGE_IOU = 0.3  # finds of several passes that overlap more are one face


class ViolaJones:
    """Finds faces in passes: frontal, left profile, right profile, turned frontal.

    Args:
        turned: Whether to look for frontal faces in the picture turned by ±30 degrees.
        min_size: Smallest face, pixels.
        size: Long side in pixels; larger pictures are scaled down to it first; None never scales.
        grow: Whether face boxes are grown to head boxes; deepgaze crops the face box.

    Raises:
        HeadposeError: If OpenCV has no cascades (version 5 dropped them).
    """

    def __init__(
        self,
        turned: bool = False,
        min_size: int = MIN_SIZE,
        size: int | None = SIZE,
        grow: bool = True,
    ):
        # Below any score that a find can have, see `detect`.
        self.confidence = 0.5
        self._turned, self._min_size, self._size, self._grow = (
            turned,
            min_size,
            size,
            grow,
        )
        self._frontal, self._profile = load_cascade(FRONTAL), load_cascade(PROFILE)
        self._detect = one_at_a_time(self._detect_alone)  # a cascade keeps its state in itself

    @classmethod
    def as_deepgaze(cls, size: int | None = None) -> "ViolaJones":
        """Returns the detector as deepgaze uses it: all passes, face boxes from 64 pixels."""
        return cls(turned=True, min_size=DEEPGAZE_MIN_SIZE, size=size, grow=False)

    def detect(
        self, pictures: Pictures, confidence: float | None = None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Finds faces; see `headpose.detection.head_detector.HeadDetector.detect`.

        A face's score is 1 - 1 / (1 + n), n the number of cascade hits behind it; as a
        cascade answers yes or no, scores only order the faces. A find has at least four
        hits, so that thresholds below 0.8 keep all.
        """
        confidence = self.confidence if confidence is None else confidence
        return [self._detect(picture, confidence) for picture in as_pictures(pictures)]

    def __reduce__(self) -> tuple:
        return type(self), (self._turned, self._min_size, self._size, self._grow)

    def _detect_alone(
        self, picture: np.ndarray, confidence: float
    ) -> tuple[np.ndarray, np.ndarray]:
        height, width = picture.shape[:2]
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        scale = 1.0
        if self._size and max(height, width) > self._size:
            scale = self._size / max(height, width)
            grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = cv2.equalizeHist(grey)
        boxes, hits = merged(*self._passes(grey))
        scores = 1 - 1 / (1 + hits)
        kept = scores > confidence
        boxes, scores = boxes[kept] / scale, scores[kept]
        return (face_to_head(boxes) if self._grow else boxes), scores.astype(np.float32)

    def _passes(self, grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        width = grey.shape[1]
        found = [self._hits(self._frontal, grey, FRONTAL_SCALE)]
        found.append(self._hits(self._profile, grey, PROFILE_SCALE))
        boxes, hits = self._hits(self._profile, cv2.flip(grey, 1), PROFILE_SCALE)
        boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
        found.append((boxes, hits))
        for degrees in (TURN, -TURN) if self._turned else ():
            turned, back = _turned(grey, degrees)
            boxes, hits = self._hits(self._frontal, turned, FRONTAL_SCALE)
            found.append((_moved(boxes, back), hits))
        return np.concatenate([b for b, _ in found]), np.concatenate([h for _, h in found])

    def _hits(self, cascade, grey, factor: float) -> tuple[np.ndarray, np.ndarray]:
        smallest = (self._min_size, self._min_size)
        found, hits = cascade.detectMultiScale2(
            grey, factor, MIN_NEIGHBORS, cv2.CASCADE_SCALE_IMAGE, smallest
        )
        boxes = np.array(found, np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        return boxes, np.array(hits, np.float32).reshape(-1)


def load_cascade(name: str):
    path = Path(getattr(getattr(cv2, "data", None), "haarcascades", "")) / name
    if not hasattr(cv2, "CascadeClassifier") or not path.is_file():
        raise HeadposeError("this OpenCV has no cascades; install opencv-python below version 5")
    return cv2.CascadeClassifier(str(path))


def _turned(grey: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Turns a picture about its middle without cutting corners; also gives the way back."""
    height, width = grey.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    cos, sin = np.abs(matrix[0, 0]), np.abs(matrix[0, 1])
    size = int(height * sin + width * cos), int(height * cos + width * sin)
    matrix[:, 2] += np.array(size) / 2 - [width / 2, height / 2]
    return cv2.warpAffine(grey, matrix, size), cv2.invertAffineTransform(matrix)


def _moved(boxes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Moves boxes' middles by an affine map and keeps their extent."""
    middle = centres(boxes)
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    middle = middle @ matrix[:, :2].T + matrix[:, 2]
    return np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)


def merged(boxes: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Merges boxes that overlap: their mean weighted by hits, and the hits' sum.

    Args:
        boxes: (N, 4).
        hits: (N,), cascade hits behind each.

    Returns:
        Boxes and hits of the faces, most hits first.
    """
    order = np.argsort(-hits, kind="stable")
    boxes, hits = as_boxes(boxes)[order], hits[order]
    overlap = iou(boxes, boxes)
    free = np.ones(len(boxes), bool)
    merged_boxes, totals = [], []
    for i in range(len(boxes)):
        if not free[i]:
            continue
        group = free & (overlap[i] > MERGE_IOU)
        free &= ~group
        totals.append(hits[group].sum())
        merged_boxes.append((boxes[group] * hits[group, None]).sum(axis=0) / totals[-1])
    faces, hits = as_boxes(merged_boxes), np.array(totals, np.float32)
    order = np.argsort(-hits, kind="stable")
    return faces[order], hits[order]


# A head box (crown to chin) rises above a cascade's face box by this share of its side and
# meets it elsewhere: medians over the faces found in the training pictures of SCUT-HEAD.
GROW_TOP = 0.16


def face_to_head(boxes: np.ndarray) -> np.ndarray:
    """Grows cascade face boxes (N, 4) to head boxes."""
    grown = boxes.copy()
    grown[:, 1] -= GROW_TOP * (boxes[:, 3] - boxes[:, 1])
    return grown


def head_to_face(boxes: np.ndarray) -> np.ndarray:
    """Cuts head boxes (N, 4) to cascade face boxes: `face_to_head` the other way."""
    cut = boxes.copy()
    cut[:, 1] += GROW_TOP / (1 + GROW_TOP) * (boxes[:, 3] - boxes[:, 1])
    return cut
