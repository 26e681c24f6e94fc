"""YuNet, a published face detector, behind the same calls as ours.

Reads the ONNX files of OpenCV's model zoo through `cv2.FaceDetectorYN` (Wu et al.,
"YuNet: A Tiny Millisecond-level Face Detector", 2023).
"""

from pathlib import Path

import cv2
import numpy as np

from headpose.detection.metrics import LOWEST_SCORE
from headpose.errors import HeadposeError
from headpose.geometry.boxes import as_boxes
from headpose.images.arrays import Pictures, as_pictures
from headpose.models.onnx_header import refuse_external_data
from headpose.models.sessions import check_name
from headpose.parallel.locking import one_at_a_time

# A head box (crown to chin) extends beyond YuNet's face box by these shares of its width
# and height: medians over the faces found in the training pictures of SCUT-HEAD.
GROW_SIDES, GROW_TOP, GROW_BOTTOM = 0.22, 0.33, 0.04
SIZE = 768  # pixels, long side; chosen by hand, not measured
# Which finds of the network stay: of two that overlap by more than this IoU the better one, as
# `headpose.models.suppression.PUBLISHED` has it; and of those so many, OpenCV's own default.
NMS_IOU, TOP_K = 0.45, 5000
ANY_SIZE = (320, 320)  # that OpenCV wants to be told first; each picture sets its own


class YuNet:
    """A face detector from an ONNX file.

    Args:
        path: The ONNX file.
        size: The long side that pictures are scaled to, pixels.
        grow: Whether to grow face boxes to head boxes.

    Raises:
        HeadposeError: If OpenCV cannot read the file.
    """

    def __init__(self, path: str | Path, size: int = SIZE, grow: bool = True):
        self.confidence = 0.5
        self._path = Path(path)
        self._size = size
        self._grow = grow
        refuse_external_data(path)
        check_name(self._path)
        try:
            self._network = cv2.FaceDetectorYN.create(
                str(path), "", ANY_SIZE, LOWEST_SCORE, NMS_IOU, TOP_K
            )
        except cv2.error as error:
            raise HeadposeError(
                f"{path}: neither a detector of ours nor a YuNet face detector (or a damaged one)"
            ) from error
        self._detect = one_at_a_time(self._detect_alone)  # it keeps the picture's size in itself

    def detect(
        self, pictures: Pictures, confidence: float | None = None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Finds faces; see `headpose.detection.head_detector.HeadDetector.detect`.

        No face scores below 0.02 (`LOWEST_SCORE`), however low the threshold.
        """
        confidence = self.confidence if confidence is None else confidence
        return [self._detect(picture, confidence) for picture in as_pictures(pictures)]

    def __reduce__(self) -> tuple:
        return type(self), (self._path.absolute(), self._size, self._grow)

    def _detect_alone(
        self, picture: np.ndarray, confidence: float
    ) -> tuple[np.ndarray, np.ndarray]:
        scale = self._size / max(picture.shape[:2])
        size = [max(1, round(n * scale)) for n in picture.shape[1::-1]]
        self._network.setInputSize(size)
        found = self._network.detect(cv2.resize(picture, size))[1]
        if found is None:
            return as_boxes([]), np.zeros(0, np.float32)
        found = found[found[:, -1] > confidence]
        corners, extent = found[:, :2], found[:, 2:4]
        if self._grow:
            low = corners - extent * np.array([GROW_SIDES, GROW_TOP])
            high = corners + extent * np.array([1 + GROW_SIDES, 1 + GROW_BOTTOM])
        else:
            low, high = corners, corners + extent
        boxes = np.concatenate([low, high], axis=1) * np.tile(picture.shape[1::-1], 2)
        return as_boxes(boxes / np.tile(size, 2)), found[:, -1]
